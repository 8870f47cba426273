"""Ask pycanon, in an environment of its own, for k and l of a published CSV file.

cd packages/dataframe-anonymisation/benchmarks
uv run --no-project --with pycanon python agree_with_pycanon.py out/adult.csv \
    --quasi-identifiers age sex race --sensitive occupation
"""

import argparse

import pandas as pd
from pycanon import anonymity


def main() -> None:
    arguments = argparse.ArgumentParser(description="k and l of a CSV file, by pycanon")
    arguments.add_argument("file")
    arguments.add_argument("--delimiter", default=";")
    arguments.add_argument("--quasi-identifiers", nargs="+", required=True)
    arguments.add_argument("--sensitive", nargs="+", required=True)
    arguments.add_argument("--k-only", action="store_true", help="print k, and leave l out")
    given = arguments.parse_args()
    frame = pd.read_csv(given.file, sep=given.delimiter, dtype=str, keep_default_na=False)
    reached = anonymity.k_anonymity(frame, given.quasi_identifiers)
    print(reached if given.k_only else f"k {reached}")
    if given.k_only:
        return
    print("l", anonymity.l_diversity(frame, given.quasi_identifiers, given.sensitive))


if __name__ == "__main__":
    main()
