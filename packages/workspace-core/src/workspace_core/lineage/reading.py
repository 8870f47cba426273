"""Reading a file so that what is recorded of it is what was read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError
from workspace_core.lineage.digests import Content, Digests
from workspace_core.lineage.errors import ChangedInputError
from workspace_core.lineage.model import FILE
from workspace_core.lineage.references import local_path, reference
from workspace_core.trees.stat_cache import stat_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.lineage.model import ResourceRef
    from workspace_core.lineage.references import Given
    from workspace_core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that a program has read: where it is, and what was there at that moment."""

    ref: ResourceRef
    content: Content


@contextmanager
def reading(workspace: Workspace, given: Given) -> Iterator[tuple[str, FileRead]]:
    """Let a file be read, which is hashed before; yield its path and what it is.

    Raises:
        ConfigurationError: if it is no file of a resource.
        ChangedInputError: if it was written to meanwhile, so that nobody knows what was read.
    """
    ref = reference(workspace, given)
    path = local_path(workspace, ref)
    digests = Digests(workspace)
    content = digests.of(ref)
    if content.kind != FILE:
        raise ConfigurationError(f"{ref} is no file, so that it cannot be read; mend the path.")
    yield path, FileRead(ref, content)
    try:
        now = stat_fields(os.lstat(path))
    except FileNotFoundError:
        now = None
    if now != content.stats[""]:
        raise ChangedInputError(str(ref))
    digests.save()
