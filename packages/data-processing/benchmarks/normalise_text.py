"""Compare the step `normalise_text` on two columns with what a user would otherwise write.

    uv run packages/data-processing/benchmarks/normalise_text.py --rows 1000000
    uv run packages/data-processing/benchmarks/normalise_text.py --accents 5

Ours, DuckDB SQL and pandas read a Parquet file, take the ends off two texts, collapse whitespace
and make letters small, and write a Parquet file (zstd, level 1), each in a process of its own
without the time of imports. `name` has as many texts as rows, `city` has eight. Ours counts the
changed cells as well, and is right for all of Unicode. The results are compared, which is why the
texts have ASCII whitespace alone. `--accents N` puts an accent into one name in N.

"step" is the processor time of the work on the two columns alone, in memory: without reading and
writing, which ours today does twice, once for the pass over batches and once for the output.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "util-services" / "benchmarks"))

import contest
import generate

COLUMNS = ["name", "city"]
STEP = {"step": "normalise_text", "columns": COLUMNS, "collapse_whitespace": True, "case": "lower"}
BATCH_ROWS = 100_000
IMPORTS = {
    "ours": ("data_processing.steps.plan", "util_services.engines.local"),
    "duckdb": ("duckdb",),
    "pandas": ("pandas", "pyarrow.parquet"),
}


def ours(source: Path, target: Path) -> dict[str, float]:
    """Run a recipe of one step, and measure the step's own function by itself."""
    import pandas as pd
    import pyarrow.parquet as pq

    from data_processing.cleaning.texts import Form, normalise
    from data_processing.steps.plan import plan, run
    from data_processing.steps.recipe import Recipe
    from util_services.engines.local import LocalEngine

    file = pq.ParquetFile(source)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        began = time.perf_counter()
        with LocalEngine(Path(scratch)) as engine:
            rows = engine.relation(f"SELECT * FROM '{source}'")  # noqa: S608
            planned = plan(Recipe.of([STEP]), file.schema_arrow)
            ran = run(engine, rows, planned, rows=file.metadata.num_rows, number=None)
            engine.write(ran.frame, target, "parquet")
        whole = time.perf_counter() - began
    form = Form(collapse_whitespace=True, case="lower")
    batches = [
        batch.to_pandas(types_mapper=pd.ArrowDtype)
        for batch in file.iter_batches(BATCH_ROWS, columns=COLUMNS)
    ]
    began = time.process_time()
    for batch in batches:
        normalise(batch, COLUMNS, form)
    return {"seconds": whole, "step": time.process_time() - began}


def duckdb(source: Path, target: Path) -> dict[str, float]:
    """Run the SQL that a careful user would write."""
    import duckdb

    began = time.perf_counter()
    connection = duckdb.connect()
    work = ", ".join(
        f"lower(trim(regexp_replace({name}, '\\s+', ' ', 'g'))) AS {name}" for name in COLUMNS
    )
    connection.execute(
        f"""COPY (SELECT * REPLACE ({work}) FROM '{source}')
            TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""  # noqa: S608
    )
    whole = time.perf_counter() - began
    connection.execute(f"CREATE TABLE given AS SELECT {', '.join(COLUMNS)} FROM '{source}'")  # noqa: S608
    began = time.process_time()
    connection.execute(f"CREATE TABLE done AS SELECT {work} FROM given")  # noqa: S608
    return {"seconds": whole, "step": time.process_time() - began}


def pandas(source: Path, target: Path) -> dict[str, float]:
    """Read, work on the columns, write."""
    import pandas as pd

    began = time.perf_counter()
    frame = pd.read_parquet(source)
    began_step = time.process_time()
    for name in COLUMNS:
        frame[name] = frame[name].str.strip().str.replace(r"\s+", " ", regex=True).str.lower()
    step = time.process_time() - began_step
    frame.to_parquet(target, compression="zstd", compression_level=1, index=False)
    return {"seconds": time.perf_counter() - began, "step": step}


def contend(name: str, source: Path, target: Path) -> None:
    """Be one peer: do the work and print its seconds."""
    for module in IMPORTS[name]:
        importlib.import_module(module)
    print(json.dumps(globals()[name](source, target)))


def with_accents(source: Path, target: Path, every: int) -> None:
    """Put an accent into one name in so many."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    names = table["name"]
    chosen = pa.array([row % every == 0 for row in range(len(table))])
    changed = pc.if_else(chosen, pc.replace_substring(names, "Name", "Nämé"), names)
    table = table.set_column(table.schema.get_field_index("name"), "name", changed)
    pq.write_table(table, target, row_group_size=generate.ROW_GROUP_ROWS, compression="zstd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--accents", type=int, help="one name in so many is not ASCII")
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, source, target = options.contender
        contend(name, Path(source), Path(target))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = folder / "source.parquet"
        generate.generate(options.rows, source)
        if options.accents:
            plain = source.rename(folder / "plain.parquet")
            with_accents(plain, source, options.accents)
        print(f"{options.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of Parquet")

        def target(name: str) -> Path:
            return folder / f"{name}.parquet"

        steps: dict[str, list[float]] = {name: [] for name in IMPORTS}

        def turn_of(name: str) -> contest.Effort:
            effort = contest.watch(
                [sys.executable, __file__, "--contender", name, source, target(name)]
            )
            steps[name].append(json.loads(effort.output)["step"])
            return effort

        def check(name: str) -> None:
            if name != "ours":
                contest.check_equal(target("ours"), target(name))

        turns = {name: (lambda name=name: turn_of(name)) for name in IMPORTS}
        contest.compare(turns, options.repeat, check)
        for name, seconds in steps.items():
            ratio = min(steps["ours"]) / min(seconds)
            print(f"  {name:10} step {min(seconds):5.2f} s cpu  {ratio:5.2f}")


if __name__ == "__main__":
    main()
