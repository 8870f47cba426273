"""What a step of a run did to personal data, as the package that brings the step tells.

Packages read the reports of their own operations (``register_step_descriptions``): nobody else
knows what stands in them. A description holds names, parameters and measured numbers, and no cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from util_services.datasets.staged import StepReport

HOOK = "register_step_descriptions"

Role = Literal["identifier", "pseudonym", "sensitive", "quasi_identifier", "insensitive"]
ROLES: tuple[Role, ...] = (
    "identifier",
    "pseudonym",
    "sensitive",
    "quasi_identifier",
    "insensitive",
)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What was done to the values of a column.

    Attributes:
        technique: its name in the configuration.
        term: what the literature calls it; empty where that says no more.
        keyset: the name of the keyset that it used; empty without one.
        domain: the domain of its pseudonyms.
        is_reversible: whether the keyset brings the originals back.
    """

    column: str
    technique: str
    term: str = ""
    keyset: str = ""
    domain: str = ""
    is_reversible: bool = False


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """A privacy model, what was demanded of it, and what was measured on the table.

    ``measured`` is None for a model that a mechanism keeps, which no table shows.
    """

    model: str
    attribute: str | None
    demanded: Mapping[str, Any]
    measured: float | None
    holds: bool


@dataclass(frozen=True, slots=True)
class MeasuredRisk:
    """A risk in numbers, before a step and behind it; None where that was not measured."""

    risk: str
    before: float | str | None  # in words where the number itself is withheld
    after: float | str | None


@dataclass(frozen=True, slots=True)
class Description:
    """What one step did to personal data."""

    roles: Mapping[str, Role] = field(default_factory=dict)  # by column
    treatments: tuple[Treatment, ...] = ()
    models: tuple[MeasuredModel, ...] = ()
    risks: tuple[MeasuredRisk, ...] = ()


Describe = Callable[["StepReport"], Description]


def describers() -> dict[str, Describe]:
    """Return what installed packages bring to describe steps, by the name of the operation."""
    from util_services.plugins.manager import plugin_manager

    return {name: one.value for name, one in plugin_manager().named(HOOK).items()}


def describe_release_gate(step: StepReport) -> Description:
    """Return the roles that the policy of a release gives to columns."""
    return Description(roles=dict(step.facts.get("columns", {})))
