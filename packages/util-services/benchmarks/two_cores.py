"""Tell how much faster jobs are on two cores than on one: whole jobs, pinned to cores, in turns.

    uv run packages/util-services/benchmarks/two_cores.py --rows 2000000 --repeat 3

Each job of `scaling.py`, row-wise work by itself, and texts, run as `data-services run` runs them,
in a process of its own that may use one core or two. "ratio" is that of the least seconds of the
turns. "busy" is the processor time on two cores for each second of it, which says how much of two
cores it used: trust both on a machine that does nothing else, and on a busy one only that the
processor time on two cores is no more than on one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import generate
import scaling

if TYPE_CHECKING:
    import contest

TEXTS_SHARE = 20  # a document for so many rows
MAPS = "clean_data"


def texts(source: Path, target: Path, rows: int) -> None:
    """Write documents with names, addresses and numbers in them."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    given = pq.ParquetFile(source).iter_batches(rows, columns=["email", "note", "customer"])
    batch = pa.Table.from_batches([next(given)])
    number = batch["customer"].cast(pa.string())
    parts = [
        "Please write to ", pc.fill_null(batch["email"], "nobody"), ", call +49 30 ", number,
        " or see ", batch["note"], ". The account is DE89 3704 0044 0532 0130 00.",
    ]  # fmt: skip
    pq.write_table(pa.table({"text": pc.binary_join_element_wise(*parts, "")}), target)


WORK = {
    "remove_duplicates": ("remove_duplicates", {}),
    "map steps": (
        MAPS,
        {
            "steps": [
                {"step": "normalise_text", "columns": ["name", "city", "note"], "case": "lower"},
                {"step": "replace_text", "columns": ["note"], "pattern": "[0-9]+",
                 "replacement": "#"},
            ]
        },
    ),
    "map steps in Python": (
        MAPS, {"steps": [{"step": "normalise_text", "columns": ["name"], "case": "title"}]},
    ),
    "fits and maps": (MAPS, scaling.JOBS[MAPS]),
    "labels": ("k_anonymity", scaling.JOBS["k_anonymity"]),
    "pseudonyms": (
        "anonymise_pseudonymise_structured", scaling.JOBS["anonymise_pseudonymise_structured"],
    ),
    "texts": (
        "anonymise_pseudonymise_unstructured",
        {
            "columns": ["text"],
            "keyset": scaling.KEYSET,
            "domain": "scaling",
            "entities": {"*": {"technique": "redact"}, "email": {"technique": "encrypt"}},
        },
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", default=",".join(WORK), help="which is measured")
    parser.add_argument("--memory", default="4GB", help="what the jobs may use")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source, documents = folder / "source.parquet", folder / "documents.parquet"
        os.environ.update(scaling.environment(folder, options.memory))
        scaling.make_keyset()
        generate.generate(options.rows, source)
        texts(source, documents, max(options.rows // TEXTS_SHARE, 1))
        for name in options.work.split(","):
            job, config = WORK[name]
            given = documents if name == "texts" else source
            turns: dict[int, list[contest.Effort]] = {1: [], 2: []}
            for _ in range(options.repeat):
                for cores, efforts in turns.items():
                    (folder / scaling.CONFIG).write_text(scaling.run_config(job, given, config))
                    effort, _ = scaling.measured(job, folder, None, options.memory, cores)
                    efforts.append(effort)
            one, two = (min(efforts, key=lambda e: e.inside) for efforts in turns.values())
            least = [min(effort.busy or 0.0 for effort in efforts) for efforts in turns.values()]
            print(
                f"{name:20} one core {one.inside:7.2f} s, two {two.inside:7.2f} s, ratio "
                f"{one.inside / two.inside:5.2f}, busy {(two.busy or 0) / two.inside:5.2f}, "
                f"processors {least[0]:7.2f} s and {least[1]:7.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
