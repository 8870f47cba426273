"""Names that resources had before: snapshots tell of them under the names of their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMERLY = "formerly"  # in the record of a resource: names that it had before


def names_now(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what resources are called now, by the names that they had before.

    Args:
        records: those of all resources.
    """
    known = list(records)
    present = {str(one["name"]) for one in known}
    return {
        str(old): str(one["name"])
        for one in known
        for old in one.get(FORMERLY, ())
        if old not in present
    }


def renamed(by_name: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, Any]:
    """Return a record by resource under the names of now; no name takes the place of another."""
    return {
        key if now.get(key, key) in by_name else now.get(key, key): value
        for key, value in by_name.items()
    }
