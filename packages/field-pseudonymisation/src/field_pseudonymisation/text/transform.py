"""The technique for free texts: detectors find values, and each is replaced by its rule.

What becomes of a value is the work of the techniques for columns: all values of a rule in a batch
are one column to it. So keys, tokens and the way back are the same in texts and in columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.detectors.scanner import Scanner
from field_pseudonymisation.errors import AppliedTwiceError, CellsError, PolicyError
from field_pseudonymisation.techniques.encoding import is_text
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.text.markers import MARKER, mark, marked_in
from field_pseudonymisation.text.options import EVERYTHING, SURROGATE, rule_for
from field_pseudonymisation.text.registry import chosen_detectors, detectors_with, require_known
from util_services.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from field_pseudonymisation.detectors.detector import Detector
    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.techniques.technique import Target, Transform

ALREADY = "pseudonyms of an earlier pseudonymisation, or what looks like them"
AMBIGUOUS = "letters right before a value, with which its pseudonym could not be read back"
FOUND = "found_"  # before the name of a detector, in counts
RENEWED, KEPT = "pseudonyms_renewed", "pseudonyms_kept"
PASSED_ON = ("fixed_points", "unencryptable_nulls", "messages")  # counts that reports explain


@dataclass(frozen=True, slots=True)
class Place:
    """A value, or its pseudonym, in a text."""

    row: int
    start: int
    end: int
    rule: str
    type: str
    value: str


class DetectText(Base):
    """Replaces what is found in texts."""

    def __post_init__(self) -> None:
        if not is_text(self.target.type):
            raise PolicyError(f"'detect_text' works on texts, not on {self.target.type}")
        self._rules = {
            name: EntityRule.of(
                rule_for(name, given, domain=self.target.domain, policy=self.target.policy),
                self.target,
            )
            for name, given in self.options.entities.items()
        }
        self._is_keyed = any(rule.is_marked for rule in self._rules.values())

    @cached_property
    def looked_for(self) -> tuple[Detector, ...]:
        """What is looked for.

        Raises:
            PolicyError: if a rule is missing, or names what nothing looks for.
        """
        known = detectors_with(self.options.model)
        for name in self._rules:
            if name != EVERYTHING:
                require_known(name, known)
        chosen = chosen_detectors(self.options.detectors, known)
        left = {one.entity for one in chosen if self._rule_name(one.name, one.entity) is None}
        if left:
            raise PolicyError(
                f"there is no rule for {quoted(sorted(left))}; add rules (such as 'technique: "
                "retain'), add '*' for all that are not named, or leave them out of 'detectors'"
            )
        return chosen

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(self.looked_for, self.options.minimum_score)

    @property
    def output(self) -> pa.DataType:
        """Texts, as they came; what cannot be searched for is refused here, before the first."""
        _ = self._scanner
        return self.target.type

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the texts with what was found replaced.

        Raises:
            CellsError: with the positions of texts in which a value cannot be transformed.
        """
        texts = values.to_pylist()
        if self._is_keyed and not self.options.again:
            _refuse_marked(texts)
        places = self._found(texts)
        done = self._each_rule(places, lambda rule, some: rule.apply(some))
        new = _spliced(texts, places, done)
        if self._is_keyed and not self.options.again:
            _require_readable(new, places, done)
        return pa.array(new, self.target.type)

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the texts with what was reversible as it was.

        Raises:
            TokenError: with the positions of texts whose pseudonyms are not as they were written.
        """
        texts = values.to_pylist()
        places = self.marked(texts)
        return pa.array(_spliced(texts, places, self.originals(places)), self.target.type)

    def renewed(self, values: pa.Array, former: DetectText) -> pa.Array:
        """Return texts with the pseudonyms that ``former`` has made and can bring back made anew.

        Nothing else of the texts is looked at, and what cannot be brought back stays.

        Raises:
            CellsError: with the positions of texts whose pseudonyms cannot be read, or made anew.
        """
        texts = values.to_pylist()
        places = former.marked(texts)
        originals = former.originals(places)
        plain = [replace(one, value=value) for one, value in zip(places, originals, strict=True)]
        done = self._each_rule(plain, lambda rule, some: rule.apply(some))
        new = _spliced(texts, places, done)
        kept = _require_renewed(texts, new, places, done)
        self.count(RENEWED, len(places))
        self.count(KEPT, kept)
        return pa.array(new, self.target.type)

    def marked(self, texts: Sequence[str | None]) -> list[Place]:
        """Return the pseudonyms in texts that can be brought back."""
        places = []
        for row, text in enumerate(texts):
            for marked in marked_in(text or ""):
                name = self._rule_name(marked.type, marked.type)
                if name is not None and self._rules[name].is_reversible:
                    place = Place(
                        row, marked.start, marked.end, name, marked.type, marked.pseudonym
                    )
                    places.append(place)
        return places

    def originals(self, places: Sequence[Place]) -> list[str]:
        """Return what pseudonyms stand for.

        Raises:
            TokenError: with the positions of texts whose pseudonyms are not as they were written.
        """
        return self._each_rule(places, lambda rule, some: rule.reverse(some))

    def _found(self, texts: Sequence[str | None]) -> list[Place]:
        """Return the values in texts that are to be replaced."""
        rows = [row for row, text in enumerate(texts) if text]
        documents = [texts[row] or "" for row in rows]
        places = []
        found = self._scanner.scan(documents, self.target.column)
        for row, text, spans in zip(rows, documents, found, strict=True):
            self.count("texts_with_findings", bool(spans))
            for span in spans:
                self.count(f"{FOUND}{span.detector}", 1)
                name = self._rule_name(span.detector, span.entity) or EVERYTHING
                type_ = span.entity if name == EVERYTHING else name
                value = text[span.start : span.end]
                places.append(Place(row, span.start, span.end, name, type_, value))
        return places

    def _rule_name(self, detector: str, entity: str) -> str | None:
        """Return the rule for what a detector finds: its own, its entity's, or that for all."""
        return next((n for n in (detector, entity, EVERYTHING) if n in self._rules), None)

    def _each_rule(
        self, places: Sequence[Place], work: Callable[[EntityRule, list[Place]], list[str]]
    ) -> list[str]:
        """Return what rules make of places, all of a rule at once, in the order of the places."""
        by_rule: dict[str, list[int]] = {}
        for number, place in enumerate(places):
            by_rule.setdefault(place.rule, []).append(number)
        done = [""] * len(places)
        for name, numbers in by_rule.items():
            mine = [places[number] for number in numbers]
            try:
                results = work(self._rules[name], mine)
            except CellsError as error:
                rows = dict.fromkeys(mine[position].row for position in error.positions)
                reason = f"of the entity '{name}': {error.reason}"
                raise type(error)(error.column, reason, rows, error.cure) from None
            for number, result in zip(numbers, results, strict=True):
                done[number] = result
        for name in PASSED_ON:
            number = sum(rule.counts.get(name, 0) for rule in self._rules.values())
            if number:
                self.counts[name] = number
        return done


