"""Every operation of this package gives on a Spark cluster what it gives on one machine.

The local engine is the oracle, and is held to known answers elsewhere. Its outputs are CSV, so that
they can be compared byte by byte; reports are compared but for what names the run and the engine.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataframe_anonymisation import jobs

ROWS = 2_000
PLACES = ("people.parquet", "parts/")  # a file of several splits, and several objects
COLUMNS = {
    "quasi_identifiers": ["age", "town", "born"],
    "sensitive_attributes": ["illness"],
    "insensitive_attributes": ["ward"],
    "identifiers": ["name"],
    "suppression_limit": 0.1,
    "unclassified": "keep",
    "hierarchies": {
        "age": {"kind": "intervals", "widths": [5, 10, 20]},
        "town": {"kind": "file", "path": "towns.csv"},
        "born": {"kind": "date", "levels": ["month", "year"]},
    },
}
ORDER = ["ache", "cold", "flu", "grippe"]
TABLES = {
    "k, the optimum, masked and in order": (
        "k_anonymity",
        {"k": 30, "algorithm": "optimal", "suppressed": "mask", "order": "preserve"},
    ),
    "k, locally, for persons": (
        "k_anonymity",
        {"k": 5, "algorithm": "local", "identifiers": [], "entity": "name"},
    ),
    "k, mondrian, with microaggregation": (
        "k_anonymity",
        {"k": 8, "algorithm": "mondrian", "labels": {"age": "mean", "town": "values"}},
    ),
    "k of a population": (
        "anonymise_dataframe",
        {"models": [{"model": "k_map", "k": 9}], "population": "people.parquet"},
    ),
    "l, entropy": ("l_diversity", {"k": 5, "l": 2, "variant": "entropy", "algorithm": "local"}),
    "l, recursive": ("l_diversity", {"k": 5, "l": 2, "variant": "recursive", "c": 3}),
    "t, ordered": (
        "t_closeness",
        {"k": 5, "t": 0.3, "distance": "ordered", "values_in_order": {"illness": ORDER}},
    ),
    "several models": (
        "anonymise_dataframe",
        {
            "models": [
                {"model": "k_anonymity", "k": 4},
                {"model": "l_diversity", "l": 2},
                {"model": "t_closeness", "t": 0.4},
                {"model": "beta_likeness", "beta": 4},
                {"model": "delta_disclosure", "delta": 3},
                {"model": "alpha_k_anonymity", "k": 4, "alpha": 0.8},
            ]
        },
    ),
}
NO_NOISE = 1e5  # so large an epsilon that there is none to speak of
OTHERS = {
    "risk of rows": ("assess_risk", {"quasi_identifiers": ["age", "town"]}, "write_report"),
    "risk of persons": (
        "assess_risk",
        {"quasi_identifiers": ["town", "born"], "entity": "name"},
        "write_report",
    ),
    "claims": (
        "verify_anonymity",
        {
            "quasi_identifiers": ["age", "town"],
            "sensitive_attributes": ["illness"],
            "k": 3,
            "l": 2,
            "t": 0.3,
            "fail_if_untrue": False,
        },
        "write_report",
    ),
    "counts without noise": (
        "private_counts",
        {
            "groups": {"town": ["a", "b", "d é"], "ward": ["w,1"]},
            "sums": {"bill": {"lower": 0, "upper": 1000}},
            "entity": "name",
            "epsilon": NO_NOISE,
            "max_groups": 3,  # all of them, else which count is drawn
        },
        "write_dataset",
    ),
}


@pytest.fixture(scope="module")
def people():
    """Rows with odd texts, missing cells, dates, and enough bytes for several splits."""
    random = np.random.default_rng(11)
    names = [f"hush{n % 700}-{random.bytes(32).hex()}" for n in range(700)]
    towns = ["a", "b", "c", "d é", ""]
    days = np.array(["1980-02-29", "1981-12-31", "1999-01-01"], "datetime64[D]")
    missing = random.random(ROWS) < 0.02
    return pa.table(
        {
            "name": pa.array(random.choice(names, ROWS)),
            "age": pa.array(random.integers(20, 60, ROWS), mask=missing),
            "town": pa.array(random.choice(towns, ROWS, p=[0.3, 0.3, 0.2, 0.15, 0.05])),
            "born": pa.array(random.choice(days, ROWS), pa.date32()),
            "illness": pa.array(random.choice(ORDER, ROWS, p=[0.3, 0.3, 0.3, 0.1])),
            "ward": pa.array(random.choice(["w,1", 'w"2'], ROWS)),
            "bill": pa.array(random.integers(0, 50_000, ROWS) / 100),
        }
    )


@pytest.fixture
def source(root, people):
    """The same rows as a file of several splits, and as several objects, one without rows."""
    pq.write_table(people, root / "people.parquet", row_group_size=300, use_dictionary=False)
    (root / "parts").mkdir()
    for number, (first, last) in enumerate([(0, 3), (3, 3), (3, 1_500), (1_500, ROWS)]):
        part = people.slice(first, last - first)
        pq.write_table(part, root / f"parts/part-{number}.parquet", row_group_size=300)
    (root / "towns.csv").write_text("a;north;*\nb;north;*\nc;south;*\nd é;south;*\n;south;*\n")
    return root


@pytest.fixture
def on_both(instance, source, spark_session, monkeypatch):
    """Return a function that runs a job on both engines, and what is left of both."""

    def run(name, place, config, writer="write_dataset"):
        found = []
        for engine in ("local", "spark"):
            monkeypatch.setenv("DATA_SERVICES_ENGINE", engine)
            target = f"{engine}.csv"
            ops = {
                "read_dataset": {"config": {"path": place}},
                name: {"config": config},
                writer: {"config": {"path": target}},
            }
            job = getattr(jobs, f"{name}_job")
            result = job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)
            found.append(_left(result, source / target))
        return found

    return run


def _left(result, target):
    """Return what a run has published, or the sentence with which it failed."""
    if not result.success:
        (failed,) = (event for event in result.all_events if event.is_step_failure)
        return failed.step_failure_data.user_failure_data.description
    report = json.loads(target.with_name(f"{target.name}.report.json").read_text())
    engines = [step.pop("engine") for step in report["steps"]]
    assert engines == [target.stem]
    del report["run"], report["output"]
    return target.read_bytes() if target.exists() else None, report


@pytest.mark.parametrize("operation", TABLES)
def test_tables_are_anonymised_alike(on_both, operation):
    name, config = TABLES[operation]

    here, there = on_both(name, place_of(operation), {**COLUMNS, **config})

    assert there == here
    assert not isinstance(here, str)


@pytest.mark.parametrize("operation", OTHERS)
def test_tables_are_measured_and_counted_alike(on_both, operation):
    name, config, writer = OTHERS[operation]

    here, there = on_both(name, place_of(operation), config, writer)

    assert there == here
    assert not isinstance(here, str)


def test_a_table_that_cannot_be_made_safe_is_refused_alike(on_both):
    models = {"k": ROWS + 1, "suppression_limit": 0.0, "hierarchies": {}}

    here, there = on_both("k_anonymity", "parts/", {**COLUMNS, **models})

    assert there == here
    assert isinstance(here, str)


def place_of(operation):
    """Return where an operation reads from: every other one from several objects."""
    return PLACES[[*TABLES, *OTHERS].index(operation) % len(PLACES)]


def test_every_operation_is_compared():
    compared = {name for name, *_ in [*TABLES.values(), *OTHERS.values()]}

    assert compared == {job.name.removesuffix("_s3").removesuffix("_job") for job in jobs.JOBS}
