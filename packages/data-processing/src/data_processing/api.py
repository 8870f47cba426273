"""Each operation as one call on a pandas DataFrame, with the same results as its job."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_processing.catalogue.duplicates import remove_duplicates as remove_duplicates_step
from data_processing.cleaning import duplicates
from data_processing.frames import aliases_of, column_aliases, from_arrow, rows_of, to_arrow
from data_processing.steps.parameters import datasets_in
from data_processing.steps.plan import plan, run
from data_processing.steps.recipe import Recipe
from util_services.datasets.staged import StepReport
from util_services.engines.local import LocalEngine
from util_services.engines.stages import NUMBER
from util_services.errors import ConfigurationError, quoted_name
from util_services.models import checked

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from data_processing.cleaning.duplicates import Keep
    from data_processing.cleaning.folding import Difference


def remove_duplicates(
    frame: pd.DataFrame,
    *,
    subset: Sequence[Hashable] = (),
    keep: Keep = "first",
    order_by: Sequence[Hashable] = (),
    ignore: Sequence[Difference] = (),
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows that are left when duplicates are removed, and a report of counts.

    The frame is not changed. The rows that stay keep their order, dtypes and values; the index is
    ignored and comes back as 0, 1, 2 … The options are those of the job ``remove_duplicates``, and
    the report is what the job reports of this step.

    Raises:
        ConfigurationError: if ``frame`` is no DataFrame, or an option is out of its range
            or names no column of the frame.
        DatasetError: if labels of columns are not unique, or a column holds values of several
            kinds, which cannot be compared.
    """
    aliases = column_aliases(frame)
    keys = aliases_of("subset", subset, aliases) or list(aliases.values())
    order = aliases_of("order_by", order_by, aliases)
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise ConfigurationError("'ignore' must be a list of differences, such as ['case'].")
    options = _checked(subset=keys, keep=keep, order_by=order, ignore=list(ignore))
    rule = duplicates.Rule(tuple(keys), keep, tuple(order), tuple(options["ignore"]))
    table = to_arrow(frame, aliases, {*keys, *order}, NUMBER)
    with tempfile.TemporaryDirectory() as scratch, LocalEngine(Path(scratch)) as engine:
        rows = engine.from_arrow(table)
        found = duplicates.find_duplicates(engine, rows, NUMBER, rule)
        losers = [row[NUMBER] for row in engine.rows(found.losers)]
    kept = np.delete(np.arange(len(frame)), losers)
    labels = {alias: str(label) for label, alias in aliases.items()}
    report = StepReport(
        operation="remove_duplicates",
        rows_in=len(frame),
        rows_out=len(kept),
        rows_dropped=found.dropped,
        configuration=options
        | {"subset": [str(label) for label in subset], "order_by": [labels[n] for n in order]},
        facts=found.facts(),
        warnings=duplicates.warnings(rule, table.schema, labels.__getitem__),
        limits=(duplicates.LIMIT,),
    )
    return frame.iloc[kept].reset_index(drop=True), report.to_dict()


def clean(
    frame: pd.DataFrame,
    recipe: Sequence[Mapping[str, Any]],
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    batch_rows: int | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return what a recipe makes of a frame, and a report of counts.

    The frame is not changed. Its index has no part in the work and comes back as 0, 1, 2 …; a
    column whose Arrow type is not changed keeps its dtype, any other comes back as an Arrow dtype.

    Args:
        frame: the rows; its columns are called by texts.
        recipe: the steps, as the job ``clean_data`` takes them.
        tables: the other datasets that steps name, such as the right side of a join, by the names
            that stand there in place of paths.
        batch_rows: how many rows a row-wise step sees at a time; the result is the same for all.

    Raises:
        ConfigurationError: if a step, an option or a column is unknown, or of a wrong kind.
        DatasetError: if the frame cannot be worked on, or a step refuses a value.
    """
    chain = Recipe.of(recipe)
    table, number = rows_of(frame)
    others = {name: rows_of(other, number)[0] for name, other in _needed(chain, tables or {})}
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalEngine(Path(scratch), batch_rows=batch_rows) as engine,
    ):
        rows = {name: engine.from_arrow(one) for name, one in others.items()}
        schemas = {name: _data(engine.arrow_schema(one), number) for name, one in rows.items()}
        given = engine.from_arrow(table)
        planned = plan(chain, _data(engine.arrow_schema(given), number), schemas, engine)
        ran = run(engine, given, planned, rows=len(frame), number=number, others=rows)
        result = engine.consume(ran.frame, lambda reader: reader.read_all())
        result = result.drop_columns([ran.number])
    cleaned, notes = from_arrow(result, table, frame), planned.notes(ran.notes)
    if notes[-1].rows_out is None:  # of a table step at the end
        notes[-1].rows_out = len(cleaned)
    return cleaned, {
        "rows": {
            "in": len(frame),
            "out": len(cleaned),
            "dropped": sum(note.dropped for note in notes),
            "quarantined": sum(note.quarantined for note in notes),
        },
        "recipe": [call.to_dict() for call in chain],
        "steps": [note.to_dict() for note in notes],
    }


def _needed(
    recipe: Recipe, tables: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the other datasets that a recipe names.

    Raises:
        ConfigurationError: if one is missing.
    """
    for call in recipe:
        for option, names in datasets_in(call.options).items():
            for name in names:
                if name not in tables:
                    raise ConfigurationError(
                        f"{call.place}.{option}: there is no table "
                        f"{quoted_name(name)}; hand it over as tables={{{name!r}: frame}}."
                    )
                yield name, tables[name]


def _data(schema: pa.Schema, number: str) -> pa.Schema:
    """Return the columns of the data among those of numbered rows."""
    return schema.remove(schema.get_field_index(number))


def _checked(**options: Any) -> dict[str, Any]:
    """Check options by the rules of the step, and return them as plain data."""
    found = checked(remove_duplicates_step.options, options, "remove_duplicates")
    return found.model_dump(mode="json")
