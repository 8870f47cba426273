"""Anonymise a CSV file with one tool, in an environment that holds it; `peers.py` calls this.

    python peer.py TOOL --input adult.csv --hierarchies FOLDER --k 5 --limit 0.05 --output out.csv

Prints seconds, those of the processor, and peak memory as JSON; reading and writing are not timed.
Ranges are written as ``[20, 29]`` and sets as ``{a, b}``, whatever a tool makes of them.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

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
Run = tuple[Callable[[], Any], Callable[[Any], pd.DataFrame]]  # what is timed, and what follows


def hierarchy_file(folder: Path, name: str) -> Path:
    return folder / f"adult_hierarchy_{name}.csv"


def with_anjana(frame: pd.DataFrame, folder: Path, k: int, limit: float) -> Run:
    from anjana.anonymity import k_anonymity

    hierarchies = {
        name: dict(pd.read_csv(hierarchy_file(folder, name), sep=";", header=None, dtype=str))
        for name in QUASI_IDENTIFIERS
    }

    def run() -> pd.DataFrame:
        return k_anonymity(frame, [], list(QUASI_IDENTIFIERS), k, 100 * limit, hierarchies)

    return run, lambda made: made.drop(columns="index", errors="ignore")


def with_anonypyx(frame: pd.DataFrame, folder: Path, k: int, limit: float) -> Run:
    from anonypyx import Anonymiser

    del folder, limit  # it knows no hierarchies, and suppresses nothing
    cells = frame.assign(age=frame["age"].astype(int))
    for name in (*QUASI_IDENTIFIERS[1:], SENSITIVE):
        cells[name] = cells[name].astype("category")
    cells = cells[[*QUASI_IDENTIFIERS, SENSITIVE]]
    made = Anonymiser(
        cells, k=k, feature_columns=list(QUASI_IDENTIFIERS), sensitive_column=SENSITIVE
    )

    def run() -> list:
        return made.algorithm.partition(made.parameters)

    def labelled(partitions: list) -> pd.DataFrame:
        result = frame[[*QUASI_IDENTIFIERS, SENSITIVE]].astype(object)
        for part in partitions:
            rows = cells.loc[part]
            for name in QUASI_IDENTIFIERS:
                values = sorted(rows[name].unique())
                label = str(values[0])
                if len(values) > 1:
                    marks = f"[{values[0]}, {values[-1]}]", f"{{{', '.join(map(str, values))}}}"
                    label = marks[name != "age"]
                result.loc[rows.index, name] = label
        return result

    return run, labelled


def with_ours(
    frame: pd.DataFrame, folder: Path, k: int, limit: float, algorithm: str, style: str
) -> Run:
    from dataframe_anonymisation import AnonymisationPolicy, Hierarchy, KAnonymity, anonymise

    asked = AnonymisationPolicy(
        models=[KAnonymity(k=k)],
        quasi_identifiers=QUASI_IDENTIFIERS,
        sensitive_attributes=[SENSITIVE],
        unclassified="drop",
        hierarchies={
            name: Hierarchy.from_file(str(hierarchy_file(folder, name)))
            for name in QUASI_IDENTIFIERS
        },
        algorithm=algorithm,
        suppression_limit=limit,
        labels=dict.fromkeys(QUASI_IDENTIFIERS, style),
    )
    return (lambda: anonymise(frame, asked)), lambda made: made[0]


TOOLS = {
    "anjana": with_anjana,
    "anonypyx": with_anonypyx,
    "optimal": lambda *given: with_ours(*given, "optimal", "hierarchy"),
    "local": lambda *given: with_ours(*given, "local", "hierarchy"),
    "local-values": lambda *given: with_ours(*given, "local", "values"),
    "mondrian": lambda *given: with_ours(*given, "mondrian", "hierarchy"),
    "mondrian-values": lambda *given: with_ours(*given, "mondrian", "values"),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("tool", choices=TOOLS)
    arguments.add_argument("--input", required=True)
    arguments.add_argument("--hierarchies", required=True, type=Path)
    arguments.add_argument("--k", type=int, default=5)
    arguments.add_argument("--limit", type=float, default=0.0)
    arguments.add_argument("--output", required=True)
    given = arguments.parse_args()
    frame = pd.read_csv(given.input, sep=";", dtype=str)
    run, labelled = TOOLS[given.tool](frame, given.hierarchies, given.k, given.limit)
    began, computing = time.perf_counter(), time.process_time()
    made = run()
    seconds, computed = time.perf_counter() - began, time.process_time() - computing
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    labelled(made).to_csv(given.output, sep=";", index=False)
    print(json.dumps({"seconds": seconds, "cpu_seconds": computed, "peak_mb": peak}))


if __name__ == "__main__":
    main()
