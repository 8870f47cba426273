"""Kinds of addresses that plugins translate to local paths, such as ``workspace:raw/a.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class AddressKind(Protocol):
    """A kind of addresses, known by what stands before their first colon."""

    name: str  # such as "workspace"

    def resolve(self, address: str, root: Path) -> str:
        """Return the local path that an address stands for.

        The storage refuses what lies outside of its root and its allow-list, as for any path.

        Args:
            address: what follows the colon.
            root: the root of the storage.

        Raises:
            StorageError: if it stands for nothing.
        """

    def check_writable(self, address: str, root: Path) -> None:
        """Refuse an address at which nothing may be published; see `resolve`.

        Raises:
            StorageError: with the rule.
        """
