"""What of a workspace is asked for, and which resources are on this machine only in part."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.trees.tree import checked_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SCHEMA = 1
PARTLY = "partly.json"


@dataclass(frozen=True, slots=True)
class Selection:
    """Resources, or paths in them; all where nothing is said."""

    only: dict[str, tuple[bytes, ...]] | None = None  # paths by resource; none: all of it
    skip: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        only: Sequence[str] | None = None,
        skip: Sequence[str] = (),
        *,
        only_workspace: bool = False,
    ) -> Selection:
        """Return the selection that texts such as ``raw`` or ``raw/2024`` make up.

        Raises:
            ConfigurationError: if more than one is given, or a path leads out of its resource.
        """
        if only_workspace:
            if only is not None or skip:
                raise ConfigurationError("Give only one of --only, --skip and --only-workspace.")
            return cls({})
        if only is not None and skip:
            raise ConfigurationError("Give --only or --skip, not both.")
        if only is None:
            return cls(None, frozenset(skip))
        found: dict[str, tuple[bytes, ...]] = {}
        whole: set[str] = set()
        for text in only:
            name, _, path = text.partition("/")
            inside = checked_path(path)
            if not inside:
                whole.add(name)
            found[name] = (*found.get(name, ()), inside)
        return cls({name: () if name in whole else paths for name, paths in found.items()})

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.only is None and not self.skip

    @property
    def is_nothing(self) -> bool:
        """Whether no content at all is asked for."""
        return self.only == {}

    def has(self, name: str) -> bool:
        """Return whether a resource, or something in it, is asked for."""
        return name not in self.skip and (self.only is None or name in self.only)

    def paths(self, name: str) -> tuple[bytes, ...]:
        """Return the paths that are asked for in a resource; none for all of it."""
        return () if self.only is None else self.only.get(name, ())

    def require(self, known: Iterable[str]) -> None:
        """Refuse names that no resource has.

        Raises:
            ConfigurationError: naming the first.
        """
        names = set(known)
        for name in [*(self.only or ()), *sorted(self.skip)]:
            if name not in names:
                raise ConfigurationError(
                    f"There is no resource '{name[:80]}'; 'dws report status' lists them."
                )


def is_partly_here(state: Path) -> bool:
    """Return whether only a part of a resource is in its folder on this machine."""
    return (state / PARTLY).exists()


def parts_here(state: Path) -> tuple[bytes, ...]:
    """Return the paths of a resource that are in its folder; none if all of it is."""
    try:
        record = read_json(state / PARTLY, SCHEMA)
    except FileNotFoundError:
        return ()
    return tuple(os.fsencode(path) for path in record["paths"])


def note_parts_here(state: Path, paths: Iterable[bytes]) -> None:
    """Take note of which paths of a resource are in its folder; none stand for all of it."""
    texts = sorted({os.fsdecode(path) for path in paths})
    if texts:
        write_whole(state / PARTLY, json_bytes({"schema": SCHEMA, "paths": texts}))
    else:
        remove_file(state / PARTLY)
