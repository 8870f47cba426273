"""The recipe of a pseudonymised dataset: what was done to each column, so that it can be undone.

It stands beside the dataset and holds names, options and key ids; no key and no value.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.errors import PolicyError
from util_services.flow.beside import RECIPE, RECIPE_KIND
from util_services.flow.plan import BESIDE_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RecipeRule:
    """What was done to a column, or to a place inside it."""

    technique: str
    options: Mapping[str, Any]
    domain: str
    policy: str
    path: str | None = None
    salt: str = ""
    key_id: str | None = None
    key_check: str | None = None
    keyset: str = ""
    reversible: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "technique": self.technique,
            "options": dict(self.options),
            "domain": self.domain,
            "policy": self.policy,
            "path": self.path,
            "salt": self.salt,
            "keyset": self.keyset,
            "key_id": self.key_id,
            "key_check": self.key_check,
            "reversible": self.reversible,
        }


@dataclass(frozen=True, slots=True)
class RecipeColumn:
    """A column of the original dataset, and its rules; none for one that was left as it is."""

    name: str
    type: pa.DataType
    rules: tuple[RecipeRule, ...] = ()
    is_dropped: bool = False
    dtype: str | None = None  # of pandas, where it was a column of a frame

    @property
    def is_reversible(self) -> bool:
        """Whether anything of the column can be had with the key."""
        return any(rule.reversible and rule.technique != "retain" for rule in self.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "name": self.name,
            "type": str(self.type),
            "dtype": self.dtype,
            "is_dropped": self.is_dropped,
            "rules": [rule.to_dict() for rule in self.rules],
        }


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was done to all columns, in the order of the original dataset."""

    columns: tuple[RecipeColumn, ...]
    unmatched: str = "error"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        schema = pa.schema([(column.name, column.type) for column in self.columns])
        return {
            "kind": RECIPE_KIND,
            "schema": SCHEMA,
            "unmatched": self.unmatched,
            "types": base64.b64encode(schema.serialize().to_pybytes()).decode(),
            "columns": [column.to_dict() for column in self.columns],
        }

    def to_json(self) -> str:
        """Return the recipe as its file holds it."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Recipe:
        """Return the recipe that plain data describes.

        Raises:
            PolicyError: if it is none, or of a form unknown here.
        """
        try:
            if record["kind"] != RECIPE_KIND or record["schema"] != SCHEMA:
                raise PolicyError(
                    "The recipe is of a form that is unknown here; use the version of "
                    "field-pseudonymisation that wrote it, or a newer one."
                )
            types = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(record["types"])))
            columns = tuple(
                RecipeColumn(
                    name=one["name"],
                    type=types.field(number).type,
                    rules=tuple(RecipeRule(**rule) for rule in one["rules"]),
                    is_dropped=one["is_dropped"],
                    dtype=one["dtype"],
                )
                for number, one in enumerate(record["columns"])
            )
            return cls(columns, record["unmatched"])
        except PolicyError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException):
            raise PolicyError(
                "The recipe is damaged, or is none; use the file that was written beside the "
                f"dataset (its name ends in {BESIDE_ENDINGS[RECIPE]})."
            ) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Recipe:
        """Return the recipe of a file.

        Raises:
            PolicyError: if it is none.
        """
        try:
            record = json.loads(text)
        except ValueError:
            record = {}
        return cls.from_dict(record)
