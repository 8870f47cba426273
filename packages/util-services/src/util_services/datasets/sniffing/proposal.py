"""The record of a proposal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a file seems to be. It holds names of columns and counts, and no cell value.

    ``columns`` are names only where the first record is a header for certain enough to show it.
    """

    format: str
    confidence: float  # 0 to 1: that reading it so gives what is in it
    compression: str | None = None
    member: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    line_end: str | None = None
    has_header: bool | None = None
    columns: tuple[str, ...] = ()
    column_count: int | None = None
    records_sampled: int | None = None
    records_regular: int | None = None  # of those sampled, how many have column_count fields
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the proposal as plain data."""
        found = asdict(self)
        for name in ("columns", "reasons", "warnings"):
            found[name] = list(found[name])
        return {"schema": SCHEMA, **found}

    def read_config(self, path: str) -> dict[str, Any]:
        """Return the configuration of ``read_dataset`` that the proposal stands for."""
        config: dict[str, Any] = {"path": path, "format": self.format}
        if self.member is not None:
            config["member"] = self.member
        if self.format in ("csv", "tsv"):
            config["csv"] = {"delimiter": self.delimiter, "encoding": self.encoding}
        elif self.format == "text":
            config["text"] = {"encoding": self.encoding}
        return config
