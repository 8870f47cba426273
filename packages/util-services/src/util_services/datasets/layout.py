"""How the bytes of a dataset are laid out: all that reading or writing them needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.datasets.codecs.protocol import DEFAULT_OPTIONS, CodecOptions

if TYPE_CHECKING:
    from util_services.datasets.compression import Compression
    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.datasets.formats import Format


@dataclass(frozen=True, slots=True)
class Layout:
    """Format, compression and whatever else a format may be told."""

    format: Format
    compression: Compression | None = None
    dialect: CsvDialect | None = None  # of csv and tsv
    codec: CodecOptions = DEFAULT_OPTIONS
    member: str | None = None  # of a zip archive

    def to_dict(self) -> dict[str, Any]:
        """Return what a report says of the layout."""
        return {
            "format": self.format,
            "compression": self.compression,
            "dialect": self.dialect.to_dict() if self.dialect else None,
        }

    @property
    def ending(self) -> str:
        """The ending of a file of this layout, such as ``.csv.gz``."""
        ending = ".txt" if self.format == "text" else f".{self.format}"
        return f"{ending}.{self.compression}" if self.compression else ending
