"""One test for each trap that other tools fall into, by its number AN-nn."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dataframe_anonymisation import (
    AlphaKAnonymity,
    AnonymisationPolicy,
    BetaLikeness,
    DeltaDisclosure,
    DeltaPresence,
    Hierarchy,
    KAnonymity,
    LDiversity,
    PolicyError,
    TCloseness,
    UnattainableError,
    anonymise,
    assess_risk,
    verify_anonymity,
)
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import ConfigurationError, DatasetError

ALGORITHMS = ["optimal", "local", "mondrian"]


def published_classes(frame, columns):
    return frame.groupby(columns, dropna=False, observed=True).size()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_01_and_11_k_above_the_number_of_rows_is_an_error_that_says_what_could_be(
    patients, patient_policy, algorithm
):
    with pytest.raises(UnattainableError, match="has 9 rows, so at most k=9"):
        anonymise(patients, patient_policy(KAnonymity(k=10), algorithm=algorithm))


def test_an_02_missing_quasi_identifiers_are_a_value_of_their_own(patients, patient_policy):
    patients.loc[[0, 3, 4], "zip"] = None
    kept = patient_policy(KAnonymity(k=1))
    strict = patient_policy(KAnonymity(k=2), missing_quasi_identifiers="error")
    left_out = patient_policy(
        KAnonymity(k=2),
        missing_quasi_identifiers="suppress",
        suppression_limit=0.4,
        report_threshold=3,
    )

    assert anonymise(patients, kept)[0]["zip"].isna().sum() == 3
    with pytest.raises(PolicyError, match="missing values: 'zip'"):
        anonymise(patients, strict)
    frame, report = anonymise(patients, left_out)
    assert len(frame) == 6
    assert report["suppressed_by_reason"]["missing values"] == 3


def test_an_02_a_class_of_missing_values_counts_like_any_other():
    frame = pd.DataFrame({"a": ["x", "x", None, np.nan, "y", "y"], "s": list("abcdef")})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2)], quasi_identifiers=["a"], sensitive_attributes=["s"]
    )

    result, _ = anonymise(frame, asked)

    assert len(result) == 6
    assert result["a"].isna().sum() == 2


def test_an_02_a_row_with_a_missing_and_an_unknown_value_is_suppressed_once():
    frame = pd.DataFrame(
        {
            "a": ["x"] * 6 + ["y", None, None],
            "b": ["1"] * 6 + ["2", "1", "2"],
            "s": list("pqrpqrpqr"),
        }
    )
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=3)],
        quasi_identifiers=["a", "b"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression(), "b": Hierarchy.mapping({"1": ["*"]})},
        missing_quasi_identifiers="suppress",
        unknown_values="suppress",
        suppression_limit=1 / 3,
        report_threshold=0,
    )

    result, report = anonymise(frame, asked)

    assert len(result) == 6
    assert report["rows_suppressed"] == 3
    assert report["suppressed_share"] == 1 / 3
    assert report["suppressed_by_reason"] == {
        "missing values": 2,
        "values unknown to hierarchies": 1,
        "no class that satisfies the models": 0,
    }


def test_an_03_a_missing_sensitive_value_is_no_distinct_value_unless_asked():
    frame = pd.DataFrame({"a": ["x"] * 4, "s": ["p", "p", None, None]})

    def asked(**options):
        return AnonymisationPolicy(
            models=[LDiversity(l=2, **options)], quasi_identifiers=["a"], sensitive_attributes=["s"]
        )

    with pytest.raises(UnattainableError, match="1 distinct values"):
        anonymise(frame, asked())
    with pytest.raises(UnattainableError):
        anonymise(frame.fillna("p"), asked(missing_counts=True))


def test_an_03_missing_values_are_part_of_the_distribution():
    frame = pd.DataFrame({"a": ["x"] * 4, "s": ["p", "p", None, None]})
    asked = AnonymisationPolicy(
        models=[LDiversity(l=2, variant="entropy")],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
    )

    assert len(anonymise(frame, asked)[0]) == 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("t", [0.1, 0.25, 0.5])
def test_an_04_the_distance_that_is_named_is_enforced(patients, patient_policy, algorithm, t):
    asked = patient_policy(
        KAnonymity(k=2), TCloseness(t=t), algorithm=algorithm, suppression_limit=0.4
    )

    result, report = anonymise(patients, asked)

    whole = patients["disease"].value_counts(normalize=True)
    for _, rows in result.groupby(["zip", "age"], observed=True, dropna=False):
        shares = rows["disease"].value_counts(normalize=True).reindex(whole.index, fill_value=0)
        assert (shares - whole).abs().sum() / 2 <= t + 1e-9
    assert report["verified"]["holds"]


def test_an_06_and_07_neither_the_index_nor_the_order_of_the_input_comes_out(
    patients, patient_policy
):
    asked = patient_policy(KAnonymity(k=3))
    shuffled = patients.sample(frac=1, random_state=1)

    result, _ = anonymise(patients, asked)
    again, _ = anonymise(shuffled, asked)

    assert list(result.columns) == list(patients.columns)
    assert result.index.equals(pd.RangeIndex(len(result)))
    pd.testing.assert_frame_equal(result, again)


def test_an_07_a_preserved_order_is_never_called_safe(patients, patient_policy):
    result, report = anonymise(patients, patient_policy(KAnonymity(k=3), order="preserve"))

    assert list(result["disease"]) == list(patients["disease"])
    assert any("order of the input" in warning for warning in report["warnings"])


def test_an_08_columns_without_a_role_are_refused_dropped_or_kept(patients, patient_policy):
    patients["note"] = "n"

    with pytest.raises(PolicyError, match="Columns have no role: 'note'"):
        anonymise(patients, patient_policy(KAnonymity(k=3)))
    dropped, _ = anonymise(patients, patient_policy(KAnonymity(k=3), unclassified="drop"))
    kept, report = anonymise(patients, patient_policy(KAnonymity(k=3), unclassified="keep"))
    assert "note" not in dropped
    assert "note" in kept
    assert any("'note'" in warning for warning in report["warnings"])


def test_an_08_identifiers_are_masked_or_dropped(patients, patient_policy):
    patients["name"] = [f"hush{n}" for n in range(9)]
    asked = {"identifiers": ["name"]}

    masked, _ = anonymise(patients, patient_policy(KAnonymity(k=3), **asked))
    dropped, _ = anonymise(
        patients, patient_policy(KAnonymity(k=3), identifier_action="drop", **asked)
    )

    assert set(masked["name"]) == {"*"}
    assert "name" not in dropped


def test_an_08_a_nearly_unique_insensitive_column_is_warned_of(patients, patient_policy):
    patients["ticket"] = range(9)

    _, report = anonymise(
        patients, patient_policy(KAnonymity(k=3), insensitive_attributes=["ticket"])
    )

    assert any("'ticket'" in warning and "identifier" in warning for warning in report["warnings"])


def test_an_09_a_fully_suppressed_table_is_told_with_its_loss():
    frame = pd.DataFrame({"a": list("abcd"), "s": list("ppqq")})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        missing_quasi_identifiers="suppress",
        suppression_limit=1.0,
        algorithm="optimal",
    )

    result, report = anonymise(frame.assign(a=None), asked)

    assert len(result) == 0
    assert report["loss"]["gcp"] == 1.0
    assert report["suppressed_share"] == 1.0
    assert any("Every row is suppressed" in warning for warning in report["warnings"])


@pytest.mark.parametrize("limit", [0.0, 0.05, 0.2])
def test_an_10_and_24_leftovers_join_classes_or_stay_within_the_limit(adult, adult_policy, limit):
    asked = adult_policy(
        KAnonymity(k=50), LDiversity(l=6), algorithm="local", suppression_limit=limit
    )

    result, report = anonymise(adult.head(4000), asked)

    assert report["rows_suppressed"] <= limit * 4000
    assert len(result) == 4000 - report["rows_suppressed"]
    assert published_classes(result, list(asked.quasi_identifiers)).min() >= 50


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (LDiversity(l=4), "at most l=3"),
        (LDiversity(l=3, variant="entropy"), "has the entropy of"),
        (LDiversity(l=3, c=1, variant="recursive"), "the whole table fails"),
        (AlphaKAnonymity(k=2, alpha=0.3), "value has a share of"),
        (DeltaPresence(0.5, 1, "disease", value="flu"), "has a share of 0"),
        (DeltaPresence(0.5, 1, "disease"), "no row has the value that flags rows"),
    ],
)
def test_an_11_what_the_table_itself_rules_out_is_found_before_the_search(
    patients, patient_policy, model, reason
):
    with pytest.raises(UnattainableError, match=reason):
        anonymise(patients, patient_policy(model, suppression_limit=0.0))


@pytest.mark.parametrize(
    "model",
    [
        LDiversity(l=3, variant="entropy"),
        LDiversity(l=3, c=1.1, variant="recursive"),
        AlphaKAnonymity(k=2, alpha=0.34),
        DeltaPresence(0.3, 0.4, "disease", value="flu"),
    ],
)
def test_an_11_what_suppression_can_mend_is_not_ruled_out(model):
    frame = pd.DataFrame({"a": ["x"] * 6 + ["y"] * 3, "disease": [*"hhffcc", *"hhh"]})
    frame["disease"] = frame["disease"].map({"h": "heart", "f": "flu", "c": "cancer"})
    asked = AnonymisationPolicy(
        models=[model],
        quasi_identifiers=["a"],
        sensitive_attributes=["disease"],
        hierarchies={"a": Hierarchy.suppression()},
        algorithm="optimal",
        suppression_limit=1 / 3,
    )

    result, _ = anonymise(frame, asked)

    assert set(result["a"]) == {"x"}


def test_an_48_a_search_that_ends_early_says_that_it_found_none():
    from dataframe_anonymisation.api import encoded
    from dataframe_anonymisation.preparing import Protected, prepare
    from dataframe_anonymisation.search.optimal import find_optimal

    frame = pd.DataFrame({"a": ["x"] * 6 + ["y"] * 3, "s": [*"hhffcc", *"hhh"]})
    asked = AnonymisationPolicy(
        models=[AlphaKAnonymity(k=2, alpha=0.4)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        suppression_limit=1 / 3,
    )
    cells = Protected(encoded(frame["s"], "s"), slice(None), np.ones(9, np.int64))
    prepared = prepare(asked, {"a": encoded(frame["a"], "a")}, {"s": cells})

    def search(**ends):
        return find_optimal(prepared.table, prepared.models, budget=3, **ends)

    assert search().is_optimal
    for ends in ({"max_visited": 1}, {"max_tuples": 1}):
        with pytest.raises(UnattainableError, match="found none among 1 generalisations"):
            search(**ends)


def test_an_48_models_that_are_not_monotone_have_an_answer_at_once(adult, adult_policy):
    from dataframe_anonymisation.api import _protected, encoded
    from dataframe_anonymisation.preparing import prepare
    from dataframe_anonymisation.search.optimal import find_optimal

    asked = adult_policy(KAnonymity(k=5), TCloseness(t=0.1))
    quasi = {name: encoded(adult[name], name) for name in asked.quasi_identifiers}
    prepared = prepare(asked, quasi, _protected(adult, asked))

    found = find_optimal(prepared.table, prepared.models, budget=0, max_visited=3)

    assert found is not None
    assert found.is_optimal is False


@pytest.mark.parametrize(
    "make",
    [
        lambda: KAnonymity(k=0),
        lambda: KAnonymity(k=2.5),
        lambda: KAnonymity(k=True),
        lambda: LDiversity(l=0),
        lambda: LDiversity(l=2.5),
        lambda: LDiversity(l=2, variant="recursive"),
        lambda: LDiversity(l=2, c=3),
        lambda: LDiversity(l=2, c=0, variant="recursive"),
        lambda: LDiversity(l=2, variant="other"),
        lambda: TCloseness(t=-0.1),
        lambda: TCloseness(t=1.1),
        lambda: TCloseness(t=float("nan")),
        lambda: TCloseness(t=0.1, distance="other"),
        lambda: AlphaKAnonymity(k=2, alpha=0),
        lambda: AlphaKAnonymity(k=2, alpha=1.5),
        lambda: DeltaDisclosure(delta=0),
        lambda: BetaLikeness(beta=0),
        lambda: DeltaPresence(0.6, 0.4),
    ],
)
def test_an_12_parameters_out_of_range_are_refused_where_they_are_given(make):
    with pytest.raises(PolicyError):
        make()


@pytest.mark.parametrize("limit", [5, -0.1, 1.01, True, "0.05"])
def test_an_25_a_suppression_limit_is_a_share_and_no_percentage(patient_policy, limit):
    with pytest.raises(PolicyError, match="not a percentage"):
        patient_policy(KAnonymity(k=2), suppression_limit=limit)


def test_an_13_masked_rows_are_exempt_or_tested_as_a_class():
    frame = pd.DataFrame({"a": ["x"] * 5 + ["y", "z"], "s": list("pqrpqrr")})
    asked = {
        "models": [KAnonymity(k=3)],
        "quasi_identifiers": ["a"],
        "sensitive_attributes": ["s"],
        "hierarchies": {"a": Hierarchy.suppression()},
        "algorithm": "optimal",
        "suppression_limit": 0.3,
        "suppressed": "mask",
    }

    exempt, report = anonymise(frame, AnonymisationPolicy(**asked))

    assert (exempt["a"] == "*").sum() == 2
    assert exempt.loc[exempt["a"] == "*", "s"].isna().all()
    assert report["rows_suppressed"] == 2
    assert report["verified"]["masked_rows"] == 2
    with pytest.raises(UnattainableError, match="2 masked rows do not satisfy"):
        anonymise(frame, AnonymisationPolicy(**asked, suppressed_class="tested"))


def test_an_13_masked_rows_that_satisfy_the_models_keep_their_sensitive_values():
    frame = pd.DataFrame({"a": ["x"] * 5 + ["y", "z"], "s": list("pqrpqqr")})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2), LDiversity(l=2)],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression()},
        algorithm="optimal",
        suppression_limit=0.3,
        suppressed="mask",
        suppressed_class="tested",
    )

    result, report = anonymise(frame, asked)

    assert sorted(result.loc[result["a"] == "*", "s"]) == ["q", "r"]
    assert report["verified"]["classes"] == 2


def test_an_14_a_star_is_a_value_of_its_own_for_the_guarantee():
    frame = pd.DataFrame({"a": ["x", "x", "*", "*"], "b": ["1", "1", "1", "*"]})

    assert not verify_anonymity(frame, ["a", "b"], [KAnonymity(k=2)])["holds"]


def test_an_15_distances_are_to_the_original_table_and_not_to_what_is_published():
    lone = [f"y{n}" for n in range(20)]
    frame = pd.DataFrame({"a": ["x"] * 80 + lone, "s": ["p"] * 40 + ["q"] * 60})
    asked = {
        "quasi_identifiers": ["a"],
        "sensitive_attributes": ["s"],
        "hierarchies": {"a": Hierarchy.suppression()},
        "algorithm": "optimal",
        "suppression_limit": 0.2,
    }

    _, report = anonymise(
        frame, AnonymisationPolicy(models=[KAnonymity(k=2), TCloseness(t=0.1)], **asked)
    )

    assert report["models"][1]["achieved"] == pytest.approx(0.1)  # 0 against the published rows


def test_an_16_and_17_values_that_a_class_lacks_count_as_the_definition_says():
    frame = pd.DataFrame({"a": ["x"] * 2 + ["y"] * 2, "s": list("pppq")})
    quasi = ["a"]

    def held(model):
        return verify_anonymity(frame, quasi, [model])["holds"]

    assert held(DeltaDisclosure(delta=0.7, attribute="s"))
    assert not held(DeltaDisclosure(delta=0.7, attribute="s", zero="fail"))
    assert held(BetaLikeness(beta=1, attribute="s"))
    assert not held(BetaLikeness(beta=0.99, attribute="s"))


@pytest.mark.parametrize(
    ("model", "holds"),
    [
        (KAnonymity(k=5), True),
        (KAnonymity(k=6), False),
        (LDiversity(l=2, attribute="s"), True),
        (LDiversity(l=3, attribute="s"), False),
        (TCloseness(t=0.1, attribute="s"), True),
        (TCloseness(t=0.0999999, attribute="s"), False),
        (AlphaKAnonymity(k=5, alpha=0.6, attribute="s"), True),
        (AlphaKAnonymity(k=5, alpha=0.5999999, attribute="s"), False),
        (LDiversity(l=2, c=1.5, variant="recursive", attribute="s"), False),
        (LDiversity(l=2, c=1.5000001, variant="recursive", attribute="s"), True),
    ],
)
def test_an_17_and_18_bounds_are_met_exactly_on_both_sides(model, holds):
    frame = pd.DataFrame({"a": ["x"] * 5 + ["y"] * 5, "s": list("pppqqqqqpp")})
    asked = AnonymisationPolicy(
        models=[model],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        hierarchies={"a": Hierarchy.suppression()},
        suppression_limit=0.0,
        algorithm="optimal",
    )

    try:
        result, _ = anonymise(frame, asked)
    except UnattainableError:
        assert not holds
        return
    assert (set(result["a"]) == {"x", "y"}) is holds


def test_an_19_every_sensitive_attribute_is_tested_in_every_class():
    frame = pd.DataFrame({"a": list("xxyy"), "first": list("pqpq"), "second": ["u", "u", "v", "v"]})
    asked = {
        "quasi_identifiers": ["a"],
        "sensitive_attributes": ["first", "second"],
        "hierarchies": {"a": Hierarchy.suppression()},
    }
    one = [LDiversity(l=2, attribute="first")]
    both = [*one, LDiversity(l=2, attribute="second")]

    assert set(anonymise(frame, AnonymisationPolicy(models=one, **asked))[0]["a"]) == {"x", "y"}
    assert set(anonymise(frame, AnonymisationPolicy(models=both, **asked))[0]["a"]) == {"*"}
    with pytest.raises(PolicyError, match="needs 'attribute'"):
        AnonymisationPolicy(models=[LDiversity(l=2)], **asked)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_20_models_are_tested_jointly(adult, adult_policy, algorithm):
    models = [KAnonymity(k=4), LDiversity(l=3), TCloseness(t=0.45), AlphaKAnonymity(k=4, alpha=0.6)]
    asked = adult_policy(*models, algorithm=algorithm, suppression_limit=0.2)

    _, report = anonymise(adult.head(3000), asked)

    assert [found["holds"] for found in report["verified"]["models"]] == [True] * 4


def test_an_22_an_order_of_texts_must_be_declared():
    frame = pd.DataFrame({"a": list("xxyy"), "s": ["low", "high", "mid", "low"]})
    asked = {"quasi_identifiers": ["a"], "sensitive_attributes": ["s"]}
    order = ("low", "mid", "high")

    with pytest.raises(PolicyError, match="needs an order"):
        anonymise(frame, AnonymisationPolicy(models=[TCloseness(t=1, distance="ordered")], **asked))
    result, _ = anonymise(
        frame,
        AnonymisationPolicy(models=[TCloseness(t=1, distance="ordered", order=order)], **asked),
    )
    assert len(result) == 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_23_k_counts_persons_where_a_person_has_several_rows(algorithm):
    frame = pd.DataFrame(
        {
            "a": ["x"] * 5 + ["y"] * 5,
            "person": ["p1"] * 4 + ["p2"] + ["p3", "p4", "p5", "p6", "p7"],
        }
    )
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=3)],
        quasi_identifiers=["a"],
        identifiers=["person"],
        entity="person",
        hierarchies={"a": Hierarchy.suppression()},
        algorithm=algorithm,
    )

    result, report = anonymise(frame, asked)

    assert set(result["a"]) == {"*"}
    assert report["models"][0]["achieved"] == 7


def person_policy(**options):
    known = {
        "models": [KAnonymity(k=2)],
        "quasi_identifiers": ["a"],
        "hierarchies": {"a": Hierarchy.suppression()},
        "entity": "person",
    }
    return AnonymisationPolicy(**(known | options))


@pytest.mark.parametrize("action", ["mask", "drop"])
def test_an_23_the_column_of_persons_is_never_published_though_nobody_calls_it_an_identifier(
    action,
):
    frame = pd.DataFrame({"a": ["x", "x"], "person": ["hush1", "hush2"]})

    result, report = anonymise(frame, person_policy(identifier_action=action))

    assert "hush" not in result.to_csv()
    assert "hush" not in json.dumps(report)
    assert ("person" in result) is (action == "mask")


@pytest.mark.parametrize(
    "role", ["quasi_identifiers", "sensitive_attributes", "insensitive_attributes"]
)
def test_an_23_the_column_of_persons_has_no_role_but_that_of_an_identifier(role):
    with pytest.raises(PolicyError, match=f"'person' .* take it out of '{role}'"):
        person_policy(**{"quasi_identifiers": ["a"], role: ["person"], "hierarchies": {}})


def test_a_column_of_pseudonyms_is_published_if_asked_and_persons_count_all_the_same():
    frame = pd.DataFrame({"a": ["x", "x", "y", "y", "y"], "person": ["p", "p", "q", "q", "r"]})
    asked = person_policy(models=[KAnonymity(k=2)], keep_entity=True, hierarchies={})

    result, report = anonymise(frame, asked)

    assert set(result["a"]) == {"*"}  # the rows of "x" are of one person alone
    assert sorted(result["person"]) == sorted(frame["person"])
    assert report["counted"] == "persons"
    assert any(
        "'person' is published as it is" in told and "nothing but pseudonyms" in told
        for told in report["warnings"]
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"entity": None}, "'keep_entity' is about the column 'entity'"),
        ({"keep_entity": "yes"}, "'keep_entity' must be true or false"),
        ({"identifiers": ["person"]}, "is published; take it out of 'identifiers'"),
        ({"insensitive_attributes": ["person"]}, "take it out of 'insensitive_attributes'"),
    ],
)
def test_a_column_of_pseudonyms_that_is_published_has_one_role(options, told):
    with pytest.raises(PolicyError, match=told):
        person_policy(**{"keep_entity": True, "hierarchies": {}} | options)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_23_the_k_of_alpha_k_anonymity_counts_persons_too(algorithm):
    frame = pd.DataFrame(
        {
            "a": ["x"] * 4 + ["y"] * 4,
            "person": ["p1"] * 3 + ["p2"] + ["p3", "p4", "p5", "p6"],
            "s": list("uvuvuvuv"),
        }
    )
    asked = person_policy(
        models=[AlphaKAnonymity(k=3, alpha=0.6)], sensitive_attributes=["s"], algorithm=algorithm
    )

    result, report = anonymise(frame, asked)

    assert set(result["a"]) == {"*"}
    assert report["counted"] == "persons"
    assert report["models"][1]["achieved"] == 0.5714  # four of seven persons with a value


def test_an_23_no_model_is_about_the_column_of_persons():
    with pytest.raises(PolicyError, match="is about 'person', which is none of"):
        person_policy(models=[LDiversity(l=2, attribute="person")])


def test_an_23_a_column_of_persons_that_is_not_there_is_named(patients, patient_policy):
    with pytest.raises(UnknownColumnsError, match="'person'"):
        anonymise(patients, patient_policy(KAnonymity(k=2), entity="person"))
    with pytest.raises(PolicyError, match="'entity' must be the name of a column"):
        patient_policy(KAnonymity(k=2), entity=["person"])


def test_an_27_unused_categories_make_neither_classes_nor_values():
    frame = pd.DataFrame({"a": pd.Categorical(["x", "x"], categories=["x", "hush"])})
    asked = AnonymisationPolicy(models=[KAnonymity(k=2)], quasi_identifiers=["a"])

    result, report = anonymise(frame, asked)

    assert list(result["a"].cat.categories) == ["x"]
    assert report["risk_after"]["classes"] == 1


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("1.50"), Decimal("1.5"), Decimal("2")],
        [dt.date(2020, 1, 1), dt.date(2020, 1, 1), dt.date(2021, 1, 1)],
        [True, True, False],
        [pd.Timestamp("2020-01-01 05:00"), pd.Timestamp("2020-01-01 05:00"), pd.Timestamp("2021")],
        [0.0, -0.0, float("nan")],
        [1, 1, 2],
    ],
)
def test_an_29_and_30_columns_of_every_simple_type_can_be_quasi_identifiers(values):
    frame = pd.DataFrame({"a": values})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2)],
        quasi_identifiers=["a"],
        hierarchies={"a": Hierarchy.suppression()},
        algorithm="optimal",
        suppression_limit=0.5,
    )

    result, report = anonymise(frame, asked)

    assert len(result) == 2
    assert report["rows_suppressed"] == 1


def test_an_42_tables_of_no_row_one_row_and_one_value(patient_policy, patients):
    one, _ = anonymise(patients.head(1), patient_policy(KAnonymity(k=1)))
    same, found = anonymise(patients.assign(zip="1", age=2), patient_policy(KAnonymity(k=9)))

    assert (len(one), len(same)) == (1, 9)
    assert found["loss"]["gcp"] == 0.0
    with pytest.raises(UnattainableError, match="has 0 rows"):
        anonymise(patients.head(0), patient_policy(KAnonymity(k=1)))


def test_an_42_roles_that_contradict_each_other_are_refused():
    with pytest.raises(PolicyError, match="in 'quasi_identifiers' and in 'sensitive_attributes'"):
        AnonymisationPolicy(
            models=[KAnonymity(k=2)], quasi_identifiers=["a"], sensitive_attributes=["a"]
        )
    with pytest.raises(PolicyError, match="at least one column"):
        AnonymisationPolicy(models=[KAnonymity(k=2)], quasi_identifiers=[])
    with pytest.raises(PolicyError, match="'models' must be a list"):
        AnonymisationPolicy(models=KAnonymity(k=2), quasi_identifiers=["age"])
    with pytest.raises(PolicyError, match="must be a list of columns"):
        AnonymisationPolicy(models=[KAnonymity(k=2)], quasi_identifiers="age")


@pytest.mark.parametrize("algorithm", ["local", "mondrian"])
def test_an_43_and_48_thirty_quasi_identifiers_do_not_overflow(algorithm):
    random = np.random.default_rng(0)
    names = [f"q{n}" for n in range(30)]
    frame = pd.DataFrame({name: random.integers(0, 40, 300).astype(str) for name in names})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=3)],
        quasi_identifiers=names,
        hierarchies={name: Hierarchy.suppression() for name in names},
        algorithm=algorithm,
        suppression_limit=0.0,
    )

    result, _ = anonymise(frame, asked)

    assert published_classes(result, names).min() >= 3


def test_an_48_a_lattice_beyond_the_bound_gives_an_answer_that_is_not_called_optimal():
    from dataframe_anonymisation.api import encoded
    from dataframe_anonymisation.preparing import prepare
    from dataframe_anonymisation.search.optimal import find_optimal

    random = np.random.default_rng(0)
    names = [f"q{n}" for n in range(22)]
    frame = pd.DataFrame({name: random.integers(0, 4, 60).astype(str) for name in names})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=3)],
        quasi_identifiers=names,
        hierarchies={name: Hierarchy.suppression() for name in names},
    )
    prepared = prepare(asked, {name: encoded(frame[name], name) for name in names}, {})

    found = find_optimal(prepared.table, prepared.models, budget=0, max_visited=50)

    assert found is not None
    assert found.is_optimal is False


def test_an_44_the_frame_that_is_given_is_not_changed(patients, patient_policy):
    before = patients.copy(deep=True)

    anonymise(patients, patient_policy(KAnonymity(k=3), suppression_limit=0.3))

    pd.testing.assert_frame_equal(patients, before)


def test_an_47_no_cell_value_is_in_the_report(patients, patient_policy):
    secret = patients.assign(
        zip=[f"hush{n}" for n in range(9)], disease=[f"hush{n % 4}" for n in range(9)]
    )

    _, report = anonymise(secret, patient_policy(KAnonymity(k=3), LDiversity(l=2)))

    assert "hush" not in json.dumps(report)


def test_an_49_a_report_says_that_releases_do_not_compose_and_that_it_is_no_verdict(
    patients, patient_policy
):
    _, report = anonymise(patients, patient_policy(KAnonymity(k=3)))

    limits = " ".join(report["limits"])
    assert "repeated releases of one population do not compose" in limits
    assert "who knows the algorithm may learn more" in limits
    assert "Nothing here is a legal verdict" in limits


def test_an_50_risk_and_class_sizes_are_those_of_published_rows():
    frame = pd.DataFrame({"a": ["x"] * 4 + ["y"]})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=2)],
        quasi_identifiers=["a"],
        hierarchies={"a": Hierarchy.suppression()},
        algorithm="optimal",
        suppression_limit=0.2,
    )

    _, report = anonymise(frame, asked)

    assert report["risk_after"]["rows"] == 4
    assert report["risk_after"]["prosecutor_highest"] == 0.25
    assert report["loss"]["average_class_size"] == 2.0
    assert report["loss"]["discernibility"] == 16 + 5


def test_risk_is_assessed_without_changing_anything(patients):
    found = assess_risk(patients.assign(zip="1", age=[1, 1, 1, 1, 2, 2, 3, 4, 5]), ["zip", "age"])

    assert found["uniques"] == 3
    assert found["prosecutor_highest"] == 1.0
    assert found["marketer"] == pytest.approx(5 / 9)
    assert found["quasi_identifiers"]["zip"]["separation_share"] == 0.0


def test_the_risk_of_a_published_table_is_assessed_with_its_stars():
    published = pd.DataFrame({"zip": ["*", "*", "1", None], "age": ["*", "*", "[1, 2)", "*"]})

    found = assess_risk(published, ["zip", "age"])

    assert (found["classes"], found["uniques"]) == (3, 2)
    assert found["quasi_identifiers"]["zip"]["distinction_share"] == 3 / 4


@pytest.mark.parametrize("call", [anonymise, assess_risk])
def test_what_is_no_frame_is_refused_with_its_type(call, patient_policy):
    second = ["a"] if call is assess_risk else patient_policy(KAnonymity(k=2))

    with pytest.raises(ConfigurationError, match="must be a pandas DataFrame, not list"):
        call([1, 2], second)


def test_columns_that_are_not_there_are_named(patients, patient_policy):
    with pytest.raises(UnknownColumnsError, match="'disease'"):
        anonymise(patients.drop(columns="disease"), patient_policy(KAnonymity(k=2)))
    with pytest.raises(UnknownColumnsError, match="'town'"):
        assess_risk(patients, ["town"])


def test_a_column_of_several_kinds_is_refused_by_name(patients, patient_policy):
    mixed = patients.assign(zip=[1, "a", 2.5, None, 3, 4, 5, 6, 7])

    with pytest.raises(DatasetError, match="'zip' holds values of several kinds"):
        anonymise(mixed, patient_policy(KAnonymity(k=2)))


def test_names_that_are_no_texts_and_hierarchies_that_are_none_are_refused(patients):
    with pytest.raises(DatasetError, match="names are no texts"):
        assess_risk(patients.rename(columns={"zip": 0}), ["age"])
    with pytest.raises(PolicyError, match="'hierarchies' of 'zip' must be made by Hierarchy"):
        AnonymisationPolicy(
            models=[KAnonymity(k=2)], quasi_identifiers=["zip"], hierarchies={"zip": "auto"}
        )


@pytest.mark.parametrize(
    ("options", "techniques"),
    [
        ({}, ["local generalisation"]),
        ({"algorithm": "optimal"}, ["generalisation"]),
        ({"identifiers": ["name"]}, ["masking", "local generalisation"]),
        ({"labels": {"age": "mean"}}, ["local generalisation", "micro-aggregation"]),
        (
            {"hierarchies": {"age": Hierarchy.rounding([20])}},
            ["local generalisation", "rounding"],
        ),
        (
            {"hierarchies": {"age": Hierarchy.intervals([20], top=40)}},
            ["local generalisation", "top and bottom coding"],
        ),
        (
            {"hierarchies": {"age": Hierarchy.suppression()}},
            ["local generalisation", "local suppression"],
        ),
        (
            {
                "hierarchies": {"age": Hierarchy.intervals([2])},
                "suppression_limit": 1,
                "algorithm": "optimal",
            },
            ["generalisation", "record suppression"],
        ),
    ],
)
def test_techniques_are_told_in_the_terms_of_the_standard(options, techniques):
    """PL-55."""
    frame = pd.DataFrame({"age": [20, 21, 30, 31, 38], "name": list("abcde")})
    known = {
        "models": [KAnonymity(k=2)],
        "quasi_identifiers": ["age"],
        "insensitive_attributes": [] if "identifiers" in options else ["name"],
        "hierarchies": {"age": Hierarchy.intervals([20, 40])},
        "suppression_limit": 0.0,
    }

    _, report = anonymise(frame, AnonymisationPolicy(**(known | options)))

    assert report["techniques"] == techniques
