"""Take values out of JSON texts and structs into columns of their own, by their paths."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from data_processing.cleaning.exploding import LISTS
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.json_documents import (
    INDEX,
    NotJsonError,
    Number,
    Pointer,
    pointer,
    read,
    unread_keys,
    value_at,
    written,
)
from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.placing import column_of, element, placed, placed_schema, whole
from util_services.engines.stage_batches import Filter, Map
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ValueType = Literal["auto", "text", "integer", "float", "boolean", "json"]
OnError = Literal["error", "null", "quarantine"]
Undeclared = Literal["count", "error"]
TYPES: Mapping[ValueType, pa.DataType] = {
    "auto": pa.string(),
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "json": pa.string(),
}
WHOLE = re.compile(r"-?\d{1,19}")
NO_JSON, OTHER_TYPE, UNREAD = "texts_that_are_no_json", "values_of_another_type", "undeclared_keys"


@dataclass(frozen=True, slots=True)
class Field:
    """A column that comes out: where its values are, and of which type they are."""

    path: Pointer
    type: ValueType = "auto"

    def value(self, document: Any) -> Any:
        """Return the value in a document; None if there is none.

        Raises:
            ValueError: if it is of another type.
        """
        value = value_at(document, self.path)
        if value is None:
            return None
        match self.type:
            case "json":
                return written(value)
            case "integer" if isinstance(value, Number) and WHOLE.fullmatch(value):
                if -(2**63) <= int(value) < 2**63:
                    return int(value)
            case "float" if isinstance(value, Number) and math.isfinite(float(value)):
                return float(value)
            case "boolean" if isinstance(value, bool):
                return value
            case "text" | "auto":
                return str(value) if isinstance(value, str) else written(value)
        raise ValueError("of another type")


@dataclass(frozen=True, slots=True)
class Flatten:
    """The columns that are taken out of a column of JSON texts.

    Attributes:
        column: the column.
        fields: what comes out, by the names of the columns.
        on_error: what becomes of a text that is no JSON, and of values of another type.
        undeclared: what becomes of keys that lead to none of the fields.
        keeps: whether the column stays, in front of the others.
    """

    column: str
    fields: Mapping[str, Field]
    on_error: OnError
    undeclared: Undeclared
    keeps: bool

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with the new columns, and how many texts and values were at fault.

        Raises:
            DatasetError: if there are such, and they are errors.
        """
        texts = whole(frame[self.column])
        encoded = pc.dictionary_encode(texts)
        records, faults = self._records(encoded.dictionary.to_pylist())
        counts = self._counts(faults, encoded.indices)
        self._refuse(counts)
        made = {}
        for name, field in self.fields.items():
            values = pa.array([record.get(name) for record in records], TYPES[field.type])
            made[name] = column_of(pc.take(values, encoded.indices))
        return placed(frame, self.column, made, keeps=self.keeps), counts

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        made = {name: TYPES[field.type] for name, field in self.fields.items()}
        return placed_schema(given, self.column, made, keeps=self.keeps)

    def is_right(self, frame: pd.DataFrame) -> pd.Series:
        """Return which texts are JSON with values of the types that are asked for."""
        encoded = pc.dictionary_encode(whole(frame[self.column]))
        _, faults = self._records(encoded.dictionary.to_pylist())
        right = [not fault[NO_JSON] and not fault[OTHER_TYPE] for fault in faults]
        found = pc.take(pa.array(right, pa.bool_()), encoded.indices)
        return pd.Series(np.asarray(pc.fill_null(found, fill_value=True)))

    def _records(self, texts: Sequence[str]) -> tuple[list[dict[str, Any]], list[Counter[str]]]:
        """Return what is taken out of each text, and what is at fault with it."""
        records, faults = [], []
        paths = [field.path for field in self.fields.values()]
        for text in texts:
            record: dict[str, Any] = {}
            fault: Counter[str] = Counter()
            try:
                document = read(text)
            except NotJsonError:
                fault[NO_JSON] = 1
            else:
                fault[UNREAD] = unread_keys(document, paths)
                for name, field in self.fields.items():
                    try:
                        record[name] = field.value(document)
                    except ValueError:
                        fault[OTHER_TYPE] += 1
            records.append(record)
            faults.append(fault)
        return records, faults

    def _counts(self, faults: Sequence[Counter[str]], indices: pa.Array) -> dict[str, int]:
        """Return how many faults there are over all rows."""
        counts: dict[str, int] = {}
        for name in (NO_JSON, OTHER_TYPE, UNREAD):
            each = pa.array([fault[name] for fault in faults], pa.int64())
            total = pc.sum(pc.take(each, indices)).as_py()
            counts |= {name: total} if total else {}
        return counts

    def _refuse(self, counts: Mapping[str, int]) -> None:
        who = f"The column {quoted_name(self.column)} holds"
        if self.on_error == "error" and NO_JSON in counts:
            raise DatasetError(
                f"{who} texts that are no JSON, or repeat a key in an object; set 'on_error' to "
                "null or quarantine."
            )
        if self.on_error == "error" and OTHER_TYPE in counts:
            raise DatasetError(
                f"{who} values of another type than 'columns' declares; set 'on_error' to null or "
                "quarantine, or declare them as text."
            )
        if self.undeclared == "error" and UNREAD in counts:
            raise DatasetError(
                f"{who} keys that lead to none of the 'columns'; declare them, or set 'undeclared' "
                "to count."
            )


