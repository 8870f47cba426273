import json

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataframe_anonymisation import (
    KAnonymity,
    LDiversity,
    TCloseness,
    datasets,
    jobs,
    verify_anonymity,
)
from util_services.errors import ConfigurationError, StorageError
from util_services.runs.execute import check_before_run

QUASI = ["age", "town"]
COLUMNS = {
    "quasi_identifiers": QUASI,
    "sensitive_attributes": ["illness"],
    "insensitive_attributes": ["ward"],
    "identifiers": ["name"],
}
TOWNS = "a;north;*\nb;north;*\nc;south;*\nd;south;*\n"
HIERARCHIES = {
    "age": {"kind": "intervals", "widths": [5, 10, 20]},
    "town": {"kind": "file", "path": "towns.csv"},
}
NAMES = [job.name for job in jobs.JOBS if not job.name.endswith("_s3")]


@pytest.fixture
def people():
    random = np.random.default_rng(5)
    rows = 400
    return pd.DataFrame(
        {
            "name": [f"hush{n}" for n in range(rows)],
            "age": random.integers(20, 60, rows),
            "town": random.choice(list("abcd"), rows),
            "illness": random.choice(["flu", "cold", "ache"], rows),
            "ward": random.choice(["w1", "w2"], rows),
        }
    )


@pytest.fixture
def source(root, people):
    """Write the input as CSV and as Parquet, with a hierarchy in a file beside it."""
    people.to_csv(root / "people.csv", index=False)
    people.to_parquet(root / "people.parquet")
    (root / "towns.csv").write_text(TOWNS)
    return root


def run(instance, name, source, target, **config):
    job = getattr(jobs, f"{name}_job")
    ops = {
        "read_dataset": {"config": {"path": source}},
        name: {"config": {**COLUMNS, "hierarchies": HIERARCHIES, **config}},
        "write_dataset": {"config": {"path": target}},
    }
    return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)


def reason(result):
    """Return the sentence of the step that failed."""
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    return failed.step_failure_data.user_failure_data.description


def read(file):
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pandas()
    return pd.read_csv(file, dtype=str)


@pytest.mark.parametrize(
    "target", ["out.csv", "out.parquet", "out.csv.gz", "out.jsonl", "out.xlsx"]
)
@pytest.mark.parametrize("given", ["people.csv", "people.parquet"])
def test_k_anonymity_publishes_a_checked_table_in_every_format(instance, source, given, target):
    result = run(instance, "k_anonymity", given, target, k=4)

    report = json.loads((source / f"{target}.report.json").read_text())
    facts = report["steps"][0]["facts"]
    assert result.success
    assert facts["verified"]["holds"] is True
    assert facts["verified"]["models"][0]["measured"] >= 4
    assert report["rows"]["in"] == report["rows"]["out"] + report["rows"]["dropped"] == 400


@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_the_column_of_persons_is_never_published(instance, source, target):
    result = run(instance, "k_anonymity", "people.csv", target, identifiers=[], entity="name", k=3)

    assert result.success
    assert set(read(source / target)["name"]) == {"*"}
    assert b"hush" not in (source / target).read_bytes()


def test_hidden_values_neither_come_out_nor_order_the_masked_rows(instance, source, people):
    alone = people.assign(town="a", age=20, illness="flu", ward="w1")
    alone.loc[:2, "age"] = [40, 50, 59]
    alone.loc[:2, "illness"] = ["hush3", "hush1", "hush2"]
    alone.loc[:2, "ward"] = ["w1", "w2", "w3"]
    alone["illness"] = alone["illness"].astype("category")
    alone.to_parquet(source / "alone.parquet")

    masking = {"suppressed": "mask", "algorithm": "optimal"}
    result = run(instance, "k_anonymity", "alone.parquet", "out.parquet", k=5, **masking)

    published = read(source / "out.parquet")
    masked = published[published["age"] == "*"]
    assert result.success
    assert masked["illness"].isna().all()
    assert masked["ward"].tolist() == ["w1", "w2", "w3"]
    assert b"hush" not in (source / "out.parquet").read_bytes()


