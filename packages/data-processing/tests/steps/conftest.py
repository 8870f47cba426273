"""Recipes on Arrow tables, through every engine and batch size."""

import itertools
import json
from dataclasses import dataclass

import pyarrow as pa
import pytest

from data_processing.steps.parameters import datasets_in
from data_processing.steps.plan import plan, run
from data_processing.steps.recipe import Recipe
from util_services.engines.choice import open_engine
from util_services.engines.local import LocalEngine
from util_services.engines.stage_notes import Note

BATCHES = (1, 7, 100_000)
FEW_ROWS = 40  # of a table that is worked on row by row
NUMBER = "row number of the test"
BORDERS = {1: (0, 1), 2: (0, 0.5, 1), 7: (0, 0, 0.3, 0.3, 0.7, 0.9, 1, 1)}  # of partitions


@dataclass(frozen=True)
class Cleaned:
    """What a recipe made of a table."""

    table: pa.Table
    notes: list[Note]
    quarantine: list[dict]
    changes: list[dict]
    states: dict

    def rows(self):
        return self.table.to_pylist()

    def column(self, name):
        return self.table[name].to_pylist()

    @property
    def note(self):
        """The only step's note."""
        (note,) = self.notes
        return note

    def counts(self):
        """Rows in, out, dropped and quarantined of each step."""
        return [(n.rows_in, n.rows_out, n.dropped, n.quarantined) for n in self.notes]


def batches_of(tables):
    """Return sizes of batches that tables are split by differently; many rows take few batches."""
    rows = max(map(len, tables))
    if rows > FEW_ROWS:
        return (rows // 6 + 1, BATCHES[-1])
    return tuple(size for size in BATCHES if size < rows) or BATCHES[-1:]


def apply(engine, table, recipe, tables, may_stay=(), *, as_given=None, sizes=(None,)):
    """Return what a recipe makes of a table, for each size of batches."""
    chain = Recipe.of(recipe)
    table = table if isinstance(table, pa.Table) else pa.table(table)
    given, *others = (
        (as_given or engine.from_arrow)(
            one.append_column(NUMBER, pa.array(range(len(one)), pa.int64()))
        )
        for one in (table, *tables.values())
    )
    named = dict(zip(tables, others, strict=True))
    needed = {n for call in chain for names in datasets_in(call.options).values() for n in names}
    assert needed <= set(tables)

    def data(frame):
        return engine.arrow_schema(engine.select(frame, {n: n for n in names_of(engine, frame)}))

    planned = plan(chain, data(given), {name: data(one) for name, one in named.items()}, engine)
    found = []
    for size in sizes:
        if size is not None:
            engine.batch_rows = size
        found.append(_ran(engine, given, planned, len(table), named, may_stay))
    return found


def _ran(engine, given, planned, rows, named, may_stay):
    ran = run(engine, given, planned, rows=rows, number=NUMBER, others=named, logs_changes=True)
    result = engine.consume(ran.frame, lambda reader: reader.read_all())
    assert result[ran.number].to_pylist() == sorted(result[ran.number].to_pylist())
    found = result.drop_columns([ran.number])
    left = [name for name in found.schema.names if name in may_stay]
    assert found.drop_columns(left).schema.equals(planned.schema)
    notes = planned.notes(ran.notes)
    if notes and notes[-1].rows_out is None:
        notes[-1].rows_out = len(found)
    told = [
        [json.loads(row["note"]) for frame in frames for row in engine.rows(frame)]
        for frames in (ran.quarantine, ran.changes)
    ]
    return Cleaned(found, notes, *told, ran.states)


def names_of(engine, frame):
    return [name for name in engine.arrow_schema(frame).names if name != NUMBER]


@pytest.fixture(scope="session")
def local_engine(tmp_path_factory):
    """An engine that tests share, since to open one takes longer than most of them."""
    with LocalEngine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture
def cleaned(local_engine):
    """Return a function that cleans a table on the local engine, alike for all batch sizes.

    What comes out has the columns that were planned, and of ``may_stay`` any.
    """

    def clean(table, *recipe, tables=None, may_stay=()):
        table = table if isinstance(table, pa.Table) else pa.table(table)
        others = {
            name: one if isinstance(one, pa.Table) else pa.table(one)
            for name, one in (tables or {}).items()
        }
        sizes = batches_of([table, *others.values()])
        found = apply(local_engine, table, recipe, others, may_stay, sizes=sizes)
        for other in found[1:]:
            assert other.table.equals(found[0].table)
            assert other.notes == found[0].notes
            assert other.states == found[0].states
            assert sorted(map(str, other.quarantine)) == sorted(map(str, found[0].quarantine))
            assert sorted(map(str, other.changes)) == sorted(map(str, found[0].changes))
        return found[-1]

    return clean


def parted(table, partitions):
    """Return a table in parts, three of seven of which are without rows."""
    borders = [round(share * len(table)) for share in BORDERS[partitions]]
    return [table.slice(first, last - first) for first, last in itertools.pairwise(borders)]


@pytest.fixture
def cleaned_on_spark(tmp_path, spark_session, monkeypatch):
    """Return a function that cleans a table on a Spark cluster, in so many partitions."""
    import pyarrow.parquet as pq

    from util_services.datasets.layout import Layout
    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import Origin, StagedDataset
    from util_services.flow.changes import file_state
    from util_services.storage.protocol import Location

    monkeypatch.setenv("DATA_SERVICES_ENGINE", "spark")
    numbers = iter(range(1000))

    def clean(table, *recipe, tables=None, may_stay=(), partitions=None):
        scratch = tmp_path / f"scratch-spark-{next(numbers)}"
        scratch.mkdir()
        with open_engine(scratch) as engine:
            if partitions is not None:  # those of shuffles are as many, with rows or without
                engine.session.conf.set("spark.sql.adaptive.enabled", "false")
                engine.session.conf.set("spark.sql.shuffle.partitions", str(partitions))

            def staged(one):
                parts = parted(one, partitions or 1)
                files = [tmp_path / f"staged-{next(numbers)}.parquet" for _ in parts]
                for file, part in zip(files, parts, strict=True):
                    pq.write_table(part, file, row_group_size=5, compression="snappy")
                places = tuple(Location("", str(file)) for file in files)
                return engine.scan(
                    StagedDataset(
                        files=tuple(map(str, files)),
                        format="parquet",
                        schema=Schema.of(one.schema),
                        file_rows=tuple(map(len, parts)),
                        fingerprints=tuple(map(file_state, files)),
                        origin=Origin("in.parquet", places, Layout("parquet")),
                        objects=(),
                    )
                )

            (found,) = apply(engine, table, recipe, tables or {}, may_stay, as_given=staged)
            return found

    return clean
