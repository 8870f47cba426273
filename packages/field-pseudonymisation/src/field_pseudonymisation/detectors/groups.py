"""Numbers written in groups: how many of the groups may be the value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from field_pseudonymisation.detectors.detector import Part

GROUP = re.compile(r"[0-9]+")


def leading_groups(fewest: int, most: int) -> Callable[[str], Iterable[Part]]:
    """Return what returns the first groups of a candidate, longer ones first.

    Args:
        fewest: digits of a value.
        most: digits of a value.
    """

    def parts(text: str) -> Iterable[Part]:
        ends, digits = [], 0
        for group in GROUP.finditer(text):
            digits += group.end() - group.start()
            if digits > most:
                break
            if digits >= fewest:
                ends.append(group.end())
        return [(0, end) for end in reversed(ends)]

    return parts