@dataclass(frozen=True, slots=True)
class FlattenStruct:
    """The columns that are taken out of a column of structs or lists."""

    column: str
    paths: Mapping[str, Pointer]
    keeps: bool

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the new columns."""
        values = whole(frame[self.column])
        made = {name: column_of(_inside(values, path)) for name, path in self.paths.items()}
        return placed(frame, self.column, made, keeps=self.keeps)

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out.

        Raises:
            ConfigurationError: if a path leads nowhere.
        """
        kind = given.field(self.column).type
        made = {name: _type_inside(kind, path, self.column) for name, path in self.paths.items()}
        return placed_schema(given, self.column, made, keeps=self.keeps)


def flatten(
    step: str,
    schema: pa.Schema,
    column: str,
    columns: Mapping[str, tuple[str, ValueType]],
    on_error: OnError,
    undeclared: Undeclared,
    *,
    keeps: bool,
) -> list[Map | Filter]:
    """Return the parts of the step that takes columns out of one.

    Raises:
        ConfigurationError: if the column holds neither texts nor structs, a path is none or leads
            nowhere, or columns clash.
    """
    fields = {name: Field(_path(path), kind) for name, (path, kind) in columns.items()}
    kind = schema.field(column).type
    work: Flatten | FlattenStruct
    chosen: list[Filter] = []
    if is_text(kind):
        work = Flatten(column, fields, on_error, undeclared, keeps)
        if on_error == "quarantine":
            reason = "the text is no JSON, or a value in it is of another type"
            chosen = [Filter(step, work.is_right, reason)]
    elif types.is_struct(kind) or any(test(kind) for test in LISTS):
        if any(field.type != "auto" for field in fields.values()):
            raise ConfigurationError(
                f"The types inside the column {quoted_name(column)} are known; take 'type' out, "
                "and cast in a step behind."
            )
        work = FlattenStruct(column, {n: field.path for n, field in fields.items()}, keeps)
    else:
        raise ConfigurationError(
            f"The column {quoted_name(column)} holds {kind}, neither JSON texts nor structs; leave "
            "it as it is."
        )
    refuse_clashes([*(n for n in schema.names if keeps or n != column), *fields])
    written = set(fields) | (set() if keeps else {column})
    return [*chosen, Map(step, work, frozenset(written), work.schema)]


def _path(text: str) -> Pointer:
    try:
        return pointer(text)
    except ValueError:
        raise ConfigurationError(
            f"'path' {quoted_name(text)} is no JSON Pointer (RFC 6901); write it as in "
            "/address/lines/0."
        ) from None


def _type_inside(kind: pa.DataType, path: Pointer, column: str) -> pa.DataType:
    for part in path:
        if types.is_struct(kind) and kind.get_field_index(part) >= 0:
            kind = kind.field(part).type
        elif any(test(kind) for test in LISTS) and INDEX.fullmatch(part):
            kind = kind.value_type
        else:
            raise ConfigurationError(
                f"There is no {quoted_name(part)} in what the column {quoted_name(column)} holds, "
                "where a path asks for it; correct the path."
            )
    return kind


def _inside(values: pa.Array, path: Pointer) -> pa.Array:
    for part in path:
        if types.is_struct(values.type):
            values = pc.struct_field(values, [values.type.get_field_index(part)])
        else:
            values = element(values, int(part))
    return values
