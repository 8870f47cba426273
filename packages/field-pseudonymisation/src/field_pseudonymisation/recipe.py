"""The recipe of a pseudonymised dataset: what was done to each column, so that it can be undone.

It stands beside the dataset and holds names, options and key ids; no key and no value.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.techniques.catalogue import RETAIN
from field_pseudonymisation.techniques.technique import SEAL
from field_pseudonymisation.text.options import DETECT_TEXT
from util_services.errors import quoted
from util_services.flow.beside import BESIDE_ENDINGS, RECIPE, RECIPE_KIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.keys.keyset import Key, Keyset

SCHEMA = 1
NOT_AS_WRITTEN = (
    "The recipe is not as it was written, or is that of another keyset; use the file that was "
    "written beside the dataset."
)


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

    @property
    def is_undone(self) -> bool:
        """Whether the way back brings anything back; what is retained is there already."""
        return self.reversible and self.technique != RETAIN

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
        return any(rule.is_undone for rule in self.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "name": self.name,
            "type": str(self.type),
            "dtype": self.dtype,
            "is_dropped": self.is_dropped,
            "rules": [rule.to_dict() for rule in self.rules],
        }


def is_free_text(column: RecipeColumn) -> bool:
    """Return whether values in the texts of a column were pseudonymised, and not the texts."""
    return any(rule.technique == DETECT_TEXT for rule in column.rules)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was done to all columns, in the order of the original dataset."""

    columns: tuple[RecipeColumn, ...]
    unmatched: str = "error"
    dataset: Mapping[str, Any] | None = None  # the imprint of what was written with it
    seal: Mapping[str, str] | None = None  # id of a key, and what only its holders can say of it
    source: Mapping[str, Any] | None = field(default=None, compare=False)  # as it was read

    @property
    def keyset(self) -> str:
        """The name of the keyset that leads back, empty where none does.

        Raises:
            PolicyError: if there are several.
        """
        rules = (rule for column in self.columns for rule in column.rules)
        names = sorted({rule.keyset for rule in rules if rule.keyset and rule.reversible})
        if len(names) > 1:
            raise PolicyError(f"Several keysets lead back: {quoted(names)}; name columns of one.")
        return names[0] if names else ""

    @property
    def needs_keys(self) -> bool:
        """Whether the way back needs keys."""
        return any(rule.key_id and rule.reversible for c in self.columns for rule in c.rules)

    def sealed(self, keyset: Keyset | None) -> Recipe:
        """Return the recipe with a seal of the keyset, by which a change shows."""
        if keyset is None:
            return self
        key = keyset.primary
        made = replace(self, source=None)
        return replace(made, seal={"key_id": key.id, "mac": made._mac(key)})

    def require_seal(self, keyset: Keyset | None) -> None:
        """Refuse a recipe that is not as it was written.

        Raises:
            PolicyError: if it has no seal of the keyset, or another one.
            KeysError: if the key of its seal cannot be used.
        """
        if keyset is None:
            return
        seal = self.seal or {}
        key = keyset.key(seal["key_id"]) if "key_id" in seal else None
        if key is None or not hmac.compare_digest(self._mac(key), str(seal.get("mac"))):
            raise PolicyError(NOT_AS_WRITTEN)

    def _mac(self, key: Key) -> str:
        """Return the HMAC-SHA256 of the recipe without its seal, in hexadecimal digits.

        What was read is taken as it stands there, so that another version, which would write it
        otherwise, reads it too.
        """
        record = dict(self.to_dict() if self.source is None else self.source)
        record.pop("seal", None)
        content = json.dumps(record, sort_keys=True, separators=(",", ":"))
        subkey = key.subkey("recipe", SEAL)
        return hmac.new(subkey.reveal(), content.encode(), hashlib.sha256).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        schema = pa.schema([(column.name, column.type) for column in self.columns])
        return {
            "kind": RECIPE_KIND,
            "schema": SCHEMA,
            "unmatched": self.unmatched,
            "types": base64.b64encode(schema.serialize().to_pybytes()).decode(),
            "columns": [column.to_dict() for column in self.columns],
            "dataset": None if self.dataset is None else dict(self.dataset),
            "seal": None if self.seal is None else dict(self.seal),
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
            _refuse_unknown(record)
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
            dataset = _checked_dataset(record["dataset"])
            return cls(columns, record["unmatched"], dataset, record["seal"], dict(record))
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


MEMBERS = frozenset({"kind", "schema", "unmatched", "types", "columns", "dataset", "seal"})
MEMBERS_OF_COLUMN = frozenset({"name", "type", "dtype", "is_dropped", "rules"})
MEMBERS_OF_RULE = frozenset(RecipeRule.__dataclass_fields__)


def _checked_dataset(found: Any) -> Mapping[str, Any] | None:
    """Return the imprint of a recipe, if it is one; whether it is true, the seal tells."""
    if found is None or (type(found["rows"]) is int and dict(found["sha256"]) == found["sha256"]):
        return found  # type: ignore[no-any-return] # as JSON is
    raise ValueError("an imprint of another form")


def _refuse_unknown(record: Mapping[str, Any]) -> None:
    """Refuse a recipe that says more than is understood here.

    Raises:
        PolicyError: if it does.
    """
    rules = [rule for column in record["columns"] for rule in column["rules"]]
    is_known = (
        MEMBERS.issuperset(record)
        and all(map(MEMBERS_OF_COLUMN.issuperset, record["columns"]))
        and all(map(MEMBERS_OF_RULE.issuperset, rules))
    )
    if not is_known:
        raise PolicyError(
            "The recipe says more than this version of field-pseudonymisation understands; use the "
            "version that wrote it, or a newer one."
        )
