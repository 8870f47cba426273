"""What a release policy may want of the quality of a dataset, tested on written files."""

import pandas as pd
import pytest
from pydantic import ValidationError

from data_processing.releasing import Quality, quality
from util_services.engines.local import LocalEngine
from util_services.flow.encode import Target, encode
from util_services.flow.inputs import Inputs
from util_services.flow.operate import Dataset
from util_services.flow.plan import ReadOptions, WriteOptions, plan_read, plan_write
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.releases.checks import Candidate
from util_services.releases.policy import ReleasePolicy
from util_services.storage import LocalStorage

FRAME = pd.DataFrame({"id": ["1", "2", "2"], "stay": [3, 4, 500], "ward": ["A", None, "B"]})
ROLES = dict.fromkeys(FRAME.columns, "insensitive")
UNIQUE = {"rule": "unique", "columns": ["id"]}
FILLED = {"rule": "not_null", "columns": ["ward", "id"]}


@pytest.fixture
def rules(tmp_path):
    """Return a function that writes the table in a format, and tests rules on what is written."""
    root = tmp_path / "root"
    root.mkdir()
    FRAME.to_parquet(root / "in.parquet")
    (root / "wards.csv").write_text("ward\nA\n")
    storage, staging = LocalStorage(root), Staging.create(tmp_path / "staging", "run")

    def check(output, *asked):
        plan = plan_read(storage, ReadOptions("in.parquet"))
        target = Target.of(
            plan_write(storage, WriteOptions(output), plan.origin, run_id="run"), staging
        )
        with LocalEngine(staging.scratch()) as engine:
            staged = read_dataset(plan, staging, engine)
            given = Dataset(engine, staged, Inputs(storage, staging))
            files, _ = encode(engine, given.scan(), target, staged, staged.schema.arrow)
            policy = ReleasePolicy(purpose="x", released_by=["bob"], columns=ROLES)
            candidate = Candidate(files, target.layout, given, policy)
            found = quality(candidate, Quality(rules=list(asked)))
            return {rule.rule: (rule.found, rule.holds) for rule in found}

    yield check
    staging.remove()


@pytest.mark.parametrize(
    "output", ["out.parquet", "out/", "out.csv", "out.csv.gz", "out.jsonl", "out.json", "out.xlsx"]
)
def test_each_rule_is_tested_on_what_is_written(rules, output):
    assert rules(output, UNIQUE, FILLED) == {
        "unique of 'id'": ("2 of 3 break it", False),
        "not_null of 'ward'": ("1 of 3 break it", False),
        "not_null of 'id'": ("0 of 3 break it", True),
    }


def test_rules_on_numbers_and_on_other_datasets_are_tested_too(rules):
    found = rules(
        "out.parquet",
        {"rule": "range", "columns": ["stay"], "min": 0, "max": 365, "name": "stays of a year"},
        {"rule": "foreign_key", "columns": ["ward"], "dataset": "wards.csv"},
        {"rule": "row_count", "min": 3},
    )

    assert found["stays of a year"] == ("1 of 3 break it", False)
    assert [holds for _, holds in found.values()] == [False, False, True]


@pytest.mark.parametrize(
    "asked",
    [[], [{"rule": "uniqe", "columns": ["id"]}], [UNIQUE | {"severity": "warn"}]],
    ids=["none", "unknown", "severity"],
)
def test_what_are_no_rules_of_a_release_is_refused(asked):
    with pytest.raises(ValidationError):
        Quality(rules=asked)
