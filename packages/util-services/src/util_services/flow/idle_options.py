"""Refuse options that the dataset at hand has no use for, so that nobody relies on them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from util_services.datasets.layout import Layout

DIVIDED = ("csv", "tsv")

# By the option's name in run config: where it stands in the options of the flow, and the formats
# and compressions that look at it.
READING: Mapping[str, tuple[str, Collection[str]]] = {
    "csv.delimiter": ("delimiter", DIVIDED),
    "csv.encoding": ("encoding", DIVIDED),
    "csv.empty_as_null": ("empty_as_null", DIVIDED),
    "csv.duplicate_names": ("duplicate_names", DIVIDED),
    "xlsx.sheet": ("codec.sheet", ("xlsx",)),
    "xlsx.error_cells": ("codec.error_cells", ("xlsx",)),
    "xlsx.excel_1904": ("codec.excel_1904", ("xlsx",)),
    "text.encoding": ("codec.encoding", ("text",)),
    "text.file_column": ("codec.file_column", ("text",)),
    "bad_rows": ("bad_rows", (*DIVIDED, "json", "jsonl")),
    "member": ("member", ("zip",)),
}
WRITING: Mapping[str, tuple[str, Collection[str]]] = {
    "csv.delimiter": ("delimiter", DIVIDED),
    "xlsx.sheet": ("sheet", ("xlsx",)),
}


def refuse_idle(
    given: Any,
    default: Any,
    layout: Layout,
    known: Mapping[str, tuple[str, Collection[str]]],
) -> None:
    """Refuse the first option that differs from its default although nothing looks at it.

    Args:
        given: the options of reading or of writing.
        default: the same where only the path is configured.
        layout: what the dataset is.
        known: the options that are not for every dataset.

    Raises:
        ConfigurationError: naming the option, and what it is for.
    """
    seen = {layout.format, layout.compression}
    for name, (place, users) in known.items():
        value = attrgetter(place)
        if value(given) != value(default) and seen.isdisjoint(users):
            raise ConfigurationError(
                f"'{name}' is an option of {', '.join(users)}, and '{printable(given.path)}' is "
                f"{'.'.join(filter(None, (layout.format, layout.compression)))}; take it out, or "
                "correct 'format' or 'compression'."
            )
