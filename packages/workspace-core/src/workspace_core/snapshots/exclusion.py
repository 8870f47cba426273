"""Which files of results no snapshot moves: those that globs of their resource name.

A pattern without ``/`` is of names, at any depth; one with ``/`` is of paths from the top of the
resource. ``*`` and ``?`` stand for letters of a name, ``[…]`` for one of some, ``**`` for any
number of folders. A folder that a pattern names stays with all that is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

MOST_PATTERNS, MOST_PATTERN_LETTERS = 1000, 1000
ANY_FOLDERS = "**"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What stays where it is when a snapshot moves results.

    Args:
        names: at the top of the resource.
        globs: by the parts of their paths.
    """

    names: frozenset[str] = frozenset()
    globs: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, names: Collection[str], globs: Iterable[str] = ()) -> Exclusion:
        """Return what names and globs leave out."""
        parts = [tuple(glob.rstrip("/").split("/")) for glob in globs]
        return cls(
            frozenset(names),
            tuple((ANY_FOLDERS, *one) if len(one) == 1 else one for one in parts),
        )

    def leaves_out(self, path: str) -> bool:
        """Return whether something at a path stays, or lies in a folder that does."""
        parts = path.split("/")
        return parts[0] in self.names or any(_is_named(parts, glob) for glob in self.globs)

    @property
    def is_of_names(self) -> bool:
        """Whether nothing below the top of the resource can stay by itself."""
        return not self.globs


def checked_globs(value: Any) -> list[str]:
    """Return globs if they are some.

    Raises:
        ValueError: with the rule that they break.
    """
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError('it is a JSON list of globs, such as ["*.log", "cache/**"]')
    if len(value) > MOST_PATTERNS or any(len(one) > MOST_PATTERN_LETTERS for one in value):
        raise ValueError(
            f"it holds up to {MOST_PATTERNS} globs of up to {MOST_PATTERN_LETTERS} letters"
        )
    for one in value:
        if {"", ".", ".."} & set(one.removesuffix("/").split("/")):
            raise ValueError("it holds globs of paths within the resource")
    return list(value)


def _is_named(parts: Sequence[str], glob: Sequence[str]) -> bool:
    """Return whether a glob stands for a path or for a folder above it."""
    reached = {0}  # after how many parts of the path the glob may be by now
    for name in glob:
        if name == ANY_FOLDERS:
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], name)}
    return any(reached)
