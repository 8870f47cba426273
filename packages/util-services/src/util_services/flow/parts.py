"""Part files in a storage: made before the manifest that lists them, removed when none does."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from util_services.datasets.manifest import MANIFEST, PART_NAME
from util_services.errors import StorageError
from util_services.storage.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from util_services.encryption.paths import AnyPath
    from util_services.flow.plan import WritePlan
    from util_services.storage.protocol import Claim


@contextmanager
def parts_published(
    plan: WritePlan, claim: Claim, parts: Mapping[str, AnyPath]
) -> Iterator[frozenset[str]]:
    """Make part files appear, and take them away again if what follows fails before the commit.

    Once the manifest has changed, they belong to a dataset, whatever fails afterwards. A part that
    is there already has the same content, as its name tells, and is left alone.

    Args:
        plan: where the dataset goes.
        claim: the claim on its manifest.
        parts: the files by name; each is used up.

    Returns:
        The names of the part files that were there before.
    """
    if plan.part_rows is None:
        yield frozenset()
        return
    former, manifest = frozenset(names_in(plan)), plan.storage.fingerprint(plan.location)
    try:
        for name, file in parts.items():
            if name in former and _size(plan, name) == file.stat().st_size:
                continue
            claim.put(file, plan.beside(name))
        yield former
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            if plan.storage.fingerprint(plan.location) == manifest:
                remove_parts(plan, parts.keys() - former)
        raise


def remove_parts(plan: WritePlan, names: Iterable[str]) -> None:
    """Remove part files that no manifest lists any more, those of dead runs among them."""
    for name in names:
        plan.storage.remove(plan.beside(name))


def names_in(plan: WritePlan) -> list[str]:
    """Return the names of all part files in the folder of an output.

    Raises:
        StorageError: if there are other files, which a manifest would hide.
    """
    found = plan.storage.find(Pattern(plan.path, ""))
    names = [one.path.removeprefix(plan.location.path.removesuffix(MANIFEST)) for one in found]
    strangers = [name for name in names if not PART_NAME.fullmatch(name)]
    if strangers:
        raise StorageError(
            f"The folder '{plan.path}' holds {len(strangers)} other files, which are no part of a "
            "dataset; choose an empty one."
        )
    return names


def _size(plan: WritePlan, name: str) -> int | None:
    state = plan.storage.fingerprint(plan.beside(name))
    return state.size if state is not None else None
