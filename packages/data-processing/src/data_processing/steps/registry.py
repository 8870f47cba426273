"""The steps that all installed packages bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError
from util_services.models import unknown_key
from util_services.plugins.manager import plugin_manager

if TYPE_CHECKING:
    from data_processing.steps.step import Step

HOOK = "register_steps"


def steps() -> dict[str, Step]:
    """Return all steps by their names, in the order of the packages that bring them."""
    return {name: found.value for name, found in plugin_manager().named(HOOK).items()}


def step_called(name: str, place: str) -> Step:
    """Return a step.

    Raises:
        ConfigurationError: if there is none of this name.
    """
    known = steps()
    if name not in known:
        raise ConfigurationError(f"{place}: {unknown_key(name, known).replace('key', 'step', 1)}")
    return known[name]
