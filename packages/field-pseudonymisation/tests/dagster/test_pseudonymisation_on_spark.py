"""Pseudonymisation on a Spark cluster: the tokens, recipes and reports of one machine.

The local engine is the oracle; it is held to published vectors and known answers elsewhere.
"""

import json
import random
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from field_pseudonymisation import jobs, ops

ROWS = 1_500
PLACES = ("people.parquet", "parts/")  # a file of several splits, and several objects
RANDOM = {"gcm", "loud"}  # columns whose values differ from run to run
DETERMINISTIC = {
    "id": {"technique": "hash"},
    "name": {"technique": "encrypt", "normalise": "nfc"},
    "account": {"technique": "format_preserving_encrypt", "on_unencryptable": "null"},
    "born": {"technique": "date_shift", "entity": "id", "days": 30},
    "age": {"technique": "generalise", "by": "bins", "width": 10},
    "wage": {"technique": "noise", "scale": 10},
    "phone": {"technique": "mask", "keep_last": 2},
    "note": {"technique": "redact"},
    "street": {"technique": "replace", "value": "somewhere"},
    "email": {"technique": "nullify"},
    "extra": {"technique": "drop"},
    "ward.1": {"technique": "retain"},
    "payload -> $.phone": {"technique": "hash"},
    "payload -> $.n": {"technique": "retain"},
    "gcm": {"technique": "encrypt", "policy": "random"},
    "loud": {"technique": "noise", "scale": 1, "policy": "random"},
}
JOBS = {job.name.removesuffix("_job"): job for job in [*jobs.JOBS, *jobs.REIDENTIFYING_JOBS]}
JOBS["remove_objections"] = ops.remove_objections.jobs()[0]
KEYS = {"keyset": "clinic", "domain": "study", "unmatched": "keep"}


@pytest.fixture(scope="module")
def people():
    draw = random.Random(3)  # noqa: S311 - rows that a test can repeat
    texts = [f"N. {n % 300} Müller {draw.getrandbits(256):x}" for n in range(300)]

    def some(values, missing=0.05):
        return [None if draw.random() < missing else draw.choice(values) for _ in range(ROWS)]

    return pa.table(
        {
            "id": [f"p{draw.randrange(400):04}" for _ in range(ROWS)],
            "name": some(texts),
            "account": some([f"{n:08}" for n in range(500)] + ["1", "no digits"]),
            "born": some([date(1900, 1, 1), date(2000, 2, 29), date(1970, 12, 31)]),
            "age": pa.array(some([*range(100)]), pa.int16()),
            "wage": pa.array(some([*range(3000)])),
            "phone": some(["0123 456", "99"]),
            "note": some(texts),
            "street": some(texts),
            "email": some(["a@example.org"]),
            "extra": some(["x"]),
            "ward.1": some(["w1", "w2"]),
            "payload": some(['{"phone": "0123", "n": 1.5}', '{"phone": null}', '{"n": 2}', "{}"]),
            "gcm": some(["secret"]),
            "loud": pa.array(some([1.5, 2.5])),
        }
    )


@pytest.fixture
def source(root, people):
    """The same rows as a file of several splits, and as several objects, one without rows."""
    pq.write_table(people, root / "people.parquet", row_group_size=200, use_dictionary=False)
    pq.write_table(people.slice(0, 0), root / "empty.parquet")
    (root / "parts").mkdir()
    for number, (first, last) in enumerate([(0, 3), (3, 3), (3, 900), (900, ROWS)]):
        pq.write_table(people.slice(first, last - first), root / f"parts/part-{number}.parquet")
    return root


@pytest.fixture
def on(run, spark_session, monkeypatch):
    """Return a function that runs a job on an engine."""

    def run_on(engine, name, place, target, **config):
        monkeypatch.setenv("DATA_SERVICES_ENGINE", engine)
        return run(JOBS[name], place, target, **config)

    return run_on


def report_of(root, target):
    """Return a report but for what names the run and the engine, and what is drawn anew."""
    report = json.loads((root / f"{target}.report.json").read_text())
    del report["run"], report["output"]
    for step in report["steps"]:
        assert step.pop("engine") == target.partition(".")[0].partition("-")[0]
        step["facts"].pop("recipe_sha256", None)
        step["inputs"] = [one for one in step.get("inputs", ()) if one["path"] != "approval.token"]
    return report


