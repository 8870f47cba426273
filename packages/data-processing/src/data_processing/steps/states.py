"""The states of a recipe's fits as a file: what all rows of one dataset said, for use on another.

A state may hold values of cells (a mode, a cluster of spellings), and so personal data.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, quoted
from util_services.flow.beside import STATE_KIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_processing.steps.plan import Planned
    from util_services.engines.stage_fits import Groups

STATE_SCHEMA = 1
EXACT_IN_JSON = 2**53  # beyond it other readers of JSON take whole numbers for floats
TAG = "type"


def to_json(planned: Planned, states: Mapping[int, Groups], rows: int) -> str:
    """Return the states of a recipe as sorted, indented JSON that ends in a newline.

    Args:
        planned: the recipe, and the columns that it was worked out on.
        states: the state of each fit by its place.
        rows: how many rows they say something of.
    """
    record = {
        "schema": STATE_SCHEMA,
        "kind": STATE_KIND,
        "recipe": [call.to_dict() for call in planned.recipe],
        "columns": _columns(planned),
        "rows": rows,
        "states": {str(place): _encoded(list(groups)) for place, groups in states.items()},
    }
    return json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(content: bytes, planned: Planned) -> dict[int, Groups]:
    """Return the states that a file holds for a recipe.

    Raises:
        ConfigurationError: if it is no state, or one of another recipe or other columns.
    """
    try:
        record = json.loads(content)
        if record["kind"] != STATE_KIND:
            raise KeyError
        if record["schema"] != STATE_SCHEMA:
            raise ConfigurationError(
                "The state was written by a newer version of data-processing; update to read it."
            )
        recipe, columns = record["recipe"], record["columns"]
        states: dict[int, Groups] = {
            int(place): _decoded(groups) for place, groups in record["states"].items()
        }
    except ConfigurationError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            "The file is no state of a recipe; name an OUTPUT.state.json that 'save_state' wrote."
        ) from None
    if recipe != [call.to_dict() for call in planned.recipe]:
        raise ConfigurationError(
            "The state is of another recipe; use the steps and options that it was made with, or "
            "leave 'state' out."
        )
    given = {one["name"]: one["type"] for one in _columns(planned)}
    other = [one["name"] for one in columns if given.get(one["name"]) != one["type"]]
    if other:
        raise ConfigurationError(
            f"The state is of columns that this dataset does not have, or of another type: "
            f"{quoted(other)}; leave 'state' out."
        )
    return states


def _columns(planned: Planned) -> list[dict[str, str]]:
    return [{"name": field.name, "type": str(field.type)} for field in planned.given]


def _encoded(value: Any) -> Any:
    """Return a plain value as JSON that tells its type."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= EXACT_IN_JSON else {TAG: "int", "value": str(value)}
        case float():
            if math.isfinite(value):
                return {TAG: "float", "value": value}
            return {TAG: "float", "value": str(value)}
        case Decimal():
            return {TAG: "decimal", "value": str(value)}
        case dt.datetime():
            return {TAG: "timestamp", "value": value.isoformat()}
        case dt.date():
            return {TAG: "date", "value": value.isoformat()}
        case dt.time():
            return {TAG: "time", "value": value.isoformat()}
        case bytes():
            return {TAG: "bytes", "value": base64.b64encode(value).decode()}
        case list() | tuple():
            return [_encoded(part) for part in value]
        case dict():
            return {TAG: "group", "value": {name: _encoded(part) for name, part in value.items()}}
    raise AssertionError(f"a state holds a {type(value).__name__}")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if not isinstance(value, dict):
        return value
    held = value["value"]
    match value[TAG]:
        case "int":
            return int(held)
        case "float":
            return float(held)
        case "decimal":
            return Decimal(held)
        case "timestamp":
            return dt.datetime.fromisoformat(held)
        case "date":
            return dt.date.fromisoformat(held)
        case "time":
            return dt.time.fromisoformat(held)
        case "bytes":
            return base64.b64decode(held)
        case "group":
            return {name: _decoded(part) for name, part in held.items()}
    raise KeyError(TAG)
