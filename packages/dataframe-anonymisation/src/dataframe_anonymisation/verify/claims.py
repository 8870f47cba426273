"""What is claimed of a published table: plain data, nothing of the searches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

DIGITS = 4  # of a measure that is told


@dataclass(frozen=True, slots=True)
class Relabelling:
    """What is claimed to have become of each combination of original quasi-identifiers.

    Attributes:
        values: of each quasi-identifier, its original texts; None for missing.
        kinds: of each quasi-identifier whose cells are no texts, what they are; see ``texts``.
        paths: of each quasi-identifier, the labels that may stand for each original text.
        combinations: of each quasi-identifier, the place of its text in each combination.
        classes: the class of each combination, -1 if its rows are suppressed.
        labels: of each quasi-identifier, the label of each class.
        styles: of quasi-identifiers whose labels are made of the values of a class: ``values`` for
            ranges and sets, ``mean`` for means.
        is_masked: whether suppressed rows are published as ``*``; they are left out otherwise.
        strip: whether blanks around original texts are ignored.
    """

    values: Mapping[str, Sequence[str | None]]
    kinds: Mapping[str, str]
    paths: Mapping[str, Mapping[str | None, Sequence[str | None]]]
    combinations: Sequence[np.ndarray]
    classes: np.ndarray
    labels: Mapping[str, Sequence[str | None]]
    styles: Mapping[str, str] = field(default_factory=dict)
    is_masked: bool = False
    strip: bool = False


@dataclass(frozen=True, slots=True)
class Claims:
    """The columns and models of a published table.

    Attributes:
        quasi_identifiers: the columns that make classes.
        models: each model by ``model`` and its parameters; of t-closeness also ``order``, the
            values in their order, and ``tree``, the labels of each value up to the root.
        exempt_suppressed: whether masked rows are left out: those with ``*`` in every
            quasi-identifier and nothing in any sensitive column.
        sensitive: the columns that are missing in masked rows, beside those of models.
        kinds: of each sensitive attribute whose cells are no texts, what they are; see ``texts``.
        published: all columns of the table in their order; None if that is not claimed.
        relabelling: how the published table came of the original one; None if that is not known.
        entity: the column that says whose rows these are, of the original table where a relabelling
            is claimed and of the published one where none is; values then count once for each
            person.
        masked: the columns in which every cell is ``*``.
        has_population: whether a population table is there to be counted.
        withhold_distances: whether measures against the original table are not told, since they
            would tell what became of the few rows that were suppressed.
        rows: how many rows there must be; None if that is not claimed.
        suppressed: how many masked rows there must be; None if that is not claimed.
    """

    quasi_identifiers: Sequence[str]
    models: Sequence[Mapping[str, Any]]
    exempt_suppressed: bool = False
    sensitive: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    published: Sequence[str] | None = None
    relabelling: Relabelling | None = None
    entity: str | None = None
    masked: Sequence[str] = ()
    has_population: bool = False
    withhold_distances: bool = False
    rows: int | None = None
    suppressed: int | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that a check needs."""
        hidden = self.hidden if self.exempt_suppressed else []
        entity = [self.entity] if self.counts_published_persons else []
        named = [*self.quasi_identifiers, *self.attributes, *hidden, *self.masked, *entity]
        return list(dict.fromkeys(map(str, named)))

    @property
    def counts_published_persons(self) -> bool:
        """Whether the published rows themselves say whose they are."""
        return self.entity is not None and self.relabelling is None

    @property
    def hidden(self) -> list[str]:
        """The columns that are missing in masked rows."""
        return list(dict.fromkeys([*self.attributes, *self.sensitive]))

    @property
    def original(self) -> list[str]:
        """The columns of the original table that a check needs."""
        entity = [] if self.entity is None else [self.entity]
        named = [*self.quasi_identifiers, *self.attributes, *self.hidden, *entity]
        return list(dict.fromkeys(named))

    @property
    def attributes(self) -> list[str]:
        """The sensitive attributes that models are about."""
        named = (model.get("attribute") for model in self.models)
        return list(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one model was asked to hold, what was measured, and whether it holds.

    What was measured is None where it is withheld or infinite, or where there is no class.
    """

    model: str
    attribute: str | None
    requested: Mapping[str, Any]
    measured: float | None
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
            "measured": None if self.measured is None else round(self.measured, DIGITS),
            "failing_classes": self.failing_classes,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a published table.

    Attributes:
        rows: how many rows there are.
        classes: how many classes were tested.
        suppressed: how many masked rows were left out.
        findings: what holds of each model, without masked rows.
        with_masked: what would, were the masked rows a class like others.
        strange: what is not as it was claimed of columns and cells, in words.
        claims: what was claimed.
        members: how many rows the classes have; persons where the claims name an entity, each in
            all of its classes.
        is_meant_empty: whether the original table says that there is no class to check.
    """

    rows: int
    classes: int
    suppressed: int
    findings: tuple[Finding, ...]
    with_masked: tuple[Finding, ...]
    strange: tuple[str, ...]
    claims: Claims
    members: int
    is_meant_empty: bool = False

    @property
    def holds(self) -> bool:
        """Whether every claim is true."""
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """What is not as it was claimed, in words without a cell value."""
        claims = self.claims
        failed = [
            f"{found.model} fails in {found.failing_classes} of {self.classes} classes"
            for found in self.findings
            if not found.holds
        ]
        if claims.rows is not None and self.rows != claims.rows:
            failed.append(f"there are {self.rows} rows instead of {claims.rows}")
        if claims.suppressed is not None and self.suppressed != claims.suppressed:
            failed.append(f"{self.suppressed} rows are masked instead of {claims.suppressed}")
        failed += self.strange
        claimed_empty = claims.rows is not None and claims.rows == (claims.suppressed or 0)
        if not self.classes and not self.is_meant_empty and not claimed_empty:
            failed.append("there is no class to check")
        return failed

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "holds": self.holds,
            "rows": self.rows,
            "classes": self.classes,
            "masked_rows": self.suppressed,
            "models": [finding.to_dict() for finding in self.findings],
            "models_with_masked_rows": [finding.to_dict() for finding in self.with_masked],
        }