def recipe_of(root, target):
    """Return a recipe but for its seal and the digests of columns that differ from run to run."""
    recipe = json.loads((root / f"{target}.pseudonymisation.json").read_text())
    for name in RANDOM:
        recipe["dataset"]["sha256"].pop(name, None)
    return {name: part for name, part in recipe.items() if name != "seal"}


def same_rows(root, one, other, but=()):
    here, there = (pq.read_table(root / target) for target in (one, other))
    assert there.schema.equals(here.schema)
    for name in here.column_names:
        if name in but:
            assert there[name].is_null().equals(here[name].is_null())
        else:
            assert there[name].equals(here[name]), name


@pytest.mark.parametrize("place", PLACES)
def test_tables_get_the_same_tokens_recipes_and_reports(on, source, place):
    for engine in ("local", "spark"):
        name = "anonymise_pseudonymise_structured"
        result = on(engine, name, place, f"{engine}.parquet", rules=DETERMINISTIC, **KEYS)
        assert result.success

    same_rows(source, "local.parquet", "spark.parquet", but=RANDOM)
    assert report_of(source, "spark.parquet") == report_of(source, "local.parquet")
    assert recipe_of(source, "spark.parquet") == recipe_of(source, "local.parquet")


def test_originals_come_back_of_the_rows_that_are_asked_for(on, source, approval, people):
    rules = {name: DETERMINISTIC[name] for name in ("id", "name", "account", "born")}
    rules["id"] = {"technique": "encrypt"}
    made = on("spark", "anonymise_pseudonymise_structured", "parts/", "p.parquet",
              rules=rules, **KEYS)  # fmt: skip
    assert made.success
    wanted = ["w1", "nobody"]
    (source / "rows.csv").write_text("\n".join(["ward.1", *wanted, ""]))
    asked = {"purpose": "complaint 17", "requester": "bob", "columns": ["id", "name", "born"],
             "rows": "rows.csv"}  # fmt: skip
    for engine in ("local", "spark"):
        token = approval("p.parquet", columns=("id", "name", "born"), rows="rows.csv")
        result = on(engine, "depseudonymise_structured", "p.parquet", f"{engine}.parquet",
                    approval=token, **asked)  # fmt: skip
        assert result.success

    same_rows(source, "local.parquet", "spark.parquet")
    expected = people.filter(pa.compute.is_in(people["ward.1"], pa.array(wanted)))
    found = pq.read_table(source / "spark.parquet")
    assert found["id"].to_pylist() == expected["id"].to_pylist()
    assert found["born"].to_pylist() == expected["born"].to_pylist()
    reports = [report_of(source, f"{engine}.parquet") for engine in ("local", "spark")]
    assert reports[0] == reports[1]
    assert "1 values of the file under 'rows' are in no row." in str(reports[1])


def test_another_dataset_than_the_recipe_s_is_refused(on, source, approval, reason):
    name = "anonymise_pseudonymise_structured"
    rules = {"id": {"technique": "encrypt"}}
    assert on("local", name, "people.parquet", "p.parquet", rules=rules, **KEYS).success
    turned = pq.read_table(source / "p.parquet")
    turned = turned.take(list(reversed(range(len(turned)))))
    pq.write_table(turned, source / "p.parquet", row_group_size=200)
    asked = {"purpose": "complaint 17", "requester": "bob", "columns": ["id"]}

    token = approval("p.parquet", columns=("id",))
    result = on("spark", "depseudonymise_structured", "p.parquet", "back.parquet",
                approval=token, **asked)  # fmt: skip

    assert "is not the one that the recipe was written for" in reason(result)
    assert not (source / "back.parquet").exists()


def test_pseudonyms_are_made_anew_alike(on, source):
    rules = {name: DETERMINISTIC[name] for name in ("id", "name", "account", "born")}
    name = "anonymise_pseudonymise_structured"
    rules["id"] = {"technique": "encrypt"}
    assert on("local", name, "people.parquet", "p.parquet", rules=rules, **KEYS).success
    for engine in ("local", "spark"):
        result = on(engine, "repseudonymise_structured", "p.parquet", f"{engine}.parquet",
                    domain="other", rules={"name": {"technique": "hash"}})  # fmt: skip
        assert result.success

    same_rows(source, "local.parquet", "spark.parquet")
    assert report_of(source, "spark.parquet") == report_of(source, "local.parquet")
    assert recipe_of(source, "spark.parquet") == recipe_of(source, "local.parquet")


