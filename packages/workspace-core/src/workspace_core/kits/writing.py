"""Files that a step writes: noted before, and whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.lineage import ResourceRef
from workspace_core.lineage.references import local_path, reference
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.writable import rule_against_writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.lineage import Lineage
    from workspace_core.workspace import Workspace


@contextmanager
def written(
    workspace: Workspace, ref: ResourceRef, lineage: Lineage | None
) -> Iterator[tuple[ResourceRef, Path]]:
    """Yield the reference and a path to write to, whose file takes its place in the end.

    If the block raises, or the disk is full, what was there before stays.

    Raises:
        ConfigurationError: if nothing may be written there.
        StoreWriteError: if it cannot be written.
    """
    ref = ResourceRef.of(*ref)
    check_writable(workspace, ref)
    place = Path(local_path(workspace, ref))
    if place.is_dir() or not ref.path:
        raise ConfigurationError(f"{ref} is a folder; name a file in it.")
    ref = reference(workspace, place)  # what a link leads to
    check_writable(workspace, ref)
    place = Path(local_path(workspace, ref))
    if lineage is not None:
        lineage.add_output_ref(ref)
    # The end of the name says in which form a file is written.
    temporary = place.with_name(f".{os.urandom(6).hex()}.{place.name[-80:]}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield ref, temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise StoreWriteError(str(place), cause_of(error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(workspace: Workspace, ref: ResourceRef) -> None:
    """Refuse to write source data, what comes from others, and what snapshots have moved.

    Raises:
        ConfigurationError: naming the resource and the rule.
    """
    rule = rule_against_writing(workspace.get_resource(ref.name), ref.path)
    if rule is None:
        return
    raise ConfigurationError(
        f"{shown(str(ref))} cannot be written: {rule}; choose a resource for intermediate data or "
        "results."
    )
