"""What a state holds of columns and groups: a row for all rows of a column, one for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_processing.cleaning.groups import Grouping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from data_processing.cleaning.groups import Key
    from data_processing.cleaning.summary import Ask, Summary
    from util_services.engines.stage_fits import Group, Groups

COLUMN, IS_GROUP = "column", "is_group"


def groupings(grouping: Grouping) -> list[Grouping]:
    """Return all rows as one group, and the groups if there are any."""
    return [Grouping(), grouping] if grouping.by else [grouping]


def state_of(
    asks: Sequence[Ask],
    found: Sequence[Mapping[Key, Summary]],
    told: Sequence[Callable[[Summary], Mapping[str, Any]]],
) -> Groups:
    """Return the rows of a state: of each group what is told of its summary."""
    return [
        {COLUMN: ask.column, IS_GROUP: bool(ask.grouping.by), **keyed(key), **tell(summary)}
        for ask, groups, tell in zip(asks, found, told, strict=True)
        for key, summary in groups.items()
    ]


def keyed(key: Key) -> dict[str, Any]:
    """Return the values of a key by the names that they have in a state."""
    return {f"by_{n}": part for n, part in enumerate(key)}


def key_of(group: Group, grouping: Grouping) -> Key:
    """Return the key of a group in a state."""
    return tuple(group[f"by_{n}"] for n, _ in enumerate(grouping.by))


def told_of(
    state: Groups, column: str, grouping: Grouping
) -> tuple[Group | None, dict[Key, Group]]:
    """Return what a state tells of all rows of a column, if there were any, and of its groups."""
    mine = [group for group in state if group.get(COLUMN) == column]
    whole = next((group for group in mine if not group[IS_GROUP]), None)
    return whole, {key_of(group, grouping): group for group in mine if group[IS_GROUP]}
