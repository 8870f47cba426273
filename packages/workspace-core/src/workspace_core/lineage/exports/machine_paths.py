"""What a record says, without the paths of the machine that it was made on.

A command line names programs and files wherever they lie, such as in somebody's home; to others
the last name of such a path tells enough. Paths in resources are relative, and stay.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "…/"
# No pattern takes more than one look at a character, however long a text is.
ADDRESS = r"(?P<address>\b(?!file:)[A-Za-z][A-Za-z0-9+.-]*+://[^\s\"']*+)"
QUOTED = r"(?P<quote>[\"'])(?:file://)?(?:~[\w.-]*+)?(?=/|\\\\|[A-Za-z]:[\\/])(?P<inside>[^\"']*+)"
BARE = (
    r"(?P<bare>(?:(?:\bfile://|(?<![\w.\-/~\\]))(?:~[\w.-]*+)?"
    r"|(?<=\s-[A-Za-z])|(?<=\A-[A-Za-z]))/(?:\\.|[^\s\"'`;|&<>(),:=\\])++)"
)
OF_WINDOWS = r"(?P<windows>(?<![\w])(?:[A-Za-z]:[\\/]|\\\\)[^\s\"'`;|&<>(),]++)"
PATHS = re.compile("|".join((ADDRESS, QUOTED, OF_WINDOWS, BARE)))
WHOLE = re.compile(
    r"(?P<before>(?:-{0,2}[\w.-]++=)?)(?:file://)?(?:~[\w.-]*+)?(?P<path>/.*)", re.DOTALL
)
MORE_THAN_A_PATH = re.compile(r"[\"'`;|&<>]|\s[-/~]|:[/~]")


def without_machine_paths(value: Any) -> Any:
    """Return plain data, with only the last name of each path of a machine."""
    if isinstance(value, dict):
        return {_text(name): without_machine_paths(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_machine_paths(one) for one in value]
    return _text(value) if isinstance(value, str) else value


def words_without_machine_paths(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command, with only the last name of each path of a machine."""
    return tuple(map(_text, words))


def _text(text: str) -> str:
    whole = WHOLE.fullmatch(text)
    if whole is not None and not MORE_THAN_A_PATH.search(whole["path"]):
        return whole["before"] + _last_name(whole["path"])
    return PATHS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if found["address"] is not None:
        return found[0]
    if found["quote"] is not None:
        return found["quote"] + _last_name(found["inside"])
    return _last_name(found["windows"] or found["bare"])


def _last_name(path: str) -> str:
    names = [one for one in re.split(r"[\\/]", path) if one]
    return HIDDEN + names[-1] if names else path
