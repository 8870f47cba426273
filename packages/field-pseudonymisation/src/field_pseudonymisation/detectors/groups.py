"""Numbers written in groups: which of the groups may be the value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Part

GROUP = re.compile(r"[^\s\xa0\u202f-]+")
MOST_GROUPS = 12


def parts_of_groups(text: str) -> Iterable[Part]:
    """Return all runs of groups, longer ones first, those at the beginning before others."""
    yield 0, len(text)
    places = [found.span() for found in GROUP.finditer(text)][:MOST_GROUPS]
    for size in range(len(places) - 1, 0, -1):
        for first in range(len(places) - size + 1):
            yield places[first][0], places[first + size - 1][1]
