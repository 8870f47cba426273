"""What is claimed of a published table: plain data, nothing of the searches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Claims:
    """The columns and models of a published table.

    Attributes:
        quasi_identifiers: the columns that make classes.
        models: each model by ``model`` and its parameters, as reports have them.
        exempt_suppressed: whether rows with ``*`` in every quasi-identifier are left out.
        reference: of each sensitive attribute, how often each text occurs in the original table;
            the published table where there is none.
        trees: of each sensitive attribute, the labels of each value up to the root.
        orders: of each sensitive attribute, its values in their order, where they are no numbers.
        rows: how many rows there must be; None if that is not claimed.
    """

    quasi_identifiers: Sequence[str]
    models: Sequence[Mapping[str, Any]]
    exempt_suppressed: bool = False
    reference: Mapping[str, Mapping[str | None, int]] = field(default_factory=dict)
    trees: Mapping[str, Mapping[str | None, Sequence[str]]] = field(default_factory=dict)
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: int | None = None

    @property
    def attributes(self) -> list[str]:
        """The sensitive attributes that models are about."""
        named = (model.get("attribute") for model in self.models)
        return list(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one model was asked to hold, what was measured, and whether it holds."""

    model: str
    attribute: str | None
    requested: Mapping[str, Any]
    measured: float
    failing_classes: int

    @property
    def holds(self) -> bool:
        """Whether no class fails."""
        return self.failing_classes == 0

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "model": self.model,
            "attribute": self.attribute,
            "requested": dict(self.requested),
            "measured": self.measured,
            "failing_classes": self.failing_classes,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a published table."""

    rows: int
    classes: int
    suppressed: int
    findings: tuple[Finding, ...]
    rows_claimed: int | None = None

    @property
    def holds(self) -> bool:
        """Whether every claim is true."""
        counted = self.rows_claimed is None or self.rows == self.rows_claimed
        return counted and all(finding.holds for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "holds": self.holds,
            "rows": self.rows,
            "classes": self.classes,
            "masked_rows": self.suppressed,
            "models": [finding.to_dict() for finding in self.findings],
        }
