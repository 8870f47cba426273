"""The names of columns: which may stand beside one another, and names made by a rule."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

NameRule = Literal["keep", "snake_case", "lower", "upper"]


def refuse_clashes(names: Iterable[str]) -> None:
    """Refuse columns that no engine can tell apart.

    Raises:
        ConfigurationError: if a name is empty, or two are equal but for case.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise ConfigurationError("A column would have no name; give it one.")
        other = seen.get(name.casefold())
        seen[name.casefold()] = name
        if other is not None:
            alike = "are equal" if other == name else "differ in case alone"
            raise ConfigurationError(
                f"The columns {quoted_name(other)} and {quoted_name(name)} {alike}, and engines "
                "cannot tell such apart; choose another name."
            )


def named_by(rule: NameRule, name: str) -> str:
    """Return what a rule makes of a name; of some names ``snake_case`` leaves nothing."""
    match rule:
        case "keep":
            return name
        case "lower":
            return name.lower()
        case "upper":
            return name.upper()
        case "snake_case":
            return snake_case(name)


def snake_case(name: str) -> str:
    """Return a name in small letters, its words separated by underscores.

    A word ends before a capital that follows a small letter or a digit, before the last of several
    capitals that a small letter follows, and at whatever is no letter, digit or mark of Unicode.
    """
    text = unicodedata.normalize("NFC", name)
    found: list[str] = []
    for before, one, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if not _is_word(one):
            found.append("_")
            continue
        if one.isupper() and _is_word(before) and (not before.isupper() or after.islower()):
            found.append("_")
        found.append(one.lower())
    return "_".join(word for word in "".join(found).split("_") if word)


def _is_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
