"""Leave out the rows of those who objected, as a list says who they are.

The list is a dataset of identifiers or of tokens. Nothing of it is told anywhere but how many
entries it has and how many of these were found: not even its digest, by which a short list could be
guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from field_pseudonymisation.errors import PolicyError
from util_services.errors import quoted, quoted_name
from util_services.flow.operate import Outcome

if TYPE_CHECKING:
    from typing import Any

    from field_pseudonymisation.config import RemoveObjectionsConfig
    from util_services.datasets.schema import Schema
    from util_services.engines.protocol import Engine
    from util_services.flow.operate import Dataset

NUMBER, KEY, COUNT = "row_number", "key", "count"  # columns of frames that hold no others
INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
WHOLE = INTEGERS | {"string", "large_string"}


def check_columns(config: RemoveObjectionsConfig, schema: Schema) -> None:
    """Refuse a column whose cells cannot be compared as texts.

    Raises:
        PolicyError: naming it and its type.
    """
    _require_whole("the dataset", schema, config.column)


def remove_listed(dataset: Dataset, config: RemoveObjectionsConfig) -> Outcome:
    """Return the rows of those who are not on the list, in their order.

    Cells are compared as texts, without the blanks around them.
    """
    if dataset.inputs is None:
        raise AssertionError("an operation in a run has inputs")
    engine, names = dataset.engine, dataset.schema.names
    listed = dataset.inputs.dataset(config.objections, is_told=False)
    _require_whole("the list of objections", listed.schema, config.list_column or config.column)
    everybody = _keys(
        engine.select(engine.scan(listed), {KEY: config.list_column or config.column})
    )
    entries = engine.materialise(everybody.filter(~nw.col(KEY).is_null()).unique())
    number = _unlike(names)
    rows = dataset.scan(row_number=number)
    own = _keys(engine.select(rows, {NUMBER: number, KEY: config.column}))
    found = engine.materialise(own.join(entries, on=KEY, how="semi"))
    removed = _count(engine, found)
    kept = engine.drop_rows(rows, number, engine.select(found, {NUMBER: NUMBER}))
    facts = {
        "objections_listed": _count(engine, entries),
        "objections_found": _count(engine, found.select(KEY).unique()),
        "rows_removed": removed,
    }
    return Outcome(
        engine.select(kept, {name: name for name in names}),
        dropped=removed,
        facts=facts,
        limits=(
            "Who is on the list is told by one column; other spellings of an identifier, and other "
            "columns that name the same person, are not looked for.",
        ),
    )


def _keys(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return frame.with_columns(nw.col(KEY).cast(nw.String).str.strip_chars())


def _count(engine: Engine, frame: nw.LazyFrame[Any]) -> int:
    (row,) = engine.rows(frame.select(nw.len().alias(COUNT)))
    return int(row[COUNT])


def _unlike(names: list[str]) -> str:
    """Return a name that is no column's, whatever the case of letters."""
    taken, name = {one.casefold() for one in names}, NUMBER
    while name in taken:
        name += "_"
    return name


def _require_whole(what: str, schema: Schema, column: str) -> None:
    types = {one.name: one.type for one in schema.columns}
    if column not in types:
        raise PolicyError(
            f"There is no column {quoted_name(column)} in {what}, which has "
            f"{quoted(schema.names)}; correct 'column' or 'list_column'."
        )
    if types[column] not in WHOLE:
        raise PolicyError(
            f"The column {quoted_name(column)} of {what} holds {types[column]}, of which it is not "
            "clear how they are written; cast it to texts first."
        )
