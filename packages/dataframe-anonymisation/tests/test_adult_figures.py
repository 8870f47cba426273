import pytest

from dataframe_anonymisation import KAnonymity, LDiversity, TCloseness, anonymise


@pytest.mark.parametrize(
    ("k", "gcp", "suppressed"),
    [(2, 0.1323, 1304), (5, 0.2051, 1458), (10, 0.2757, 1484), (50, 0.4271, 1306)],
)
def test_the_optimum_on_adult_is_what_arx_finds(adult, adult_policy, k, gcp, suppressed):
    _, report = anonymise(adult, adult_policy(KAnonymity(k=k), algorithm="optimal"))

    assert round(report["loss"]["gcp"], 4) == gcp
    assert report["rows_suppressed"] == suppressed
    assert report["optimal"] is True


@pytest.mark.parametrize(
    ("model", "gcp", "suppressed"),
    [
        (LDiversity(l=3), 0.2172, 1071),
        (LDiversity(l=2, variant="entropy"), 0.2172, 1071),
        (TCloseness(t=0.2), 0.8308, 235),
    ],
)
def test_the_optimum_with_a_second_model_is_what_arx_finds(
    adult, adult_policy, model, gcp, suppressed
):
    asked = adult_policy(KAnonymity(k=5), model, algorithm="optimal")

    _, report = anonymise(adult, asked)

    assert round(report["loss"]["gcp"], 4) == gcp
    assert report["rows_suppressed"] == suppressed


@pytest.mark.parametrize(
    ("k", "gcp", "error"), [(2, 0.0127, 0.02), (5, 0.0307, 0.04), (10, 0.0465, 0.065)]
)
def test_local_recoding_of_adult_loses_little_without_suppression(
    adult, adult_policy, k, gcp, error
):
    asked = adult_policy(KAnonymity(k=k), algorithm="local", suppression_limit=0.0)

    _, report = anonymise(adult, asked)

    assert report["loss"]["gcp"] <= gcp
    assert report["loss"]["median_query_error"] <= error
    assert report["rows_suppressed"] == 0


@pytest.mark.parametrize(
    ("model", "gcp"),
    [
        (LDiversity(l=3), 0.03445),
        (LDiversity(l=2, variant="entropy"), 0.0365),
        (TCloseness(t=0.2), 0.437),
    ],
)
def test_local_recoding_of_adult_protects_occupations_with_little_loss(
    adult, adult_policy, model, gcp
):
    asked = adult_policy(KAnonymity(k=5), model, algorithm="local", suppression_limit=0.05)

    _, report = anonymise(adult, asked)

    assert report["loss"]["gcp"] <= gcp
    assert report["suppressed_share"] <= 0.05
    assert report["verified"]["holds"]


@pytest.mark.parametrize("algorithm", ["optimal", "local", "mondrian"])
def test_an_45_equal_calls_give_equal_bytes_whatever_the_order_of_rows(
    adult, adult_policy, algorithm
):
    asked = adult_policy(KAnonymity(k=5), LDiversity(l=2), algorithm=algorithm)

    first, report = anonymise(adult, asked)
    second, again = anonymise(adult.sample(frac=1, random_state=3), asked)

    assert first.astype(str).to_csv() == second.astype(str).to_csv()
    assert report == again
