"""Checks that the rules of several steps share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel


def refuse_meaningless(
    rule: BaseModel, choice: str, meant_for: Mapping[str, tuple[str, ...]]
) -> None:
    """Refuse options that are given though the choice made has no use for them.

    Args:
        rule: the options.
        choice: the option that chooses.
        meant_for: the choices that an option has a meaning for, by its name.

    Raises:
        ValueError: naming the first such option.
    """
    chosen = getattr(rule, choice)
    for option, choices in meant_for.items():
        default = type(rule).model_fields[option].get_default(call_default_factory=True)
        if getattr(rule, option) != default and chosen not in choices:
            raise ValueError(f"'{option}' has no meaning for {chosen}; take it out")
