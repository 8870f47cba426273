"""The records in which the plugin manager answers: who, what, and what was left out and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT_SCHEMA = 1

FailureKind = Literal[
    "import", "contract", "hook_name", "hook_shape", "hook_error", "return_type", "name_taken",
    "definitions", "pipeline", "partitions",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of an installed distribution."""

    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """Why a plugin was left out: ``stage`` is the step or hook, ``reason`` ends in the cure.

    Of the kinds "pipeline" and "partitions", only that pipeline or partitioned job is.
    """

    plugin: Plugin
    stage: str
    kind: FailureKind
    reason: str

    def __str__(self) -> str:
        return self.reason

    def to_dict(self) -> dict[str, str]:
        """Return the failure as a flat JSON object."""
        return {
            **asdict(self.plugin),
            "stage": self.stage,
            "kind": self.kind,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class HookResult:
    """What one plugin returned from one hook: a tuple of objects, or a dictionary by name."""

    plugin: Plugin
    value: tuple[Any, ...] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """One named object and the plugin that brought it."""

    plugin: Plugin
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A line of the report: a loaded plugin, its commit, and how many objects each hook brought."""

    plugin: Plugin
    commit: str | None
    hooks: Mapping[str, int]

    @property
    def jobs(self) -> int:
        """The number of jobs that the plugin brings."""
        return self.hooks.get("register_jobs", 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the line as a JSON object."""
        return {
            **asdict(self.plugin),
            "commit": self.commit,
            "hooks": dict(self.hooks),
            "jobs": self.jobs,
        }


@dataclass(frozen=True, slots=True)
class PluginReport:
    """Who brings what, what failed, and what the allow-list or block-list keeps out."""

    plugins: tuple[PluginEntry, ...]
    failures: tuple[PluginFailure, ...]
    blocked: tuple[Plugin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "schema": REPORT_SCHEMA,
            "plugins": [entry.to_dict() for entry in self.plugins],
            "failures": [failure.to_dict() for failure in self.failures],
            "blocked": [asdict(plugin) for plugin in self.blocked],
        }