def test_texts_are_pseudonymised_alike(on, source, approval):
    texts = [
        f"Dear {n}, write to jane.roe{n % 7}@example.org or call +49 30 901820{n % 10:02}."
        for n in range(700)
    ]
    pq.write_table(pa.table({"text": texts}), source / "texts.parquet", row_group_size=100)
    entities = {"email": {"technique": "encrypt"}, "*": {"technique": "surrogate"}}
    config = {"keyset": "clinic", "domain": "study", "entities": entities}
    for engine in ("local", "spark"):
        result = on(engine, "anonymise_pseudonymise_unstructured", "texts.parquet",
                    f"{engine}.parquet", **config)  # fmt: skip
        assert result.success
    token = approval("spark.parquet", job="depseudonymise_unstructured_job", columns=("text",))
    back = on("spark", "depseudonymise_unstructured", "spark.parquet", "back.parquet",
              purpose="complaint 17", requester="bob", approval=token,
              columns=["text"])  # fmt: skip

    same_rows(source, "local.parquet", "spark.parquet")
    assert report_of(source, "spark.parquet") == report_of(source, "local.parquet")
    assert recipe_of(source, "spark.parquet") == recipe_of(source, "local.parquet")
    assert back.success
    restored = pq.read_table(source / "back.parquet")["text"].to_pylist()
    assert all(f"jane.roe{n % 7}@example.org" in text for n, text in enumerate(restored))


def test_objections_and_proposals_are_alike(on, source):
    (source / "objections.csv").write_text("id\np0001\np0002\nnobody\n")
    for engine in ("local", "spark"):
        objected = on(engine, "remove_objections", "parts/", f"{engine}.parquet",
                      objections="objections.csv", column="id")  # fmt: skip
        assert objected.success
        proposed = on(engine, "detect_personal_data", "parts/", f"{engine}-found", sample_rows=50)
        assert proposed.success

    same_rows(source, "local.parquet", "spark.parquet")
    for target in ("{}.parquet", "{}-found"):
        here, there = (report_of(source, target.format(name)) for name in ("local", "spark"))
        assert there == here
    proposals = [(source / f"{one}-found.policy.yaml").read_bytes() for one in ("local", "spark")]
    assert proposals[0] == proposals[1]


def test_a_dataset_without_rows_is_pseudonymised_alike(on, source):
    rules = {name: rule for name, rule in DETERMINISTIC.items() if "->" not in name}
    for engine in ("local", "spark"):
        result = on(engine, "anonymise_pseudonymise_structured", "empty.parquet",
                    f"{engine}.parquet", rules=rules, **KEYS)  # fmt: skip
        assert result.success

    same_rows(source, "local.parquet", "spark.parquet")
    assert recipe_of(source, "spark.parquet") == recipe_of(source, "local.parquet")


def test_a_cell_that_cannot_be_transformed_is_told_by_its_row(on, source, reason):
    accounts = [f"{n:08}" for n in range(ROWS)]
    accounts[1_234] = "canary"
    padding = [f"{n:0256x}" for n in range(ROWS)]
    table = pa.table({"account": accounts, "padding": padding})
    pq.write_table(table, source / "odd.parquet", row_group_size=100, use_dictionary=False)
    rules = {"account": {"technique": "format_preserving_encrypt"}}
    sentences = [
        reason(on(engine, "anonymise_pseudonymise_structured", "odd.parquet", "x.parquet",
                  rules=rules, **KEYS))
        for engine in ("local", "spark")
    ]  # fmt: skip

    assert sentences[1] == sentences[0]
    assert "row 1234" in sentences[1]
    assert "canary" not in sentences[1]
    assert not (source / "x.parquet").exists()


def test_a_path_that_no_worker_met_is_refused(on, source, reason):
    result = on("spark", "anonymise_pseudonymise_structured", "parts/", "x.parquet",
                rules={"payload -> $.nothing": "hash"}, **KEYS)  # fmt: skip

    assert "the path names nothing in any row" in reason(result)
