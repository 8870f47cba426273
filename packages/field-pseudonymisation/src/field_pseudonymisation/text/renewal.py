"""Pseudonyms in texts made anew: each for itself, so that nothing else of a text is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.techniques.technique import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from field_pseudonymisation.text.transform import DetectText


class TextsAsTheyAre(Base):
    """Leaves texts with their pseudonyms, which are brought back one by one later on."""

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the texts."""
        return values

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the texts."""
        return values


@dataclass(slots=True)
class TextRenewal:
    """Replaces the pseudonyms of a former rule in texts by those of a new one."""

    former: DetectText
    new: DetectText

    @property
    def output(self) -> pa.DataType:
        """Texts, as they came; nothing is searched for, so that no detector is needed."""
        return self.new.target.type

    @property
    def needs(self) -> tuple[str, ...]:
        """No other columns."""
        return ()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many pseudonyms were made anew, and how many stayed."""
        return self.new.counts

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the texts with new pseudonyms.

        Raises:
            CellsError: with the positions of texts whose pseudonyms cannot be read, or made anew.
        """
        return self.new.renewed(values, self.former)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the texts with what was reversible as it was."""
        return self.new.reverse(values, others)

    def reverse_each(self, values: pa.Array) -> list[Any]:
        """Refuse what does not describe itself."""
        return self.new.reverse_each(values)
