"""Compare this package with anjana and anonypyx on the Adult census data, in one run.

    python packages/dataframe-anonymisation/benchmarks/peers.py
    python packages/dataframe-anonymisation/benchmarks/peers.py --k 10 --rows 200000

Needs DATA_SERVICES_TEST_DATA, the folder with ``adult/``, and ``uv``, which makes an environment
for each peer: they pin versions that no other can have. Every tool anonymises the same file in a
process of its own. What each publishes is then measured here by one yardstick that knows labels
alone: GCP over the hierarchies, the median error of 200 count queries, and the smallest class;
pycanon, in an environment of its own, says k once more. ``--rows`` draws a larger table as
`adult.py` does. ARX needs Java and is on no index of Python packages.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from adult import adult, enlarged
from peer import QUASI_IDENTIFIERS, SENSITIVE, hierarchy_file

from dataframe_anonymisation.verify.labels import is_of_values, number_in

HERE = Path(__file__).parent
PEERS = {"anjana": "anjana==1.2.3", "anonypyx": "anonypyx==0.2.11"}
OURS = ("optimal", "local", "mondrian", "local-values", "mondrian-values")
QUERIES, SELECTED_SHARE, SMALLEST_SHARE, SEED = 200, 0.3, 0.001, 20
OUTSIDE = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_DEFAULT_INDEX")


def python_with(package: str) -> list[str]:
    return ["uv", "run", "-q", "--no-project", "--python", "3.11", "--with", package, "python"]


def run(command: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    done = subprocess.run(  # noqa: S603 - commands of this file
        command, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


class Column:
    """What labels of a column stand for, by its hierarchy and by their text."""

    def __init__(self, folder: Path, name: str, values: pd.Series) -> None:
        rows = pd.read_csv(hierarchy_file(folder, name), sep=";", header=None, dtype=str)
        self.leaves = list(dict.fromkeys([*rows[0], *values.unique()]))
        self.labels = {
            label: set(part[0]) for level in rows for label, part in rows.groupby(level, sort=False)
        }
        self.present = np.isin(self.leaves, values.unique())
        numbers = np.array([number_in(leaf) for leaf in self.leaves])
        self.is_numeric = not np.isnan(numbers).any()
        self.numbers = numbers

    def covered(self, label: str) -> np.ndarray:
        """Return which leaves a label stands for."""
        if label == "*":
            return np.ones(len(self.leaves), bool)
        known = self.labels.get(label, set())
        return np.array(
            [
                leaf == label or leaf in known or (not known and is_of_values(label, leaf))
                for leaf in self.leaves
            ]
        )

    def loss(self, label: str) -> float:
        """Return the normalised certainty penalty of a label (Xu et al. 2006)."""
        if label == "*":
            return 1.0
        covered = self.covered(label)
        if not self.is_numeric:
            return covered.sum() / len(self.leaves) if covered.sum() > 1 else 0.0
        known = self.numbers[self.present]
        inside = np.clip(self.numbers[covered], known.min(), known.max())
        return float(np.ptp(inside) / np.ptp(known))


def measured(original: pd.DataFrame, published: pd.DataFrame, folder: Path) -> dict[str, float]:
    """Return GCP, query error, suppressed rows and the smallest class of a published table."""
    rows, suppressed = len(original), len(original) - len(published)
    is_masked = (published[list(QUASI_IDENTIFIERS)] == "*").all(axis=1)
    columns = {name: Column(folder, name, original[name]) for name in QUASI_IDENTIFIERS}
    lost = 0.0
    places, masks = {}, {}
    for name, column in columns.items():
        codes, labels = pd.factorize(published[name])
        lost += float(np.array([column.loss(label) for label in labels])[codes].sum()) + suppressed
        places[name] = codes
        masks[name] = np.array([column.covered(label) for label in labels])
    random, errors = np.random.default_rng(SEED), []
    leaf = {
        name: pd.Index(column.leaves).get_indexer(original[name])
        for name, column in columns.items()
    }
    for _ in range(QUERIES):
        chosen = random.choice(list(QUASI_IDENTIFIERS), int(random.integers(2, 4)), replace=False)
        true, share = np.ones(rows, bool), np.ones(len(published))
        for name in chosen:
            selected = selection(random, columns[name])
            true &= selected[leaf[name]]
            present = masks[name] & columns[name].present
            share *= ((present & selected).sum(axis=1) / np.maximum(present.sum(axis=1), 1))[
                places[name]
            ]
        count = int(true.sum())
        errors.append(abs(share.sum() - count) / max(count, SMALLEST_SHARE * rows))
    classes = published[~is_masked].groupby(list(QUASI_IDENTIFIERS), observed=True).size()
    return {
        "gcp": lost / rows / len(QUASI_IDENTIFIERS),
        "query_error": float(np.median(errors)),
        "suppressed": suppressed + int(is_masked.sum()),
        "smallest_class": int(classes.min()) if len(classes) else 0,
    }


def selection(random: np.random.Generator, column: Column) -> np.ndarray:
    """Return the leaves that a query selects: a run of numbers, or any values."""
    places = np.flatnonzero(column.present)
    if column.is_numeric:
        places = places[np.argsort(column.numbers[places])]
    wanted = max(1, round(SELECTED_SHARE * len(places)))
    selected = np.zeros(len(column.leaves), bool)
    if column.is_numeric:
        start = int(random.integers(0, len(places) - wanted + 1))
        selected[places[start : start + wanted]] = True
    else:
        selected[random.choice(places, wanted, replace=False)] = True
    return selected


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--k", type=int, default=5)
    arguments.add_argument("--rows", type=int, default=0, help="rows of a larger table")
    arguments.add_argument("--tools", nargs="+", default=[*OURS, *PEERS], help="only these")
    given = arguments.parse_args()
    folder = Path(os.environ["DATA_SERVICES_TEST_DATA"]) / "adult"
    frame = adult(folder)
    if given.rows:
        frame = enlarged(frame, given.rows, 0).astype(str)
    print(f"{len(frame)} rows, k={given.k}")
    print("tool             limit  GCP     query  suppressed  k    pycanon  s       cpu s   MB")
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch) / "in.csv", Path(scratch) / "out.csv"
        frame[[*QUASI_IDENTIFIERS, SENSITIVE]].to_csv(source, sep=";", index=False)
        for tool in given.tools:
            limit = 0.05 if tool in {"optimal", "anjana"} else 0.0
            python = python_with(PEERS[tool]) if tool in PEERS else [sys.executable]
            options = ["--input", source, "--hierarchies", folder, "--output", made]
            options += ["--k", given.k, "--limit", limit]
            told = json.loads(run([*python, str(HERE / "peer.py"), tool, *map(str, options)]))
            published = pd.read_csv(made, sep=";", dtype=str, keep_default_na=False)
            found = measured(frame, published, folder)
            check = [*python_with("pycanon==1.3.5"), str(HERE / "agree_with_pycanon.py")]
            columns = ["--quasi-identifiers", *QUASI_IDENTIFIERS, "--sensitive", SENSITIVE]
            confirmed = run([*check, str(made), *columns, "--k-only"])
            print(
                f"{tool:15}  {limit:<5}  {found['gcp']:.4f}  {found['query_error']:<5.3f}  "
                f"{found['suppressed']:<10}  {found['smallest_class']:<3}  {confirmed:7}  "
                f"{told['seconds']:<6.2f}  {told['cpu_seconds']:<6.2f}  {told['peak_mb']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
