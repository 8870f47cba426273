"""Names of folders that are made of what is known of a snapshot."""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SNAPSHOTS_FOLDER = "snapshots"
VARIABLES = (
    "USERNAME",
    "USER",
    "HOSTNAME",
    "SNAPSHOT_NO",
    "ISO_TIMESTAMP",
    "DATE_TIME",
    "YEAR",
    "MONTH",
    "SHORT_MONTH",
    "DAY",
    "HOUR",
    "MIN",
    "SEC",
    "DAY_OF_WEEK",
    "TAG",
)
OF_ONE_SNAPSHOT = ("TAG", "SNAPSHOT_NO", "ISO_TIMESTAMP", "DATE_TIME")


def checked_template(value: Any) -> str:
    """Return a template if it leads to a folder of its own below ``snapshots/``.

    Raises:
        ValueError: with the rule that it breaks.
    """
    if not isinstance(value, str):
        raise ValueError("it is a text")
    try:
        fields = {
            name for _, name, form, kind in string.Formatter().parse(value) if name or form or kind
        }
    except ValueError:
        raise ValueError("its braces do not match") from None
    if unknown := fields - set(VARIABLES):
        raise ValueError(
            f"there is no {sorted(map(str, unknown))}; there are {', '.join(VARIABLES)}"
        )
    first, *rest = value.split("/")
    if first != SNAPSHOTS_FOLDER or not rest or any(part in ("", ".", "..") for part in rest):
        raise ValueError(f"it leads to a folder below '{SNAPSHOTS_FOLDER}/'")
    if not fields & set(OF_ONE_SNAPSHOT):
        needed = ", ".join(f"{{{name}}}" for name in OF_ONE_SNAPSHOT)
        raise ValueError(f"it holds one of {needed}")
    return value


def filled(
    template: str, *, moment: datetime, username: str, hostname: str, number: int, tag: str | None
) -> str:
    """Return the folder that a template leads to; without a tag its place is the number's.

    ``USER`` and ``DATE_TIME`` are the names that the original's guide has for ``USERNAME`` and
    ``ISO_TIMESTAMP``.
    """
    stamp = moment.strftime("%Y-%m-%dT%H-%M-%S")
    values: Mapping[str, str] = {
        "USERNAME": _name(username),
        "USER": _name(username),
        "HOSTNAME": _name(hostname),
        "SNAPSHOT_NO": f"{number:03d}",
        "ISO_TIMESTAMP": stamp,
        "DATE_TIME": stamp,
        "YEAR": f"{moment:%Y}",
        "MONTH": f"{moment:%m}",
        "SHORT_MONTH": f"{moment:%b}",
        "DAY": f"{moment:%d}",
        "HOUR": f"{moment:%H}",
        "MIN": f"{moment:%M}",
        "SEC": f"{moment:%S}",
        "DAY_OF_WEEK": f"{moment:%a}",
        "TAG": tag if tag is not None else f"{number:03d}",
    }
    return template.format_map(values)


def _name(text: str) -> str:
    """Return a text as part of a name: without what separates folders."""
    return text.replace(os.sep, "-").strip(".") or "unknown"
