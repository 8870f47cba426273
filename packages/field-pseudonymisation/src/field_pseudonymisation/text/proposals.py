"""Proposals: which columns of a table hold personal data, and what might become of it.

A proposal rests on a sample of values and on the names of columns. It counts and quotes no value;
it is for somebody to read before it is used.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from field_pseudonymisation.detectors.scanner import Scanner
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.policy import ARROW
from field_pseudonymisation.techniques.encoding import is_text, plain, plain_type, tag_of
from field_pseudonymisation.text.headers import TEXT, Headers
from field_pseudonymisation.text.options import DETECT_TEXT
from util_services.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from field_pseudonymisation.detectors.detector import Detector, Span

FIRST_LINE = "# data-services: a proposed policy; read it before you use it"
WHOLE = 0.8  # of the characters of a value: so much of it makes it such a value as a whole
BY_NAME_ALONE = 0.5  # how sure the name of a column is by itself
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
WIDTH = 1_000  # of a line of YAML, so that none is broken
RULES: Mapping[str, Mapping[str, Any]] = {
    "email": {"technique": "encrypt"},
    "phone": {"technique": "encrypt"},
    "iban": {"technique": "encrypt"},
    "payment_card": {"technique": "encrypt"},
    "national_id": {"technique": "encrypt"},
    "person_id": {"technique": "encrypt"},
    "driving_licence": {"technique": "encrypt"},
    "licence_plate": {"technique": "encrypt"},
    "person_name": {"technique": "redact"},
    "address": {"technique": "redact"},
    "postcode": {"technique": "mask", "keep_first": 2},
    "date_of_birth": {"technique": "redact"},
    "date": {"technique": "retain"},
    "ip_address": {"technique": "hash"},
    "url": {"technique": "hash"},
    "credential": {"technique": "drop"},
    "coordinates": {"technique": "drop"},
}
REDACTED: Mapping[str, Any] = {"technique": "redact"}
BIRTH_YEAR = {"technique": "generalise", "by": "date", "level": "year"}
IN_TEXTS = {
    "technique": DETECT_TEXT,
    "entities": {"email": {"technique": "encrypt"}, "*": {"technique": "redact"}},
}
LIMITS = (
    "A proposal rests on a sample and on names of columns; read it before you use it.",
    "Columns that tell a person by their meaning, such as professions, diagnoses or places, are "
    "not found by patterns; 'assess_risk' measures what columns say together.",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column seems to hold, and what might become of it.

    Attributes:
        column: the column.
        entity: what its values seem to be; ``text`` for free texts with such values in them, empty
            for nothing.
        found: how many values of the sample hold which entities.
        values: how many values there are in the sample.
        matches: how many of them are such values as a whole; for texts, hold one.
        by_name: whether the name of the column says the same.
        confidence: how sure the proposal is, from 0 to 1.
        rule: the rule.
    """

    column: str
    entity: str
    found: Mapping[str, int]
    values: int
    matches: int
    by_name: bool
    confidence: float
    rule: Mapping[str, Any]

    @property
    def share(self) -> float:
        """Share of the values that match."""
        return self.matches / self.values if self.values else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "column": self.column,
            "entity": self.entity,
            "values": self.values,
            "matches": self.matches,
            "share": round(self.share, 4),
            "by_name": self.by_name,
            "confidence": self.confidence,
            "technique": self.rule["technique"],
            "found": ", ".join(f"{name}: {count}" for name, count in sorted(self.found.items())),
        }


def propose(
    columns: Mapping[str, pa.Array],
    detectors: Iterable[Detector],
    minimum_share: float = 0.5,
    *,
    types: Mapping[str, pa.DataType] | None = None,
) -> list[Proposal]:
    """Return a proposal for each column of a sample.

    Args:
        columns: the values by column.
        detectors: what is looked for.
        minimum_share: of the values that must be such values as a whole.
        types: the types of the columns, where the sample has others.
    """
    scanner = Scanner(detectors)
    headers = Headers()
    proposals = []
    for name, values in columns.items():
        told = headers.entity_of(name)
        kind = (types or {}).get(name, values.type)
        proposals.append(_proposal(name, values, kind, scanner, told, minimum_share))
    return proposals


@dataclass
class _Tally:
    """What the values of a column hold."""

    whole: Counter[str] = field(default_factory=Counter)  # values that are such a value, by entity
    inside: Counter[str] = field(default_factory=Counter)  # values that hold one
    scores: dict[str, float] = field(default_factory=dict)  # sums over values that are one
    with_any: int = 0
    highest: float = 0.0

    def add(self, text: str, spans: Sequence[Span]) -> None:
        """Count a value; of several values of an entity in it the longest counts."""
        self.with_any += bool(spans)
        for span in _of_each_entity(spans):
            covers = span.end - span.start >= WHOLE * len(text.strip())
            (self.whole if covers else self.inside)[span.entity] += 1
            if covers:
                self.scores[span.entity] = self.scores.get(span.entity, 0.0) + span.score
            self.highest = max(self.highest, span.score)

    @property
    def best(self) -> str:
        """The entity that most values are, empty if there is none."""
        return max(self.whole, key=lambda entity: (self.whole[entity], entity), default="")


