"""Loss, query error, seconds and peak memory on the Adult census data and on larger tables like it.

    python packages/dataframe-anonymisation/benchmarks/adult.py            # Adult, every model
    python packages/dataframe-anonymisation/benchmarks/adult.py --rows 1000000 --postcodes 2000

Needs DATA_SERVICES_TEST_DATA, the folder with ``adult/``. A fast bad answer is no win, so loss
stands beside time: GCP over the hierarchies, and the median error of 200 count queries. ``--rows``
draws rows whose columns are those of Adult, each replaced with a tenth's chance by one of another
row, so that there are many distinct combinations; ``--postcodes`` adds a quasi-identifier of as
many values with prefixes as its hierarchy. Seconds and memory are those of one call on a frame in
memory, with the independent check of the result included; on a busy machine the seconds of the
processor say more than those of the wall. Memory is the peak of the process.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    KAnonymity,
    LDiversity,
    TCloseness,
    anonymise,
)

QUASI_IDENTIFIERS = (
    "age",
    "sex",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
)
SENSITIVE = "occupation"
SEED = 7
SWAPPED_SHARE = 0.1


def cases(*, is_large: bool) -> Iterator[tuple[str, list[Any], float]]:
    """Return the algorithm, the models and the suppression limit of each line."""
    k5 = KAnonymity(k=5)
    if is_large:
        yield from ((algorithm, [k5], 0.05) for algorithm in ("local", "mondrian"))
        return
    for k in (2, 5, 10, 50):
        yield "optimal", [KAnonymity(k=k)], 0.05
        yield "local", [KAnonymity(k=k)], 0.0
        yield "mondrian", [KAnonymity(k=k)], 0.0
    for algorithm in ("optimal", "local", "mondrian"):
        yield algorithm, [k5, LDiversity(l=3)], 0.05
        yield algorithm, [k5, LDiversity(l=2, variant="entropy")], 0.05
        yield algorithm, [k5, TCloseness(t=0.3)], 0.05
        yield algorithm, [k5, TCloseness(t=0.2)], 0.05


def adult(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "adult.csv", sep=";", dtype=str)


def enlarged(frame: pd.DataFrame, rows: int, postcodes: int) -> pd.DataFrame:
    """Return rows like those of a frame, with further combinations."""
    random = np.random.default_rng(SEED)
    places = random.integers(0, len(frame), rows)
    columns = {}
    for name in [*QUASI_IDENTIFIERS, SENSITIVE]:
        other = np.where(
            random.random(rows) < SWAPPED_SHARE, random.integers(0, len(frame), rows), places
        )
        columns[name] = frame[name].astype("category").take(other).array
    if postcodes:
        known = random.choice(100_000, postcodes, replace=False)
        share = 1 / np.arange(1, postcodes + 1) ** 0.8
        drawn = random.choice(postcodes, rows, p=share / share.sum())
        texts = [f"{code:05}" for code in known]
        columns["postcode"] = pd.Categorical.from_codes(drawn, texts)
    return pd.DataFrame(columns)


def policy(
    folder: Path, algorithm: Any, models: list[Any], limit: float, *, postcodes: int
) -> AnonymisationPolicy:
    columns = [*QUASI_IDENTIFIERS, *(["postcode"] if postcodes else [])]
    hierarchies = {
        name: Hierarchy.from_file(str(folder / f"adult_hierarchy_{name}.csv"))
        for name in QUASI_IDENTIFIERS
    }
    if postcodes:
        hierarchies["postcode"] = Hierarchy.mask([4, 3, 2, 1])
    return AnonymisationPolicy(
        models=models,
        quasi_identifiers=columns,
        sensitive_attributes=[SENSITIVE],
        unclassified="drop",
        hierarchies=hierarchies,
        algorithm=algorithm,
        suppression_limit=limit,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--rows", type=int, default=0, help="rows of a larger table; 0 for Adult"
    )
    arguments.add_argument("--postcodes", type=int, default=0, help="values of one more column")
    arguments.add_argument("--algorithm", help="only this search")
    given = arguments.parse_args()
    folder = Path(os.environ["DATA_SERVICES_TEST_DATA"]) / "adult"
    frame = adult(folder)
    if given.rows:
        frame = enlarged(frame, given.rows, given.postcodes)
    print(f"{len(frame)} rows")
    print("algorithm  models" + " " * 34 + "limit  GCP     query  suppressed  s       cpu s   MB")
    for algorithm, models, limit in cases(is_large=bool(given.rows)):
        if given.algorithm not in (None, algorithm):
            continue
        asked = policy(folder, algorithm, models, limit, postcodes=given.postcodes)
        began, computing = time.perf_counter(), time.process_time()
        _, report = anonymise(frame, asked)
        seconds = time.perf_counter() - began
        computed = time.process_time() - computing
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        found = report["loss"]
        print(
            f"{algorithm:9}  {', '.join(map(_short, models)):38}  {limit:<5}  {found['gcp']:.4f}  "
            f"{found['median_query_error']:<5.3f}  {report['rows_suppressed']:<10}  "
            f"{seconds:<6.2f}  {computed:<6.2f}  {peak}",
            flush=True,
        )


def _short(model: Any) -> str:
    values = model.requested()
    return " ".join(f"{k}={v}" for k, v in values.items() if k in {"k", "l", "t", "variant"})


if __name__ == "__main__":
    main()