@pytest.mark.parametrize("given", ["people.csv", "people.parquet"])
def test_what_is_published_is_what_was_promised(instance, source, people, given):
    result = run(instance, "l_diversity", given, "out.parquet", k=5, l=2)

    published = read(source / "out.parquet")
    checks = [KAnonymity(k=5), LDiversity(l=2, attribute="illness")]
    assert result.success
    assert verify_anonymity(published, QUASI, checks)["holds"]
    assert set(published["name"]) == {"*"}
    pd.testing.assert_series_equal(
        published[["illness", "ward"]].value_counts().sort_index(),
        people[["illness", "ward"]].value_counts().sort_index(),
    )


def test_the_job_and_the_call_on_a_frame_find_the_same_classes(instance, source, people):
    from dataframe_anonymisation import AnonymisationPolicy, Hierarchy, anonymise

    run(instance, "k_anonymity", "people.parquet", "out.parquet", k=3)

    policy = AnonymisationPolicy(
        models=[KAnonymity(k=3)],
        hierarchies={
            "age": Hierarchy.intervals([5, 10, 20]),
            "town": Hierarchy.from_file(str(source / "towns.csv")),
        },
        **COLUMNS,
    )
    expected, _ = anonymise(people, policy)
    published = read(source / "out.parquet")
    pd.testing.assert_frame_equal(published.astype(str), expected.astype(str))


def test_t_closeness_holds_for_the_whole_and_for_each_attribute(instance, source, people):
    result = run(
        instance,
        "t_closeness",
        "people.csv",
        "out.csv",
        t=0.15,
        sensitive_attributes=["illness", "ward"],
        insensitive_attributes=[],
        suppression_limit=0.0,
    )

    report = json.loads((source / "out.csv.report.json").read_text())
    assert result.success
    assert [m["attribute"] for m in report["steps"][0]["facts"]["models"][1:]] == [
        "illness",
        "ward",
    ]
    checks = [TCloseness(t=0.15, attribute=name) for name in ("illness", "ward")]
    assert verify_anonymity(read(source / "out.csv"), QUASI, checks)["holds"]


def test_anonymise_dataframe_takes_any_combination_of_models(instance, source):
    result = run(
        instance,
        "anonymise_dataframe",
        "people.csv",
        "out.csv",
        models=[
            {"model": "k_anonymity", "k": 4},
            {"model": "l_diversity", "l": 1.5, "variant": "entropy"},
            {"model": "beta_likeness", "beta": 2, "enhanced": True},
        ],
        algorithm="optimal",
        suppression_limit=0.2,
    )

    report = json.loads((source / "out.csv.report.json").read_text())
    assert result.success
    assert [m["holds"] for m in report["steps"][0]["facts"]["verified"]["models"]] == [True] * 3


def test_masked_rows_are_published_as_stars(instance, source):
    result = run(
        instance,
        "k_anonymity",
        "people.csv",
        "out.csv",
        k=8,
        suppressed="mask",
        algorithm="optimal",
        suppression_limit=0.3,
    )

    published = read(source / "out.csv")
    report = json.loads((source / "out.csv.report.json").read_text())
    hidden = published[(published["age"] == "*") & (published["town"] == "*")]
    assert result.success
    assert len(published) == 400
    assert len(hidden) == report["steps"][0]["facts"]["rows_suppressed"] > 0
    assert hidden["illness"].isna().all()
    page = (source / "out.csv.report.html").read_text()
    assert f"The {len(hidden)} masked rows are in no class and exempt from the models" in page


