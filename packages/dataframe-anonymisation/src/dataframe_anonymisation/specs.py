"""The hooks that this package adds to the plugin contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dataframe_anonymisation.hierarchies import Hierarchy


@hookspec
def register_hierarchies() -> Mapping[str, Callable[[], Hierarchy]]:
    """Return functions that make hierarchies, by the names that a configuration asks for.

    Import what they need inside them: numpy and its kin are not for discovery.
    """
    raise NotImplementedError