def _proposal(
    name: str, values: pa.Array, kind: pa.DataType, scanner: Scanner, told: str, least: float
) -> Proposal:
    """Return the proposal for a column of whose entity its name tells ``told``."""
    texts, tally = _texts(values), _Tally()
    for text, spans in zip(texts, scanner.scan(texts, hint=name), strict=True):
        tally.add(text, spans)
    best, count = tally.best, tally.whole[tally.best]
    if best and count >= least * len(texts):
        entity = told if _says_more(told, best) else best
        by_name = told == entity
        unsure = 1 - tally.scores[best] / len(texts)
        confidence = 1 - unsure * (1 - BY_NAME_ALONE if by_name else 1)
        matches, rule = count, _rule(entity, texts, kind)
    elif told and told != TEXT:
        entity, by_name, confidence, matches = told, True, BY_NAME_ALONE, tally.whole[told]
        rule = _rule(told, texts, kind)
    elif (tally.with_any or told) and is_text(plain_type(kind)):
        entity, by_name, matches = TEXT, told == TEXT, tally.with_any
        confidence = tally.highest if matches else BY_NAME_ALONE
        rule = IN_TEXTS
    else:
        entity, by_name, confidence, matches = "", False, 0.0, 0
        rule = {"technique": "retain"}
    found = tally.whole + tally.inside
    return Proposal(name, entity, found, len(texts), matches, by_name, round(confidence, 2), rule)


def _texts(values: pa.Array) -> list[str]:
    """Return the values that are not missing as texts; none of nested ones."""
    flat = plain(values)
    if not is_text(flat.type):
        try:
            flat = flat.cast(pa.string())
        except pa.ArrowException:
            return []
    return [text for text in flat.to_pylist() if text]


def _of_each_entity(spans: Sequence[Span]) -> Iterable[Span]:
    """Return the longest span of each entity."""
    longest: dict[str, Span] = {}
    for span in spans:
        other = longest.get(span.entity)
        if other is None or span.end - span.start > other.end - other.start:
            longest[span.entity] = span
    return longest.values()


def _says_more(told: str, found: str) -> bool:
    """Return whether the name of a column says more of its dates than these do."""
    return (told, found) == ("date_of_birth", "date")


def _rule(entity: str, texts: Sequence[str], kind: pa.DataType) -> Mapping[str, Any]:
    """Return the rule for an entity that works on all such values."""
    if entity == "date_of_birth":
        is_date = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
        if is_date or (texts and all(ISO_DATE.fullmatch(text) for text in texts)):
            return BIRTH_YEAR
    rule = RULES.get(entity, REDACTED)
    return rule if rule["technique"] == "drop" or _is_simple(kind) else REDACTED


def _is_simple(kind: pa.DataType) -> bool:
    """Return whether values of a type can be keyed and masked as they are."""
    try:
        tag_of(plain_type(kind))
    except PolicyError:
        return False
    return True


def policy_text(proposals: Sequence[Proposal], keyset: str, domain: str) -> str:
    """Return a policy as YAML with the reasons as comments; it loads as it is."""
    able = [one for one in proposals if ARROW not in one.column]
    unable = [one for one in proposals if ARROW in one.column]
    lines = [
        FIRST_LINE,
        "# Names of people, places and organisations in texts are not looked for.",
        *_yaml({"keyset": keyset, "domain": domain, "policy": "deterministic"}),
    ]
    if unable:
        lines.append("# a rule cannot name columns with '->' in their names: they are left out")
    lines += [f"unmatched: {'drop' if unable else 'error'}", "rules:"]
    for one in able:
        lines.append(f"  # {_reason(one)}")
        lines += [f"  {line}" for line in _yaml({one.column: dict(one.rule)})]
    return "\n".join(lines) + "\n"


def _reason(one: Proposal) -> str:
    if not one.values and not one.entity:
        return "was not looked at, for there are no values, or nested ones"
    if not one.entity:
        return f"nothing was found in {one.values} values"
    what = "holds" if one.entity == TEXT else "is"
    counted = f"{one.matches} of {one.values} values" if one.matches else "no value"
    named = " and the name of the column" if one.by_name and one.matches else ""
    if one.by_name and not one.matches:
        counted = "the name of the column alone"
    found = (
        f" ({printable(', '.join(sorted(one.found)))})" if one.entity == TEXT and one.found else ""
    )
    return f"{what} {one.entity}{found}: {counted}{named}; confidence {one.confidence:.2f}"


def _yaml(record: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump(dict(record), sort_keys=False, allow_unicode=True, width=WIDTH)
    return str(text).splitlines()
