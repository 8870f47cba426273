"""From the rows of a frame to files in the layout that is published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from util_services.datasets.codecs import codec_of
from util_services.datasets.codecs.json_array import lines_to_json
from util_services.datasets.compression import compress, compression_of
from util_services.datasets.layout import Layout
from util_services.datasets.schema import Schema
from util_services.flow.changes import file_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from util_services.datasets.formats import Format
    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import Engine
    from util_services.flow.plan import WritePlan
    from util_services.flow.staging import Staging

NUMBER = "row_number"
WHOLE = "whole.parquet"  # all rows, before they are cut into parts


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how an operation writes its result: the last in the layout that is published."""

    staging: Staging
    layout: Layout
    part_rows: int | None = None  # rows of a part file; None for a single file
    name: str = "output"  # what a single file is called inside an archive

    @classmethod
    def between(cls, staging: Staging) -> Target:
        """Return the target of what goes on to another operation."""
        return cls(staging, Layout("parquet"))

    @classmethod
    def of(cls, plan: WritePlan, staging: Staging) -> Target:
        """Return the target of what a plan publishes."""
        name, _ = compression_of(plan.path.rstrip("/").rsplit("/", 1)[-1])
        return cls(staging, plan.layout, plan.part_rows, name)


def encode(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    target: Target,
    like: StagedDataset,
    fields: pa.Schema,
) -> tuple[list[AnyPath], list[int]]:
    """Write the rows of a frame, and return the files and the number of rows in each.

    Args:
        engine: the engine that the frame belongs to.
        frame: the rows, in the order in which they are written.
        target: the layout, and how many rows a part holds.
        like: the dataset that the frame was made of.
        fields: types and nullability of the columns, where the layout can hold them.
    """
    if target.part_rows is None:
        file = target.staging.file(f"output-{len(like.steps)}{target.layout.ending}")
        return [file], [_encode_file(engine, frame, target.layout, file, target.name, fields)]
    whole = target.staging.file(WHOLE)
    rows = engine.write(frame, whole, "parquet", None, fields)
    staged = replace(
        like,
        files=(str(whole),),
        format="parquet",
        schema=Schema.of(fields),
        file_rows=(rows,),
        fingerprints=(file_state(whole),),
        keep_nan=True,
    )
    files, counts = [], []
    for number, (part, count) in enumerate(_parts(engine, staged, target.part_rows)):
        name = f"part-{number:05}{replace(target.layout, compression=None).ending}"
        file = target.staging.file(f"part-{number}{target.layout.ending}")
        written = _encode_file(engine, part, target.layout, file, name, fields)
        if written != count:
            raise AssertionError("a part holds other rows than were counted")
        files.append(file)
        counts.append(written)
    whole.unlink()
    return files, counts


def _parts(
    engine: Engine, whole: StagedDataset, part_rows: int
) -> Iterator[tuple[nw.LazyFrame[Any], int]]:
    """Return the rows of each part with their number; a dataset without rows is one empty part."""
    number = whole.schema.free_name(NUMBER)
    names = {name: name for name in whole.schema.names}
    for first in range(0, max(whole.rows, 1), part_rows):
        rows = engine.scan(whole, number)
        past = min(first + part_rows, whole.rows)
        kept = rows.filter((nw.col(number) >= first) & (nw.col(number) < past))
        yield engine.select(kept, names), past - first


def _encode_file(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    layout: Layout,
    file: AnyPath,
    member: str,
    fields: pa.Schema,
) -> int:
    """Write rows to one file, and return their number."""
    plain = file if layout.compression is None else file.with_suffix(".plain")
    rows = _encode_plain(engine, frame, layout, plain, fields)
    if layout.compression is not None:
        compress(plain, file, layout.compression, member=member)
        plain.unlink()
    return rows


def _encode_plain(
    engine: Engine, frame: nw.LazyFrame[Any], layout: Layout, file: AnyPath, fields: pa.Schema
) -> int:
    kind: Format = layout.format
    match kind:
        case "xlsx" | "avro" | "orc" | "text":
            codec = codec_of(kind)
            return engine.consume(frame, lambda rows: codec.write(rows, file, layout.codec))
        case "json":
            lines = file.with_suffix(".lines")
            rows = engine.write(frame, lines, "jsonl", None)
            lines_to_json(lines, file)
            lines.unlink()
            return rows
        case _:
            return engine.write(frame, file, kind, layout.dialect, fields)
