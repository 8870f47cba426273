"""The techniques that all installed packages bring."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from field_pseudonymisation.errors import PolicyError
from util_services.errors import quoted_name
from util_services.plugins.manager import plugin_manager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from field_pseudonymisation.techniques.technique import Technique

HOOK = "register_techniques"


def techniques() -> Mapping[str, Technique]:
    """Return all techniques by their names."""
    return {name: one.value for name, one in plugin_manager().named(HOOK).items()}


def technique(name: str) -> Technique:
    """Return a technique by its name.

    Raises:
        PolicyError: if no package brings it.
    """
    known = techniques()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise PolicyError(
        f"there is no technique {quoted_name(str(name))}; {hint}Known are {', '.join(known)}"
    )
