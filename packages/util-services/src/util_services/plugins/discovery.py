"""Find the plugins among the installed distributions, in the order in which they count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from util_services.plugins.markers import PROJECT
from util_services.plugins.records import Plugin

if TYPE_CHECKING:
    from collections.abc import Collection

GROUND_FLOOR = "util-services"
HOST = "data-services"
RANKED = (GROUND_FLOOR, HOST)  # then all others by name

_providers: dict[str, Plugin] = {}  # by their packages


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not yet imported."""

    plugin: Plugin
    entry_point: EntryPoint


def normalised(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover() -> list[Candidate]:
    """Return the installed plugins: util-services, the code location, the rest by name."""
    found = []
    for entry_point in entry_points(group=PROJECT):
        distribution = entry_point.dist
        if distribution is None:  # only hand-made entry points have none
            continue
        plugin = Plugin(normalised(distribution.name), distribution.version, entry_point.name)
        found.append(Candidate(plugin, entry_point))
    return sorted(found, key=_precedence)


def provider_of(module: str) -> Plugin | None:
    """Return the plugin whose package a module belongs to.

    Every operation asks, and looking reads the metadata of all that is installed: what was found
    once is remembered, and only a package that is still unknown is looked for.
    """
    package = module.partition(".")[0]
    if package not in _providers:
        _providers.update({_package(c.entry_point): c.plugin for c in reversed(discover())})
    return _providers.get(package)


def is_admitted(distribution: str, allowed: Collection[str], blocked: Collection[str]) -> bool:
    """Tell whether the lists let a distribution in; an empty allow-list lets in all."""
    if distribution == GROUND_FLOOR:
        return True
    if distribution in {normalised(name) for name in blocked}:
        return False
    return not allowed or distribution in {normalised(name) for name in allowed}


def _package(entry_point: EntryPoint) -> str:
    return entry_point.module.partition(".")[0]


def _precedence(candidate: Candidate) -> tuple[int, str, str]:
    plugin = candidate.plugin
    rank = RANKED.index(plugin.distribution) if plugin.distribution in RANKED else len(RANKED)
    return rank, plugin.distribution, plugin.entry_point
