"""The further tables of a release: their rows as they will be published, and what ties them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from util_services.datasets.layout import Layout
from util_services.datasets.schema import Schema
from util_services.encryption.paths import for_library
from util_services.errors import ConfigurationError, quoted
from util_services.flow.beside import TABLE_MARK
from util_services.flow.changes import file_state
from util_services.flow.operate import Dataset
from util_services.flow.plan import ReadOptions
from util_services.releases.checks import Candidate, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.encryption.paths import AnyPath
    from util_services.flow.inputs import Inputs
    from util_services.releases.policy import ReleasePolicy

LAYOUT = Layout("parquet")


def refuse_other_tables(policy: ReleasePolicy, named: Mapping[str, str]) -> None:
    """Refuse a run that names other tables than its policy.

    Raises:
        ConfigurationError: naming them.
    """
    absent = [name for name in policy.tables if name not in named]
    strange = [name for name in named if name not in policy.tables]
    if absent:
        raise ConfigurationError(
            f"The release policy wants the tables {quoted(absent)}; say in 'tables' where they lie."
        )
    if strange:
        raise ConfigurationError(
            f"The release policy knows no tables {quoted(strange)}; take them out of 'tables', or "
            "have them added to the policy."
        )


def bring_tables(
    dataset: Dataset, inputs: Inputs, policy: ReleasePolicy, named: Mapping[str, str]
) -> dict[str, Candidate]:
    """Return each further table as it would be published: Parquet, in the staging of the run.

    Raises:
        DataServicesError: in one sentence, if one is missing or cannot be read.
    """
    found = {}
    for name, path in named.items():
        like = inputs.dataset(path)
        file = inputs.new_file(f"table-{name}.parquet")
        schema, rows = _write(inputs.files(ReadOptions(path)), file)
        staged = replace(
            like,
            files=(str(file),),
            format="parquet",
            schema=schema,
            file_rows=(rows,),
            fingerprints=(file_state(file),),
        )
        given = Dataset(dataset.engine, staged, inputs)
        found[name] = Candidate([file], LAYOUT, given, policy.of_table(name), table=name)
    return found


def reference_rules(candidate: Candidate) -> Iterator[Rule]:
    """Yield whether the keys of each further table are those of the main table."""
    for name, table in candidate.others.items():
        for own, other in candidate.policy.tables[name].references.items():
            known = _values(candidate, other)
            unknown = _rows_without(table, own, known)
            found = "each has one" if not unknown else f"{unknown} rows have none"
            yield Rule(f"each row of '{name}' has its '{own}' among '{other}'", found, not unknown)


def _values(candidate: Candidate, column: str) -> set[Any]:
    values: set[Any] = set()
    for frame in candidate.frames([column]):
        values.update(map(str, frame[column].dropna().unique()))
    return values


def _rows_without(table: Candidate, column: str, known: set[Any]) -> int:
    """Return how many rows refer to nothing; a missing reference is none."""
    rows = 0
    for frame in table.frames([column]):
        cells = frame[column]
        rows += int(cells.isna().sum())
        counts = cells.dropna().value_counts()
        rows += sum(int(count) for value, count in counts.items() if str(value) not in known)
    return rows


def _write(files: list[AnyPath], target: AnyPath) -> tuple[Schema, int]:
    """Write the rows of files to one, without what their metadata tell; return columns and rows."""
    import pyarrow.parquet as pq

    with for_library(files[0], "rb") as opened:
        fields = pq.read_schema(opened).remove_metadata()
    marked = fields.with_metadata({"data_services": TABLE_MARK})
    rows = 0
    with (
        for_library(target, "wb") as sink,
        pq.ParquetWriter(sink, marked, compression="zstd", compression_level=1) as writer,
    ):
        for file in files:
            with for_library(file, "rb") as opened, pq.ParquetFile(opened) as content:
                for batch in content.iter_batches():
                    writer.write_batch(batch.replace_schema_metadata().cast(marked))
                    rows += batch.num_rows
    return Schema.of(fields), rows
