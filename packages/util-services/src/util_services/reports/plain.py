"""Plain data for reports: what JSON can hold, and nothing that brings a frame along."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from util_services.errors import DataServicesError


class ReportError(DataServicesError, ValueError):
    """Raised when a report, or a part of one, is not of the form that readers rely on."""


def plain(value: Any, place: str) -> Any:
    """Return a value as JSON has it.

    Numbers of numpy become those of Python, tuples become lists, and a float that is no number
    becomes None, for which JSON has a word.

    Args:
        value: the value.
        place: how the author of it knows it, such as ``facts.groups``.

    Raises:
        ReportError: if JSON has no form for it; the text names the place and the class alone.
    """
    match value:
        case None | bool():
            return value
        case str():
            return value.encode("utf-8", "replace").decode()  # lone surrogates have no encoding
        case Integral():
            return int(value)
        case Real():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {_key(key, place): plain(part, f"{place}.{key}") for key, part in value.items()}
        case list() | tuple():
            return [plain(part, f"{place}[{number}]") for number, part in enumerate(value)]
        case _:
            raise ReportError(
                f"'{place}' of a report is a {type(value).__name__}; give counts, names and other "
                "plain data."
            )


def _key(key: Any, place: str) -> str:
    if not isinstance(key, str | Integral):
        raise ReportError(
            f"'{place}' of a report has a key of the type {type(key).__name__}; give names."
        )
    return str(key)
