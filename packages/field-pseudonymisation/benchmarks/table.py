"""A table of eight columns, Parquet to Parquet, as a job does it: CPU time and peak memory.

Memory of its own is what the process has to keep (``RssAnon``); pages of the staged file, which is
mapped, count in its resident size too, and are taken back by the system where memory is short.

cd packages/field-pseudonymisation/benchmarks
python table.py --rows 1000000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from field_pseudonymisation import structured
from field_pseudonymisation.config import AnonymisePseudonymiseStructuredConfig
from util_services.datasets.layout import Layout
from util_services.engines.local import LocalEngine
from util_services.flow.encode import Target
from util_services.flow.operate import Dataset, operate
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.keys import Keyset
from util_services.storage import LocalStorage

AT_ONCE = 500_000
RULES = {
    "email": {"technique": "hash"},
    "city": {"technique": "encrypt"},
    "phone": {"technique": "format_preserving_encrypt"},
    "iban": {"technique": "mask", "keep_last": 4},
    "admitted": {"technique": "date_shift", "entity": "city"},
    "age": {"technique": "generalise", "by": "bins", "width": 10},
    "name": {"technique": "redact"},
    "ward": {"technique": "retain"},
}


def write(file: Path, rows: int) -> None:
    """Write a table of so many rows, of which 5 % of the cities are distinct."""
    generator = np.random.default_rng(7)
    writer = None
    for first in range(0, rows, AT_ONCE):
        count = min(AT_ONCE, rows - first)
        numbers = np.arange(first, first + count)
        raw = generator.integers(0, 10, (count, 11), dtype=np.uint8) + 48
        table = pa.table(
            {
                "email": [f"user{n:x}@example.org" for n in numbers],
                "city": [f"city {n}" for n in generator.integers(0, rows // 20, count)],
                "phone": raw.view("S11").ravel().astype("U11").tolist(),
                "iban": [f"DE24{n:018}" for n in numbers],
                "admitted": pa.array(generator.integers(0, 20_000, count).astype("i4")).cast(
                    pa.date32()
                ),
                "age": generator.integers(0, 100, count),
                "name": [f"name {n}" for n in generator.integers(0, 5000, count)],
                "ward": [f"ward {n}" for n in generator.integers(0, 30, count)],
            }
        )
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


class OwnMemory(threading.Thread):
    """Watches how much memory the process has to keep, in MB; Linux alone tells."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._ended = 0, threading.Event()

    def run(self) -> None:
        """Look again and again."""
        while not self._ended.wait(0.02):
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            (own,) = (int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
            self.peak = max(self.peak, own >> 10)

    def end(self) -> int:
        """Return the peak."""
        self._ended.set()
        self.join()
        return self.peak


def main() -> None:
    """Run it once and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    keyset = Keyset.generate()
    structured.keyset_of = lambda _: keyset  # this measures the work, not where keys are kept
    config = AnonymisePseudonymiseStructuredConfig(domain="bench", rules=RULES)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "in.parquet", rows)
        storage = LocalStorage(Path(folder))
        staging = Staging.create(Path(folder) / "staging", "run")
        memory = OwnMemory()
        memory.start()
        began, clock = time.process_time(), time.monotonic()
        with LocalEngine(staging.scratch()) as engine:
            dataset = read_dataset(plan_read(storage, ReadOptions("in.parquet")), staging, engine)
            result = operate(
                "anonymise_pseudonymise_structured",
                lambda given: structured.pseudonymise_dataset(given, config),
                Dataset(engine, dataset),
                Target(staging, Layout("parquet")),
                config.model_dump(mode="json"),
            )
        spent, took = time.process_time() - began, time.monotonic() - clock
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{result.rows} rows x 8: {spent:.2f} s of CPU, {took:.2f} s")
        print(f"peak memory: {memory.end()} MB of its own, {peak} MB with pages of files")
        staging.remove()


if __name__ == "__main__":
    main()
