"""Each operation as one call on a pandas DataFrame, with the same results as its job."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_processing.cleaning import duplicates
from data_processing.config import RemoveDuplicatesConfig
from data_processing.frames import aliases_of, column_aliases, to_arrow
from util_services.datasets.staged import StepReport
from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd

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
    table = to_arrow(frame, aliases, {*keys, *order}, duplicates.NUMBER)
    with tempfile.TemporaryDirectory() as scratch, LocalEngine(Path(scratch)) as engine:
        rows = engine.from_arrow(table)
        found = duplicates.find_duplicates(engine, rows, duplicates.NUMBER, rule)
        losers = [row[duplicates.NUMBER] for row in engine.rows(found.losers)]
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
        sections=found.sections(),
    )
    return frame.iloc[kept].reset_index(drop=True), report.to_dict()


def _checked(**options: Any) -> dict[str, Any]:
    """Check options by the rules of the job's configuration, and return them as plain data."""
    from pydantic import ValidationError

    try:
        return RemoveDuplicatesConfig(**options).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        rule = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"'{first['loc'][0]}': {rule[:1].lower()}{rule[1:]}.") from None
