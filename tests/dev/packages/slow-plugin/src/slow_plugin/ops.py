"""An operation that computes for minutes, and an op that knows nothing of staging."""

import os
import time
from pathlib import Path

import dagster as dg
from pydantic import Field

from util_services.datasets.staged import StagedDataset
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation


class ComputeForLongConfig(dg.Config):
    """How much there is to compute."""

    numbers: int = Field(default=1_000_000_000_000, description="How many numbers to add up.")


@operation()
def compute_for_long(dataset: Dataset, config: ComputeForLongConfig) -> Outcome:
    """Add up hashes for minutes."""
    tell()
    query = f"SELECT sum(hash(range)) AS total FROM range({config.numbers})"  # noqa: S608 - a number
    total = dataset.engine.rows(dataset.engine.relation(query))[0]["total"]
    return Outcome(frame=dataset.scan(), facts={"total": int(total)})


@dg.op
def nap(dataset: StagedDataset) -> StagedDataset:
    """Sleep for an hour between the shared ops, and leave all tidying to others."""
    tell()
    time.sleep(3600)
    return dataset


def tell() -> None:
    """Tell that an op is at work to whoever has named a file for it."""
    if mark := os.environ.get("SLOW_PLUGIN_AT_WORK"):
        Path(mark).touch()
