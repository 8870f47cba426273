"""What an operation wrote can be checked, as bytes, before anybody publishes it."""

import pytest

from util_services.datasets.layout import Layout
from util_services.engines.local import LocalEngine
from util_services.errors import DatasetError
from util_services.flow.encode import Target
from util_services.flow.operate import Dataset, Outcome, Verified, operate
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.storage import LocalStorage


@pytest.fixture
def written(tmp_path):
    """Write a small table by an operation that has its files checked."""
    (tmp_path / "in.csv").write_text("id\n1\n2\n")
    staging = Staging.create(tmp_path / "staging", "run")

    def write(verify):
        with LocalEngine(staging.scratch()) as engine:
            plan = plan_read(LocalStorage(tmp_path), ReadOptions("in.csv"))
            return operate(
                "copy",
                lambda dataset: Outcome(dataset.scan(), facts={"copied": True}, verify=verify),
                Dataset(engine, read_dataset(plan, staging, engine)),
                Target(staging, Layout("jsonl")),
                {},
            )

    yield write
    staging.remove()


def test_a_check_sees_the_bytes_and_adds_to_the_facts(written):
    def lines(files, layout):
        return Verified({"format": layout.format, "lines": [file.read_text() for file in files]})

    result = written(lines)

    text = '{"id":"1"}\n{"id":"2"}\n'
    assert result.steps[-1].facts == {"copied": True, "format": "jsonl", "lines": [text]}


def test_a_check_that_raises_ends_the_step(written):
    def refuse(files, layout):
        raise DatasetError(f"{len(files)} file of {layout.format} is not as it must be.")

    with pytest.raises(DatasetError, match="1 file of jsonl is not as it must be"):
        written(refuse)
