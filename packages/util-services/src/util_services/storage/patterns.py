"""Paths that name many objects: those that end in ``/`` or hold a ``*``."""

from __future__ import annotations

import re
from dataclasses import dataclass

ANY = "*"
HIDDEN = (".", "_")  # beginnings of names that stand beside the data, as in other tools


def names_many(path: str) -> bool:
    """Return whether a path of a run config names many objects."""
    return path.endswith("/") or ANY in path


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path that names many objects, split into a folder and what is looked for below it.

    ``*`` stands for any characters but ``/``, ``**`` for any at all; a path that ends in ``/``
    names all objects below it, at any depth. Names that begin with ``.`` or ``_`` below the folder
    are passed over, unless the pattern itself begins a name so.
    """

    folder: str  # "" or ending in "/"
    rest: str

    @classmethod
    def of(cls, path: str) -> Pattern:
        """Return the pattern that a path is."""
        folder = path[: path.index(ANY)] if ANY in path else path
        folder = folder[: folder.rfind("/") + 1]
        return cls(folder, path[len(folder) :])

    def matches(self, below: str) -> bool:
        """Return whether the object at this path below the folder is meant."""
        wanted = self.rest + (ANY + ANY if self.rest.endswith("/") or not self.rest else "")
        if not re.fullmatch(_expression(wanted), below, re.DOTALL):
            return False
        return not self.hides(below)

    def hides(self, below: str) -> bool:
        """Return whether a part of a path below the folder begins as hidden names do."""
        shown = self.rest.split("/")
        return any(
            part.startswith(HIDDEN) and not (n < len(shown) and shown[n].startswith(part[0]))
            for n, part in enumerate(below.split("/"))
        )

    def enters(self, below: str) -> bool:
        """Return whether objects are looked for in the folder at this path below the folder."""
        if not self.rest or self.rest.endswith("/") or ANY + ANY in self.rest:
            return True
        parts, depth = self.rest.split("/"), below.count("/") + 1
        outer = "/".join(parts[:depth])
        return len(parts) > depth and bool(re.fullmatch(_expression(outer), below, re.DOTALL))


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern."""
    pieces = re.split(r"(\*\*/|\*\*|\*)", pattern)
    kinds = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return "".join(kinds.get(piece, re.escape(piece)) for piece in pieces)
