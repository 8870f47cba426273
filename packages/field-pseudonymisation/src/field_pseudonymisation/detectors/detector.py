"""What a detector is: a declaration that is light, so that discovery may read it.

Plugins declare detectors in the hook ``register_detectors``. A pattern is in the syntax of RE2,
which searches in linear time whatever it is given; it must not match the character U+0000, which
stands between documents that are searched together. What it finds is a candidate: a check decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Part = tuple[int, int]  # where it begins and ends, in characters of the candidate
Edges = Literal["word", "number", "host", "none"]
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def whole(text: str) -> Iterable[Part]:
    """Return a candidate as its only part."""
    return ((0, len(text)),)


@dataclass(frozen=True, slots=True)
class Detector:
    """The declaration of a detector.

    Attributes:
        name: the name in reports and rules.
        entity: what it finds, such as ``email``; several detectors may find the same.
        summary: what it looks for, in a few words.
        pattern: what candidates look like, in the syntax of RE2.
        parts: returns where in a candidate the value may be, the likeliest first; of parts that
            overlap the first that passes the check counts.
        check: whether a part is such a value: checksum, ranges, lengths.
        score: how sure it is without context, from 0 to 1.
        context: words near the value that tell what it is, in lower case; one that ends in ``*``
            may go on.
        context_score: how sure it is with one of them.
        edges: what may not stand on either side: letters, digits and underscores (``word``), also
            digits behind a separator (``number``) or an at-sign (``host``), or anything (``none``).
        rescans: whether the search goes on behind the first word of a candidate that failed,
            since another may begin inside of it; its pattern must match a bounded length.
        countries: where such values are given out (ISO 3166, two letters); everywhere if empty.
        find: in place of a pattern, returns begin, end and score of each value of a document, in
            code points; for models and other libraries.
    """

    name: str
    entity: str
    summary: str
    pattern: str = ""
    parts: Callable[[str], Iterable[Part]] = whole
    check: Callable[[str], bool] | None = None
    score: float = 0.5
    context: tuple[str, ...] = ()
    context_score: float = 0.85
    edges: Edges = "word"
    rescans: bool = False
    countries: tuple[str, ...] = ()
    find: Callable[[str], Iterable[tuple[int, int, float]]] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a detector."""
        for what, name in (("name", self.name), ("entity", self.entity)):
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"The {what} of a detector is in lower case with underscores; '{name}' is not."
                )
        if bool(self.pattern) == (self.find is not None):
            raise ValueError(f"The detector '{self.name}' wants either 'pattern' or 'find'.")
        if not (0 <= self.score <= 1 and 0 <= self.context_score <= 1):
            raise ValueError(f"The scores of the detector '{self.name}' must be from 0 to 1.")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where a value stands in a document, and what it is.

    Attributes:
        start: where it begins; in code points, unless it says otherwise where it comes from.
        end: where it ends.
        entity: what it is.
        detector: what found it.
        score: how sure that is, from 0 to 1.
    """

    start: int
    end: int
    entity: str
    detector: str
    score: float
