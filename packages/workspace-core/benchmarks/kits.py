"""What a record costs: frames and models by the kits, beside pandas and scikit-learn alone.

    python packages/workspace-core/benchmarks/kits.py --rows 2000000

Medians of five, one after the other in one process. The first read of a file hashes it; a later one
finds it unchanged by its stat fields.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from workspace_core import api
from workspace_core.kits.pandas import read_frame, write_frame
from workspace_core.kits.scikit_learn import LineagePredictor, load_dataset_from_resource
from workspace_core.lineage import LineageBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5
ROLES = {"raw": "source-data", "digits": "source-data", "clean": "intermediate-data"}


def median(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Return the median of the seconds that something takes, without what comes before it."""
    found = []
    for _ in range(RUNS):
        before()
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def say(what: str, ours: float, theirs: float) -> None:
    print(f"{what:42} {ours:8.3f} s  {theirs:8.3f} s  {ours / theirs:6.2f}x")


def step(read: Callable[..., object]) -> None:
    with LineageBuilder().with_step_name("read").with_inputs_when_read().eval() as lineage:
        read(lineage)


def frames(rows: int) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"c{one}": random.normal(size=rows) for one in range(10)})
    file = Path("raw/a.parquet")
    frame.to_parquet(file, index=False)
    print(f"{rows} rows, {file.stat().st_size / 1e6:.0f} MB of Parquet: the kit, pandas, ratio")
    alone = median(lambda: pd.read_parquet(file))
    kit = lambda: step(lambda lineage: read_frame("raw", file.name, lineage))  # noqa: E731
    say("a step that reads it, new each time", median(kit, lambda: os.utime(file)), alone)
    say("a step that reads it, as it was", median(kit), alone)
    alone = median(lambda: frame.to_parquet("b.parquet", index=False))
    say(
        "a step that writes it",
        median(lambda: step(lambda lineage: write_frame(frame, "clean", "b.parquet", lineage))),
        alone,
    )


def models() -> None:
    digits = load_digits()
    np.savetxt("digits/data.csv", digits.data, delimiter=",")
    np.savetxt("digits/target.csv", digits.target)
    dataset = load_dataset_from_resource("digits")
    ours = LineagePredictor(
        SVC(), "multiclass_classification", dataset.resource, model_save_file="digits"
    )
    alone = SVC()
    say(
        "SVC on digits: fit, save and score",
        median(lambda: ours.fit(dataset.data, dataset.target).score(dataset.data, dataset.target)),
        median(lambda: alone.fit(dataset.data, dataset.target).score(dataset.data, dataset.target)),
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=2_000_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        api.init(hostname="lab", create_resources=["results"])
        for name, role in ROLES.items():
            Path(name).mkdir()
            api.add("local-files", role, name)
        frames(rows)
        models()
        os.chdir("/")


if __name__ == "__main__":
    main()