@dataclass(frozen=True, slots=True)
class EntityRule:
    """A rule bound to the values that it is for."""

    rule: Rule
    transform: Transform | None  # None for surrogates, which are numbered here

    @classmethod
    def of(cls, rule: Rule, target: Target) -> EntityRule:
        """Return a rule bound to values in the texts of a column.

        Raises:
            PolicyError: if that cannot be done.
        """
        if rule.technique.name == SURROGATE:
            return cls(rule, None)
        chosen = rule.policy
        place = f"rules.{rule.pattern}: '{rule.technique.name}' cannot be '{chosen}'"
        if rule.technique.is_keyed and chosen not in rule.technique.policies:
            raise PolicyError(f"{place}; use 'encrypt' or 'tokenise'")
        if chosen == "per_dataset" and not target.salt and rule.technique.is_keyed:
            raise PolicyError(f"{place} by itself; set 'policy: per_dataset' for the whole column")
        mine = replace(
            target,
            type=pa.string(),
            domain=rule.domain,
            policy=chosen,
            salt=target.salt if chosen == "per_dataset" else "",
        )
        transform = rule.technique.bind(rule.options, mine)
        if transform.needs or not is_text(transform.output):
            raise PolicyError(f"rules.{rule.pattern}: '{rule.technique.name}' makes no texts")
        return cls(rule, transform)

    @property
    def is_marked(self) -> bool:
        """Whether its pseudonyms carry a marker."""
        return self.rule.technique.is_keyed

    @property
    def is_reversible(self) -> bool:
        """Whether values can be had back."""
        return self.is_marked and self.rule.technique.is_reversible

    @property
    def counts(self) -> Mapping[str, int]:
        """Counts of its transform."""
        return {} if self.transform is None else self.transform.counts

    def apply(self, places: Sequence[Place]) -> list[str]:
        """Return what takes the place of values.

        Raises:
            CellsError: with the positions of values that cannot be transformed.
        """
        if self.transform is None:
            return _numbered(places)
        if self._is_bare_redaction:
            return [f"[{place.type.upper()}]" for place in places]
        done = self.transform.apply(pa.array([p.value for p in places], pa.string()), {})
        return [
            f"[{place.type.upper()}]"
            if new is None
            else mark(place.type, new)
            if self.is_marked
            else new
            for place, new in zip(places, done.to_pylist(), strict=True)
        ]

    def reverse(self, places: Sequence[Place]) -> list[str]:
        """Return the values of pseudonyms.

        Raises:
            CellsError: with the positions of pseudonyms that cannot be read.
        """
        if self.transform is None:
            raise AssertionError("surrogates have no way back")
        found = self.transform.reverse(pa.array([p.value for p in places], pa.string()), {})
        originals: list[str] = found.to_pylist()
        return originals

    @property
    def _is_bare_redaction(self) -> bool:
        options: Any = self.rule.options
        return self.rule.technique.name == "redact" and "text" not in options.model_fields_set


