r"""Texts with ``{partition}`` in them, and back from a path to the partition it belongs to.

``{partition}`` is the key of a partition; of one that has a date, ``{partition:%Y/%m/%d}`` is that
date in another form. All other braces are left alone, since patterns of text hold some too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from util_services.storage.patterns import ANY

if TYPE_CHECKING:
    from util_services.partitions.scheme import Scheme

FIELD = re.compile(r"\{partition(?::(?P<form>[^{}]*))?\}")
DATE_PARTS = {"%Y": "[0-9]{4}", "%m": "[0-9]{2}", "%d": "[0-9]{2}"}
DATE_PART = re.compile("(%[a-zA-Z%])")


def forms_of(text: str) -> list[str | None]:
    """Return the forms in which a text holds its partition; None is its key."""
    return [found["form"] for found in FIELD.finditer(text)]


def filled(value: Any, scheme: Scheme, key: str) -> Any:
    """Return a config in which each text, however deep, has a partition in place of the field."""
    if isinstance(value, str):
        return FIELD.sub(lambda found: _shown(found["form"], scheme, key), value)
    if isinstance(value, dict):
        return {name: filled(one, scheme, key) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, scheme, key) for one in value]
    return value


def _shown(form: str | None, scheme: Scheme, key: str) -> str:
    return key if form is None else scheme.date_of(key).strftime(form)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """The path of a partition: of one object, or, where it ends in ``/``, of all in a folder.

    Args:
        text: the path, with ``{partition}`` in it.
        scheme: which partitions there are.
    """

    text: str
    scheme: Scheme

    def path_of(self, key: str) -> str:
        """Return where a partition lies."""
        return str(filled(self.text, self.scheme, key))

    @property
    def pattern(self) -> str:
        """The path that names the objects of all partitions."""

        def any_form(form: str | None) -> str:
            return ANY if form is None else re.sub("(?:%[a-zA-Z%])+", ANY, form)

        return re.sub(r"\*+", ANY, FIELD.sub(lambda found: any_form(found["form"]), self.text))

    def key_of(self, path: str) -> str | None:
        """Return the partition that an object belongs to, None for one that belongs to none."""
        found = re.fullmatch(self._expression(), path, re.DOTALL)
        if found is None:
            return None
        parts = found.groupdict()
        try:
            key = parts.get("key") or self.scheme.key_of(
                date(int(parts["Y"]), int(parts["m"]), int(parts.get("d") or 1))
            )
            is_there = path.startswith(self.path_of(key))  # its forms agree with one another
        except ValueError:
            return None
        return key if is_there and self.scheme.has(key) else None

    def _expression(self) -> str:
        seen = set[str]()

        def group(name: str, pattern: str) -> str:
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return f"(?P<{name}>{pattern})"

        whole, end = "", 0
        for field in FIELD.finditer(self.text):
            whole += re.escape(self.text[end : field.start()])
            if field["form"] is None:
                whole += group("key", "[^/]+")
            else:
                for piece in DATE_PART.split(field["form"]):
                    known = DATE_PARTS.get(piece)
                    whole += group(piece[1:], known) if known else re.escape(piece)
            end = field.end()
        return whole + re.escape(self.text[end:]) + (".*" if self.text.endswith("/") else "")