@pytest.mark.parametrize("name", NAMES)
def test_the_default_config_of_every_job_runs(instance, root, name):
    result = getattr(jobs, name).execute_in_process(instance=instance, raise_on_error=False)

    folder = root / "_test_runs" / result.run_id
    assert result.success
    is_report = name in ("assess_risk_job", "verify_anonymity_job")
    assert (folder / "patients.csv").is_file() != is_report
    report = "patients.report.html" if is_report else "patients.csv.report.html"
    assert (folder / report).is_file()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"k": 401}, "has 400 rows, so at most k=400"),
        ({"hierarchies": {"town": {"kind": "mapping", "rows": [["a", "*"]]}}}, "'town' (3)"),
        ({"insensitive_attributes": []}, "Columns have no role: 'ward'"),
        ({"hierarchies": {"age": {"kind": "named", "name": "none"}}}, "no hierarchy 'none'"),
        ({"hierarchies": {"town": {"kind": "file", "path": "no.csv"}}}, "no file at 'no.csv'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_output(instance, source, config, sentence):
    result = run(instance, "k_anonymity", "people.csv", "out/out.csv", **config)

    assert not result.success
    assert sentence in reason(result)
    assert "hush" not in reason(result)
    assert not (source / "out").exists()


@pytest.mark.parametrize(
    ("name", "config", "sentence"),
    [
        ("k_anonymity", {"k": 0}, "greater than or equal to 1"),
        (
            "k_anonymity",
            {"suppression_limit": 5},
            "not a percentage; 0.05 means 5 %",
        ),
        ("k_anonymity", {"quasi_identifiers": []}, "at least one column"),
        (
            "k_anonymity",
            {"sensitive_attributes": ["age"]},
            "a column has one role",
        ),
        ("k_anonymity", {"quasi_identifiers": ["aeg"]}, "aeg"),
        ("l_diversity", {"l": 2.5}, "'l' must be a whole number"),
        ("l_diversity", {"variant": "recursive"}, "'c' belongs to the variant 'recursive'"),
        ("t_closeness", {"t": 2}, "less than or equal to 1"),
        ("t_closeness", {"sensitive_attributes": [], "insensitive_attributes": []}, "sensitive"),
        ("k_anonymity", {"hierarchies": {"age": {"kind": "mask", "widths": [5]}}}, "no meaning"),
        ("k_anonymity", {"hierarchies": {"age": {"kind": "intervals"}}}, "needs 'widths'"),
        ("anonymise_dataframe", {"models": []}, "at least one model"),
    ],
)
def test_a_wrong_config_is_refused_before_a_row_is_read(instance, source, name, config, sentence):
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        name: {"config": {**COLUMNS, **config}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with pytest.raises(ConfigurationError, match=sentence):
        check_before_run(getattr(jobs, f"{name}_job"), {"ops": ops}, "run")


def test_an_46_a_file_that_differs_from_what_was_promised_is_not_published(
    instance, source, monkeypatch
):
    honest = datasets.frames_of

    def one_row_lost(*given):
        for frame in honest(*given):
            yield frame.iloc[1:]

    monkeypatch.setattr(datasets, "frames_of", one_row_lost)

    result = run(instance, "k_anonymity", "people.csv", "out/out.csv", k=4)

    assert not result.success
    assert "classes have 1 rows more or fewer than the original table says" in reason(result)
    assert not (source / "out").exists()


def test_an_47_no_cell_value_leaves_the_dataset(instance, source, people, caplog, capfd):
    people.assign(town=[f"hush{n % 7}" for n in range(400)], illness="hush").to_csv(
        source / "secret.csv", index=False
    )

    result = run(
        instance,
        "k_anonymity",
        "secret.csv",
        "out.csv",
        k=3,
        hierarchies={"town": {"kind": "auto"}},
    )

    events = [str(record) for record in instance.all_logs(result.run_id)]
    reports = [(source / f"out.csv.report.{kind}").read_text() for kind in ("json", "html")]
    told = "\n".join([*events, *reports, caplog.text, *capfd.readouterr()])
    assert result.success
    assert "k_anonymity" in told
    assert "hush" not in told


def test_batches_of_any_size_give_the_same_bytes(instance, source, monkeypatch):
    for rows in ("7", "1000"):
        monkeypatch.setenv("DATA_SERVICES_BATCH_ROWS", rows)
        assert run(instance, "k_anonymity", "people.parquet", f"out-{rows}.csv", k=4).success

    assert (source / "out-7.csv").read_bytes() == (source / "out-1000.csv").read_bytes()


def test_nothing_is_left_in_staging(instance, source):
    run(instance, "k_anonymity", "people.csv", "out.csv", k=4)
    run(instance, "k_anonymity", "people.csv", "other.csv", k=401)

    assert [path for path in source.rglob("*") if "staging" in path.name and path.is_dir()] == []


def test_columns_of_every_type_pass_through_unchanged(instance, root):
    table = pa.table(
        {
            "age": pa.array([30, 30, 41, 41], pa.int16()),
            "money": pa.array([1, 2, 3, 4], pa.decimal128(9, 2)),
            "list": pa.array([[1], [], None, [2, 3]], pa.list_(pa.int64())),
            "moment": pa.array([1, 2, 3, 4], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, root / "in.parquet")
    result = run(
        instance,
        "k_anonymity",
        "in.parquet",
        "out.parquet",
        k=2,
        quasi_identifiers=["age"],
        sensitive_attributes=[],
        insensitive_attributes=["money", "list", "moment"],
        identifiers=[],
        hierarchies={},
    )

    published = pq.read_table(root / "out.parquet")
    assert result.success
    assert published.schema.field("age").type == pa.string()
    for name in ("money", "list", "moment"):
        assert published.schema.field(name).type == table.schema.field(name).type
        assert published[name].to_pylist() == table[name].to_pylist()


def assess(instance, name, source, **config):
    job = getattr(jobs, f"{name}_job")
    ops = {
        "read_dataset": {"config": {"path": source}},
        name: {"config": config},
        "write_report": {"config": {"path": "found"}},
    }
    return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)


def checks_of(instance, result):
    """Return what Dagster's storage holds of the checks of a run, which may have failed."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    entries = instance.all_logs(result.run_id, of_type=kind)
    found = [entry.dagster_event.event_specific_data for entry in entries]
    return {one.check_name: one for one in found}


def found_in(folder, name="found"):
    """Return the facts that a report tells of its only step."""
    (step,) = json.loads((folder / f"{name}.report.json").read_text())["steps"]
    return step["facts"]


def test_assess_risk_publishes_measures_and_no_row_of_the_table(instance, source, people):
    result = assess(instance, "assess_risk", "people.csv", quasi_identifiers=QUASI)

    found, sizes = found_in(source), people.groupby(QUASI).size()
    assert result.success
    assert (found["rows"], found["uniques"]) == (400, (sizes == 1).sum())
    assert found["marketer"] == pytest.approx(len(sizes) / 400)
    assert "hush" not in (source / "found.report.json").read_text()
    assert "hush" not in (source / "found.report.html").read_text()
    assert sorted(path.name for path in source.glob("found*")) == [
        "found.report.html",
        "found.report.json",
    ]


def test_verify_anonymity_confirms_what_holds_and_fails_for_what_does_not(instance, source):
    run(instance, "l_diversity", "people.csv", "out.csv", k=5, l=2)
    claim = {"quasi_identifiers": QUASI, "sensitive_attributes": ["illness"]}

    confirmed = assess(instance, "verify_anonymity", "out.csv", **claim, k=5, l=2)
    confirmed_facts = found_in(source)
    for file in source.glob("found*"):
        file.unlink()
    refused = assess(instance, "verify_anonymity", "people.csv", **claim, k=50, l=3)

    assert confirmed.success
    assert confirmed_facts["verified"]["holds"]
    assert not refused.success
    assert "k-anonymity fails in" in reason(refused)
    assert sorted(path.name for path in source.glob("found*")) == [
        "found.failed.report.html",
        "found.failed.report.json",
    ]
    failed = found_in(source, "found.failed")
    assert not failed["verified"]["holds"]
    checks = checks_of(instance, refused)
    assert not checks["k_anonymity"].passed
    assert checks["k_anonymity"].asset_key.path[-1] == "people.csv"


def test_verify_anonymity_tells_what_fails_where_that_is_no_error(instance, source):
    result = assess(
        instance,
        "verify_anonymity",
        "people.csv",
        quasi_identifiers=QUASI,
        sensitive_attributes=["illness"],
        k=50,
        t=0.9,
        fail_if_untrue=False,
    )

    verified = found_in(source)["verified"]
    failing = {one["model"]: one["failing_classes"] for one in verified["models"]}
    report = json.loads((source / "found.report.json").read_text())
    assert result.success
    assert not verified["holds"]
    assert failing["k-anonymity"] > 0
    assert failing["t-closeness"] == 0
    assert report["steps"][0]["warnings"] == ["A claim does not hold; see the findings."]
    passed = {name: check.passed for name, check in checks_of(instance, result).items()}
    assert passed == {"k_anonymity": False, "t_closeness_of_illness": True}


def test_columns_without_a_role_are_refused_before_a_row_is_read(instance, source):
    config = COLUMNS | {"insensitive_attributes": []}
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "k_anonymity": {"config": config},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with pytest.raises(ConfigurationError, match="Columns have no role: 'ward'"):
        check_before_run(jobs.k_anonymity_job, {"ops": ops}, "run")


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ({"l": 2.5}, "'l' must be a whole number"),
        ({"l": 2, "c": 1}, "'c' belongs to the variant 'recursive'"),
        ({"l": 2, "variant": "recursive"}, "'c' belongs to the variant 'recursive'"),
    ],
)
def test_claims_that_contradict_themselves_are_refused_before_a_row_is_read(
    instance, source, claim, sentence
):
    config = {"quasi_identifiers": QUASI, "sensitive_attributes": ["illness"], **claim}
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "verify_anonymity": {"config": config},
        "write_report": {"config": {"path": "found"}},
    }

    with pytest.raises(ConfigurationError, match=sentence):
        check_before_run(jobs.verify_anonymity_job, {"ops": ops}, "run")


@pytest.mark.parametrize("given", ["people.csv", "people.parquet"])
def test_persons_and_several_sensitive_columns_are_counted_and_checked(
    instance, source, people, given
):
    several = people.assign(name=[f"hush{n // 3}" for n in range(400)])
    several.to_csv(source / "people.csv", index=False)
    several.to_parquet(source / "people.parquet")

    result = run(
        instance,
        "t_closeness",
        given,
        "out.parquet",
        k=3,
        t=0.3,
        sensitive_attributes=["illness", "ward"],
        insensitive_attributes=[],
        identifiers=[],
        entity="name",
        order="preserve",
        suppression_limit=0.0,
    )

    report = json.loads((source / "out.parquet.report.json").read_text())
    facts = report["steps"][0]["facts"]
    published = read(source / "out.parquet")
    persons = several.groupby([published[name] for name in QUASI])["name"].nunique()
    assert result.success
    assert facts["counted"] == "persons"
    assert facts["verified"]["models"][0]["measured"] == persons.min() >= 3
    assert facts["verified"]["holds"] is True
    assert "hush" not in json.dumps(report)


def test_risks_of_persons_are_assessed_by_the_job_too(instance, source, people):
    people.assign(name="hush").to_csv(source / "one.csv", index=False)

    result = assess(instance, "assess_risk", "one.csv", quasi_identifiers=QUASI, entity="name")

    found = found_in(source)
    assert result.success
    assert found["uniques"] == found["rows"] == people.groupby(QUASI).ngroups


def test_the_order_of_values_is_told_to_jobs(instance, source):
    order = {"values_in_order": {"illness": ["cold", "flu", "ache"]}, "distance": "ordered"}
    limit = {"t": 0.3, "suppression_limit": 0.0}

    made = run(instance, "t_closeness", "people.csv", "out.csv", **limit, **order)
    checked = assess(
        instance,
        "verify_anonymity",
        "out.csv",
        quasi_identifiers=QUASI,
        sensitive_attributes=["illness"],
        t=0.3,
        **order,
    )

    assert made.success
    assert checked.success


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"distance": "hierarchical"}, "needs a hierarchy of 'illness'"),
        ({"values_in_order": {"illness": ["flu"]}}, "belongs to the distance 'ordered'"),
        ({"values_in_order": {"x": []}, "distance": "ordered"}, "'x', no sensitive attribute"),
    ],
)
def test_distances_that_lack_something_are_refused_before_a_row_is_read(
    instance, source, config, sentence
):
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "t_closeness": {"config": {**COLUMNS, **config}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with pytest.raises(ConfigurationError, match=sentence):
        check_before_run(jobs.t_closeness_job, {"ops": ops}, "run")


@pytest.mark.parametrize("first_rows", [100, 100_000])
def test_an_08_a_nearly_unique_column_is_warned_of_by_the_job(
    instance, source, people, monkeypatch, first_rows
):
    monkeypatch.setattr(datasets, "FIRST_ROWS", first_rows)
    people["ticket"] = range(400)
    people["half"] = [*range(200), *[0] * 200]
    people["list"] = [[n] for n in range(400)]
    people.to_parquet(source / "tickets.parquet")
    insensitive = ["ticket", "half", "list", "ward"]

    result = run(
        instance,
        "k_anonymity",
        "tickets.parquet",
        "out.parquet",
        insensitive_attributes=insensitive,
    )

    report = json.loads((source / "out.parquet.report.json").read_text())
    assert result.success
    assert report["steps"][0]["warnings"] == [
        f"'{name}' is published as it is and has 400 values in 400 rows: it is nearly an "
        "identifier."
        for name in ("ticket", "list")
    ]


@pytest.mark.parametrize("target", ["out.csv", "out.parquet", "out.jsonl", "out.xlsx"])
def test_labels_of_values_are_published_in_every_format(instance, source, target):
    labels = {"age": "mean", "town": "values"}

    result = run(instance, "k_anonymity", "people.csv", target, k=9, labels=labels)

    report = json.loads((source / f"{target}.report.json").read_text())
    facts = report["steps"][0]["facts"]
    page = (source / f"{target}.report.html").read_text()
    assert result.success
    assert facts["verified"]["holds"] is True
    assert "own labels" in page


def test_a_population_is_a_further_input_of_a_job(instance, source, people):
    pd.concat([people[QUASI]] * 3).to_csv(source / "everybody.csv", index=False)

    result = run(
        instance,
        "anonymise_dataframe",
        "people.csv",
        "out.csv",
        models=[{"model": "k_map", "k": 9}],
        population="everybody.csv",
        suppression_limit=0.0,
    )

    report = json.loads((source / "out.csv.report.json").read_text())
    step = report["steps"][0]
    assert result.success
    assert step["facts"]["verified"]["models"][0]["measured"] >= 9
    assert {one["path"] for one in step["inputs"]} == {"everybody.csv", "towns.csv"}


@pytest.mark.parametrize(
    ("population", "sentence"),
    [
        (None, "k-map needs a population table; name its path"),
        ("towns.csv", "age"),
        ("no.csv", "no.csv"),
    ],
)
def test_a_population_that_is_none_is_refused_before_a_row_is_read(
    instance, source, population, sentence
):
    config = {"models": [{"model": "k_map", "k": 9}], "population": population}
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "anonymise_dataframe": {"config": {**COLUMNS, **config}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with pytest.raises((ConfigurationError, StorageError), match=sentence):
        check_before_run(jobs.anonymise_dataframe_job, {"ops": ops}, "run")


def test_private_counts_publish_noise_and_no_row(instance, source, people):
    counts = {
        "groups": {"town": list("abcd"), "ward": ["w1", "w2"]},
        "sums": {"age": {"lower": 0, "upper": 100}},
        "entity": "name",
        "epsilon": 1e4,
    }
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "private_counts": {"config": counts},
        "write_dataset": {"config": {"path": "found.csv"}},
    }

    job = jobs.private_counts_job
    result = job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)

    found = pd.read_csv(source / "found.csv").set_index(["town", "ward"])
    report = json.loads((source / "found.csv.report.json").read_text())
    exact = people.groupby(["town", "ward"])["age"].agg(["size", "sum"])
    assert result.success
    assert found["count"].to_dict() == exact["size"].to_dict()
    assert (found["sum of age"] - exact["sum"]).abs().max() <= 1
    assert report["steps"][0]["facts"]["epsilon"] == 1e4
    assert "hush" not in (source / "found.csv").read_text() + json.dumps(report)


def test_private_counts_that_contradict_themselves_are_refused_before_a_row_is_read(
    instance, source
):
    ops = {
        "read_dataset": {"config": {"path": "people.csv"}},
        "private_counts": {"config": {"groups": {"town": ["a"]}, "max_groups": 2}},
        "write_dataset": {"config": {"path": "found.csv"}},
    }

    with pytest.raises(ConfigurationError, match="'max_groups' is about persons"):
        check_before_run(jobs.private_counts_job, {"ops": ops}, "run")


def test_k_of_persons_bounds_no_inference(instance, source):
    run(instance, "k_anonymity", "people.csv", "out.csv", identifiers=[], entity="name", k=3)

    page = (source / "out.csv.report.html").read_text()
    assert "not bounded by any model" in page
    assert "Models and risks count persons" in page


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("k_anonymity", 0.8),
        ("l_diversity", 0.8),
        ("anonymise_dataframe", 0.8),
        ("t_closeness", 0.4),
    ],
)
def test_the_default_config_leaves_decades_of_birth_and_parts_of_postcodes(
    instance, root, name, share
):
    result = getattr(jobs, f"{name}_job").execute_in_process(instance=instance)

    assert result.success
    (file,) = root.rglob("patients.csv")
    published = read(file)
    assert len(published) > 950
    assert published["birth_date"].str.fullmatch(r"\d{4}-\d{4}|\d{4}").mean() > share
    assert published["postcode"].str.fullmatch(r"\d+\*+").mean() > 0.4
    assert (published["sex"] != "*").mean() > 0.9
