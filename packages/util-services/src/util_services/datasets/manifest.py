"""The manifest of a dataset in part files: what belongs to it, written last."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from util_services.datasets.csv_dialect import CsvDialect
from util_services.datasets.formats import FORMATS
from util_services.datasets.layout import Layout
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from util_services.datasets.schema import Schema

MANIFEST = "_manifest.json"
MANIFEST_SCHEMA = 1
PART_NAME = re.compile(r"part-\d{5,}-[0-9a-f]{16}\.[a-z0-9.]+")
MAX_MANIFEST_BYTES = 256 << 20


class _NewerManifestError(Exception):
    """Raised for a manifest of a form that is not known here."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part file: its name beside the manifest, and what tells whether it is whole."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a dataset, in its order."""

    layout: Layout
    columns: tuple[tuple[str, str], ...]  # name and type
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, layout: Layout, schema: Schema, parts: tuple[Part, ...]) -> Manifest:
        """Return the manifest of a dataset that is about to be published."""
        return cls(layout, tuple((column.name, column.type) for column in schema), parts)

    @property
    def rows(self) -> int:
        """The rows of all parts."""
        return sum(part.rows for part in self.parts)

    def to_json(self) -> str:
        """Return the manifest as sorted, indented JSON that ends in a newline."""
        record = self.layout.to_dict() | {
            "schema": MANIFEST_SCHEMA,
            "rows": self.rows,
            "columns": [{"name": name, "type": kind} for name, kind in self.columns],
            "parts": [asdict(part) for part in self.parts],
        }
        return json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            DatasetError: if it is none that is known here.
        """
        try:
            record = json.loads(content)
            if record["schema"] != MANIFEST_SCHEMA or record["format"] not in FORMATS:
                raise _NewerManifestError
            columns = tuple((str(c["name"]), str(c["type"])) for c in record["columns"])
            parts = tuple(
                Part(str(p["name"]), int(p["rows"]), int(p["bytes"]), str(p["sha256"]))
                for p in record["parts"]
            )
            dialect = record["dialect"] and CsvDialect.from_dict(record["dialect"])
            layout = Layout(record["format"], record["compression"], dialect)
        except _NewerManifestError:
            raise DatasetError(
                f"The '{MANIFEST}' of the dataset was written by a newer version of data-services; "
                "update to read it."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DatasetError(
                f"The '{MANIFEST}' of the dataset is damaged; publish the dataset anew."
            ) from None
        if any("/" in part.name or part.name.startswith(".") for part in parts):
            raise DatasetError(
                f"The '{MANIFEST}' of the dataset names a part outside its folder; publish the "
                "dataset anew."
            )
        return cls(layout, columns, parts)