def _numbered(places: Sequence[Place]) -> list[str]:
    """Return ``[EMAIL 1]``, ``[EMAIL 2]`` … : the same number for the same value of a text."""
    known: dict[tuple[int, str], dict[str, int]] = {}
    numbered = []
    for place in places:
        mine = known.setdefault((place.row, place.type), {})
        number = mine.setdefault(_bare(place.value), len(mine) + 1)
        numbered.append(f"[{place.type.upper()} {number}]")
    return numbered


def _bare(value: str) -> str:
    """Return a value without what may differ between two spellings: case, spaces, hyphens."""
    return "".join(one for one in value.casefold() if not one.isspace() and one != "-")


def _spliced(
    texts: Sequence[str | None], places: Sequence[Place], new: Sequence[str]
) -> list[str | None]:
    """Return texts with something new at places, which are in their order."""
    result = list(texts)
    pieces: dict[int, list[str]] = {}
    ends: dict[int, int] = {}
    for place, piece in zip(places, new, strict=True):
        text = texts[place.row] or ""
        parts = pieces.setdefault(place.row, [])
        parts.append(text[ends.get(place.row, 0) : place.start])
        parts.append(piece)
        ends[place.row] = place.end
    for row, parts in pieces.items():
        result[row] = "".join(parts) + (texts[row] or "")[ends[row] :]
    return result


def _refuse_marked(texts: Sequence[str | None]) -> None:
    """Refuse texts with pseudonyms, so that nothing is pseudonymised twice unawares.

    Raises:
        AppliedTwiceError: with the positions of the texts.
    """
    rows = [row for row, text in enumerate(texts) if text and MARKER.search(text)]
    if rows:
        raise AppliedTwiceError(
            "texts", ALREADY, rows, "bring them back first, or set 'again: true' in the rule"
        )


def _require_readable(
    texts: Sequence[str | None], places: Sequence[Place], pieces: Sequence[str]
) -> None:
    """Refuse texts of which not just the pseudonyms that were written would be read back.

    Raises:
        CellsError: with the positions of the texts.
    """
    written: dict[int, list[str]] = {}
    for place, piece in zip(places, pieces, strict=True):
        mine = written.setdefault(place.row, [])
        if MARKER.match(piece):
            mine.append(piece)
    rows = [
        row
        for row, marked in written.items()
        if [text[one.start : one.end] for text in [texts[row] or ""] for one in marked_in(text)]
        != marked
    ]
    if rows:
        raise CellsError("texts", AMBIGUOUS, rows, "leave out the detector that finds such values")


def _require_renewed(
    texts: Sequence[str | None],
    new: Sequence[str | None],
    places: Sequence[Place],
    pieces: Sequence[str],
) -> int:
    """Return how many pseudonyms stay as they were; refuse texts that would not be read as such.

    Raises:
        CellsError: with the positions of the texts.
    """
    made = {(one.row, one.start): piece for one, piece in zip(places, pieces, strict=True)}
    kept, wrong = 0, []
    for row, (old, text) in enumerate(zip(texts, new, strict=True)):
        if old is None or text is None:
            continue
        wanted = []
        for one in marked_in(old):
            piece = made.get((row, one.start))
            kept += piece is None
            piece = old[one.start : one.end] if piece is None else piece
            if MARKER.match(piece):
                wanted.append(piece)
        if [text[one.start : one.end] for one in marked_in(text)] != wanted:
            wrong.append(row)
    if wrong:
        raise CellsError("texts", AMBIGUOUS, wrong, "bring them back and pseudonymise them again")
    return kept
