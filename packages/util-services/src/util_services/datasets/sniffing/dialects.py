"""Which delimiter, quote, line end and header a CSV text is likely to have.

Each pair of delimiter and quote splits the sample; the pair that gives most records the same number
of fields, of which most look like values of some kind, is the best (after van den Burg, Nazabal and
Sutton, "Wrangling messy CSV files by detecting row and type patterns", 2019, simplified).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DELIMITERS = (",", ";", "\t", "|", ":", "^", "~", "\x1f", "\x01")
QUOTES = ('"', "'")
JUDGED_RECORDS = 500
ENOUGH_RECORDS = 5  # from which repetition tells values from names
STRANGE = 0.1  # what a split is worth whose fields look like nothing known
FIELD_CHARACTERS = 1 << 20
KIND = re.compile(
    r"(?P<number>[-+]?\s?[0-9][0-9.,' \u00a0]*(?:[eE][-+]?[0-9]+)?\s?[%€$£]?)"
    r"|(?P<date>[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}(?:[T ][0-9:.+Z-]+)?)"
    r"|(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?)"
    r"|(?P<boolean>true|false|yes|no|[tfyn])"
    r"|(?P<address>[^@\s]+@[^@\s]+|https?://\S+)",
    re.IGNORECASE,
)
QUOTED = re.compile(r'"[^"]*"')
PLAIN = re.compile(r"[^\W_](?:[\w .'()/&+#*<>=-]|[^\x00-\x7f])*", re.UNICODE)


@dataclass(frozen=True, slots=True)
class DialectGuess:
    """A dialect, how many records it splits evenly, and how sure that is."""

    delimiter: str
    quote: str
    fields: int
    records: int
    regular: int
    confidence: float


def guess_dialect(text: str) -> DialectGuess | None:
    """Return the dialect that splits a text best; None where none splits it at all."""
    best: DialectGuess | None = None
    best_score = 0.0
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        for quote in QUOTES:
            if quote == "'" and not re.search(rf"(?:^|{re.escape(delimiter)})'", text, re.M):
                continue
            records = records_of(text, delimiter, quote)
            score, guess = _judge(records, delimiter, quote)
            if guess is not None and score > best_score + 1e-9:
                best, best_score = guess, score
    return best


def records_of(
    text: str, delimiter: str, quote: str, limit: int | None = JUDGED_RECORDS
) -> list[list[str]]:
    """Return the first records of a text; an empty line is none."""
    csv.field_size_limit(max(csv.field_size_limit(), FIELD_CHARACTERS))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    records: list[list[str]] = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if limit is not None and len(records) >= limit:
                break
    except csv.Error:
        return records
    return records


def regular_in_part(part: str, dialect: DialectGuess) -> tuple[int, int]:
    """Return how many records a part from the middle holds, and how many have the right length.

    The part may begin inside quotes; the better of both readings counts.
    """
    found = []
    for opening in ("", dialect.quote):
        records = records_of(opening + part, dialect.delimiter, dialect.quote, None)[1:-1]
        regular = sum(len(record) == dialect.fields for record in records)
        found.append((regular / len(records) if records else 0.0, len(records), regular))
    _, count, regular = max(found, key=lambda item: item[0])
    return count, regular


def guess_line_end(text: str) -> tuple[str, bool]:
    """Return the commonest line end by name, and whether others stand beside it."""
    text = QUOTED.sub("", text)
    pairs = text.count("\r\n")
    counts = {"crlf": pairs, "lf": text.count("\n") - pairs, "cr": text.count("\r") - pairs}
    best = max(counts, key=lambda name: counts[name])
    return (best if counts[best] else "lf"), sum(count > 0 for count in counts.values()) > 1


def guess_header(records: Sequence[Sequence[str]]) -> tuple[bool, float, str]:
    """Return whether the first record names the columns, how sure that is, and why."""
    first, rest = records[0], [r for r in records[1:] if len(r) == len(records[0])]
    if any(not name.strip() for name in first):
        return False, 0.7, "the first record has empty fields"
    if len({name.casefold() for name in first}) < len(first):
        return False, 0.8, "the first record repeats a field"
    if any(_kind(name) is not None for name in first):
        return False, 0.9, "the first record holds a number, a date or a like value"
    if not rest:
        return True, 0.5, "there is only one record"
    columns = [[record[n] for record in rest] for n in range(len(first))]
    if any(name in column for name, column in zip(first, columns, strict=True)):
        return False, 0.85, "a field of the first record stands again in its column"
    typed = sum(_is_typed(column) for column in columns)
    if typed:
        return True, 0.95, f"{typed} columns hold numbers or dates below a text"
    lengths = sum(len({len(v) for v in column}) == 1 for column in columns if len(column) > 1)
    different = sum(
        len(column) > 1 and len({len(v) for v in column}) == 1 and len(column[0]) != len(name)
        for name, column in zip(first, columns, strict=True)
    )
    if lengths and different:
        return True, 0.75, "texts below the first record are all of one other length"
    if len(rest) >= ENOUGH_RECORDS and any(len(set(c)) < len(c) / 2 for c in columns):
        return True, 0.8, "values repeat in their columns, and those of the first record do not"
    return True, 0.4, "nothing speaks against it"


def _judge(
    records: Sequence[Sequence[str]], delimiter: str, quote: str
) -> tuple[float, DialectGuess | None]:
    if not records:
        return 0.0, None
    lengths = Counter(len(record) for record in records)
    fields, regular = max(lengths.items(), key=lambda item: (item[1], item[0]))
    if fields < 2:
        return 0.0, None
    pattern = regular / len(records) - 0.1 * (len(lengths) - 1) / len(records)
    plausible = _plausible(record for record in records if len(record) == fields)
    confidence = round(max(min(pattern * (0.5 + plausible / 2), 0.99), 0.0), 2)
    guess = DialectGuess(delimiter, quote, fields, len(records), regular, confidence)
    return pattern * (STRANGE + plausible), guess


def _plausible(records: Iterable[Sequence[str]]) -> float:
    """Return the share of fields that look like values of some kind."""
    count = good = 0
    for record in records:
        for field in record:
            count += 1
            text = field.strip()
            good += not text or KIND.fullmatch(text) is not None or _is_plain(text)
    return good / count if count else 0.0


def _is_plain(text: str) -> bool:
    return PLAIN.fullmatch(text) is not None and not any(c in text for c in ";|\t^~")


def _kind(text: str) -> str | None:
    match = KIND.fullmatch(text.strip())
    return match.lastgroup if match and match.lastgroup in {"number", "date", "time"} else None


def _is_typed(column: Sequence[str]) -> bool:
    values = [value for value in column if value.strip()]
    return bool(values) and sum(_kind(v) is not None for v in values) >= 0.8 * len(values)
