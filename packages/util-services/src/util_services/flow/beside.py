"""Files that a step publishes beside its output.

A change log (``.changes.parquet``) holds each changed cell before and after; a state
(``.state.json``) what fits have worked out over all rows. Both hold personal data, and are written
on request. A recipe (``.pseudonymisation.json``) says how a dataset was pseudonymised, without
values and keys. A policy (``.policy.yaml``) is one that is proposed, for somebody to read. A
release (``.release.json``) is the signed statement on all that was let out, and a further table of
such a release (``.NAME.table.parquet``) appears with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from util_services.encryption.paths import for_library
from util_services.releases.envelope import STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import narwhals as nw
    import pyarrow as pa

    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import Engine
    from util_services.storage.protocol import Location

CHANGES, POLICY, RECIPE = "changes", "policy", "recipe"  # kinds
RELEASE, STATE = "release", "state"
BESIDE_ENDINGS = {
    CHANGES: ".changes.parquet",
    POLICY: ".policy.yaml",
    RECIPE: ".pseudonymisation.json",
    RELEASE: ".release.json",
    STATE: ".state.json",
}
TABLE, TABLE_ENDING = "table:", ".table.parquet"  # a kind is followed by the name of its table
TABLE_MARK = b"data-services released table 1"  # in the metadata of the file's schema
CHANGES_MARK = b"data-services change log 1"  # in the metadata of the file's schema
STATE_KIND = "data-services state"
POLICY_MARK = b"# data-services: a proposed policy"  # at its beginning
RECIPE_KIND = "data-services/pseudonymisation"
PARQUET_END = b"PAR1"


def write_change_log(engine: Engine, frames: Iterable[nw.LazyFrame[Any]], file: AnyPath) -> None:
    """Write a change log: row number, step, column, value before and after, both as JSON.

    Args:
        engine: the engine of the frames.
        frames: each with one text column: JSON of a change.
        file: the file to write.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ("step", "column", "before", "after")
    schema = pa.schema(
        [("row", pa.int64()), *((name, pa.string()) for name in texts)],
        metadata={"data_services": CHANGES_MARK},
    )

    def table(notes: pa.Array) -> pa.Table:
        changes = [json.loads(note) for note in notes.to_pylist()]
        values = {name: [change[name] for change in changes] for name in schema.names}
        for name in ("before", "after"):
            values[name] = [json.dumps(value, ensure_ascii=False) for value in values[name]]
        return pa.table(values, schema)

    with for_library(file, "wb") as target, pq.ParquetWriter(target, schema) as writer:

        def write(reader: pa.RecordBatchReader) -> None:
            for batch in reader:
                writer.write_table(table(batch.column(0)))

        for frame in frames:
            engine.consume(frame, write)


def is_change_log(content: bytes) -> bool:
    """Return whether a file is a change log, or the beginning of one that is very large."""
    return _is_parquet_with(CHANGES_MARK, content)


def is_table(content: bytes) -> bool:
    """Return whether a file is a further table of a release, or the beginning of a large one."""
    return _is_parquet_with(TABLE_MARK, content)


def is_state(content: bytes) -> bool:
    """Return whether a file is a state."""
    return _field_of(content, "kind") == STATE_KIND


def is_policy(content: bytes) -> bool:
    """Return whether a file is a proposed policy."""
    return content.startswith(POLICY_MARK)


def is_release(content: bytes) -> bool:
    """Return whether a file is the signed statement on a release."""
    return _field_of(content, "payloadType") == STATEMENT_TYPE


def is_recipe(content: bytes) -> bool:
    """Return whether a file is the recipe of a pseudonymisation."""
    return _field_of(content, "kind") == RECIPE_KIND


def table_kind(name: str) -> str:
    """Return the kind of a further table of a release."""
    return f"{TABLE}{name}"


def ending_of(kind: str) -> str:
    """Return what the name of a file of a kind ends in, behind that of the output."""
    if kind.startswith(TABLE):
        return f".{kind.removeprefix(TABLE)}{TABLE_ENDING}"
    return BESIDE_ENDINGS[kind]


def places_beside(whole: Location) -> dict[str, Location]:
    """Return the places of the files that steps may write beside an output, by their kinds."""
    return {kind: whole.beside(ending) for kind, ending in BESIDE_ENDINGS.items()}


def recognised(places: Mapping[str, Location]) -> dict[Location, Callable[[bytes], bool]]:
    """Return, for the places of such files, what tells one of ours from a stranger's."""
    ours = {
        CHANGES: is_change_log,
        POLICY: is_policy,
        RECIPE: is_recipe,
        RELEASE: is_release,
        STATE: is_state,
    }
    return {place: ours[kind] for kind, place in places.items()}


def _is_parquet_with(mark: bytes, content: bytes) -> bool:
    return content.startswith(PARQUET_END) and (
        mark in content or not content.endswith(PARQUET_END)
    )


def _field_of(content: bytes, name: str) -> str | None:
    """Return a text of a JSON object; None where there is none."""
    try:
        record = json.loads(content)
    except ValueError:
        return None
    found = record.get(name) if isinstance(record, dict) else None
    return found if isinstance(found, str) else None
