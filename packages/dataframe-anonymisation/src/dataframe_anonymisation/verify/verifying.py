"""Check a published table against what is claimed of it, from its rows and the original ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.verify.claims import Claims, Finding, Verdict
from dataframe_anonymisation.verify.counting import (
    SUPPRESSED,
    Entries,
    Labels,
    Names,
    Published,
    Tally,
    count,
    summed,
)
from dataframe_anonymisation.verify.measures import RELATIVE, test_of
from dataframe_anonymisation.verify.original import (
    Original,
    count_original,
    count_population,
    uncovered,
)
from dataframe_anonymisation.verify.texts import comparable
from util_services.errors import ConfigurationError, quoted_name
from util_services.flow.written import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    import pandas as pd

UNTOLD = frozenset({"model", "attribute", "order", "tree", "value"})  # elsewhere, or cell values
FLOORS = frozenset({"distinct l-diversity", "entropy l-diversity"})
PERSONS = "k-anonymity of persons"
CELLS_AT_ONCE = 1 << 23


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Some classes of a table as a matrix of counts by value, and what tests need to know."""

    counts: np.ndarray
    values: Sequence[str | None]
    whole: np.ndarray
    order: Sequence[int]
    paths: Sequence[Sequence[str | None]]

    @property
    def missing(self) -> int | None:
        return self.place(None)

    def place(self, value: str | None) -> int | None:
        return self.values.index(value) if value in self.values else None


@dataclass(frozen=True, slots=True)
class _Tested:
    """The classes that models are tested on.

    Attributes:
        sizes: how many rows each has.
        persons: how many persons each has; None where no entity is named.
        population: how many rows of a population each has; None where there is none.
        entries: of each attribute, how often each text occurs in each class.
        whole: of each attribute, how often each text occurs in the table that classes are
            compared with.
    """

    sizes: np.ndarray
    persons: np.ndarray | None
    population: np.ndarray | None
    entries: Mapping[str, Entries]
    whole: Mapping[str, np.ndarray]


def verify(
    frames: Iterable[pd.DataFrame],
    claims: Claims,
    original: Iterable[pd.DataFrame] | None = None,
    population: Iterable[pd.DataFrame] | None = None,
) -> Verdict:
    """Return what is found in the rows of a published table.

    Args:
        frames: its rows, in any number of frames.
        claims: what is to be checked.
        original: the rows of the original table, where a relabelling is claimed.
        population: the quasi-identifiers of a population table, where there is one.
    """
    names, told = Names(), _Strange()
    published = count(told.watched(frames, claims), claims, names)
    source, claimed = None, claims.suppressed
    if claims.relabelling is not None and original is not None:
        source = count_original(original, claims, claims.relabelling, names)
        if population is not None:
            count_population(population, claims, claims.relabelling, source, names)
        claimed = source.suppressed if claims.exempt_suppressed else None
        told.compare(published.tally, source, claims, names)
    rows = published.tally.rows(len(names.classes))
    masked = _masked(claims, names, rows, claimed)
    tested = _tested(claims, names, published, source, masked)
    findings = with_masked = _findings(claims, names, tested)
    if masked:
        with_masked = _findings(claims, names, _tested(claims, names, published, source, 0))
    return Verdict(
        int(rows.sum()),
        len(tested.sizes),
        masked,
        findings,
        with_masked,
        tuple(dict.fromkeys(told.sentences)),
        claims,
        int((tested.sizes if tested.persons is None else tested.persons).sum()),
        is_meant_empty=source is not None and source.rows == source.suppressed,
    )


class _Strange:
    """Collects what is not as it was claimed of columns and cells."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def watched(self, frames: Iterable[pd.DataFrame], claims: Claims) -> Iterator[pd.DataFrame]:
        """Yield frames, and note columns that should not be there or are not masked."""
        for frame in frames:
            columns = frame.attrs.get(COLUMNS, list(frame.columns))
            if claims.published is not None and columns != list(claims.published):
                self.sentences.append("the columns are not those that were claimed")
            for name in claims.masked:
                if not (frame[name].astype(object) == SUPPRESSED).all():
                    self.sentences.append(f"{quoted_name(name)} has cells other than '*'")
            yield frame

    def compare(self, published: Tally, source: Original, claims: Claims, names: Names) -> None:
        """Note where published rows are not what was claimed to become of the original ones."""
        if claims.relabelling is not None:
            self.sentences += uncovered(claims.relabelling)
        if source.unknown:
            self.sentences.append(
                f"{source.unknown} rows of the original table are accounted for by no class"
            )
        kept = _Kept()
        classes = _numbered(tuple(map(kept.__getitem__, labels)) for labels, _ in names.classes)
        found, meant = (
            np.bincount(classes, tally.rows(len(classes)), minlength=len(classes))
            for tally in (published, source.expected)
        )
        wrong = int(np.abs(found - meant).sum())
        if wrong:
            self.sentences.append(
                f"classes have {wrong} rows more or fewer than the original table says"
            )
        for name in claims.attributes:
            texts = _numbered(kept[text] for text in names.texts.get(name, ()))
            shown, expected = (
                _cells(tally.entries(name), classes, texts)
                for tally in (published, source.expected)
            )
            if shown != expected:
                self.sentences.append(
                    f"{quoted_name(name)} has other values than the rows of the original table "
                    "that its classes stand for"
                )


def _cells(entries: Entries, classes: np.ndarray, texts: np.ndarray) -> dict[tuple[int, int], int]:
    first, second, counts = summed(classes[entries[0]], texts[entries[1]], entries[2])
    keys = zip(first.tolist(), second.tolist(), strict=True)
    return dict(zip(keys, counts.tolist(), strict=True))


class _Kept(dict[str | None, str | None]):
    """What text formats keep of each text.

    They do not tell an empty one from a missing one, nor line ends from one another.
    """

    def __missing__(self, text: str | None) -> str | None:
        self[text] = " ".join(text.splitlines()) or None if text is not None else None
        return self[text]


def _numbered(keys: Iterable[Any]) -> np.ndarray:
    """Return a number for each key, the same for equal ones."""
    known: dict[Any, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], np.int64)


def _masked(claims: Claims, names: Names, rows: np.ndarray, claimed: int | None) -> int:
    """Return how many rows are masked ones, and thus in no class.

    A masked row has ``*`` in every quasi-identifier, and none of its sensitive values. Of such rows
    no more are left out than there are said to be: others are of a class whose labels are all
    ``*`` and whose values were missing from the first.
    """
    if not claims.exempt_suppressed:
        return 0
    stars = ((SUPPRESSED,) * len(claims.quasi_identifiers), True)
    found = int(rows[names.classes[stars]]) if stars in names.classes else 0
    return found if claimed is None else min(found, claimed)


def _findings(claims: Claims, names: Names, tested: _Tested) -> tuple[Finding, ...]:
    """Return what holds of each model."""
    return tuple(_finding(model, claims, names, tested) for model in claims.models)


def _tested(
    claims: Claims, names: Names, published: Published, source: Original | None, masked: int
) -> _Tested:
    """Return the classes that are tested, without so many masked rows."""
    stars = (SUPPRESSED,) * len(claims.quasi_identifiers)
    rows = published.tally.rows(len(names.classes))
    if masked:
        rows[names.classes[stars, True]] -= masked
    classes: dict[Labels, int] = {}
    numbers = np.full(len(names.classes), -1, np.int64)
    for (labels, _), number in names.classes.items():
        if rows[number] > 0:
            numbers[number] = classes.setdefault(labels, len(classes))
    kept = numbers >= 0
    sizes = np.bincount(numbers[kept], rows[kept], minlength=len(classes)).astype(np.int64)
    entries: dict[str, Entries] = {}
    whole: dict[str, np.ndarray] = {}
    people, persons = None, None
    if source is not None and claims.entity is not None:
        is_published = claims.relabelling is not None and claims.relabelling.is_masked
        if is_published and not masked and stars in classes:
            numbers[source.left_out] = classes[stars]
        people = source.persons
    elif claims.counts_published_persons:
        people = published.persons
    if people is not None:
        persons = people.sizes(numbers, len(classes))
    for name in claims.attributes:
        found = published.tally.entries(name)
        if masked:
            found = _without(found, names.classes[stars, True], names.texts[name][None], masked)
        of_all = found if source is None else source.whole.entries(name)
        found = summed(numbers[found[0]], *found[1:])
        if people is not None:
            found = people.entries(name, numbers)
            of_all = people.entries(name, np.minimum(numbers, 0))  # all classes as one
            if source is not None:  # whose suppressed rows count too
                of_all = source.everybody.entries(name, np.zeros(1, np.int64))
        entries[name] = found
        whole[name] = np.bincount(of_all[1], of_all[2], minlength=len(names.texts.get(name, ())))
    population = None
    if source is not None and claims.has_population:
        counted = source.population.rows(len(numbers))
        population = np.bincount(numbers[kept], counted[kept], minlength=len(classes))
    return _Tested(sizes, persons, population, entries, whole)


def _without(entries: Entries, number: int, text: int, masked: int) -> Entries:
    """Return entries without masked rows, whose cells are missing."""
    classes, codes, counts = entries
    counts = np.where((classes == number) & (codes == text), counts - masked, counts)
    kept = counts > 0
    return classes[kept], codes[kept], counts[kept]


def _finding(model: Mapping[str, Any], claims: Claims, names: Names, tested: _Tested) -> Finding:
    requested = {name: value for name, value in model.items() if name not in UNTOLD}
    name = model.get("attribute")
    if name is None:
        sizes = tested.sizes
        if model["model"] == PERSONS and tested.persons is not None:
            sizes = tested.persons
        if model["model"] == "k-map":
            if tested.population is None:
                raise ConfigurationError("k-map is checked where its population is, in a policy.")
            sizes = tested.population
        smallest = int(sizes.min()) if len(sizes) else 0
        failing = int(np.count_nonzero(sizes < model["k"]))
        return Finding(model["model"], None, requested, smallest, failing)
    model = _in_texts(model, claims.kinds.get(name))
    test, failing, worst = test_of(model), 0, None
    best = min if model["model"] in FLOORS else max
    for sheet in _sheets(model, list(names.texts.get(name, ())), tested):
        _, fine, extreme = test(sheet)
        failing += int(np.count_nonzero(~fine))
        worst = extreme if worst is None else best(worst, extreme)
    measured = float(worst) if worst is not None and math.isfinite(worst) else None
    if claims.withhold_distances and model["model"] in RELATIVE:
        measured = None
    return Finding(model["model"], name, requested, measured, failing)


def _in_texts(model: Mapping[str, Any], kind: str | None) -> Mapping[str, Any]:
    """Return a model whose values are the texts of cells."""
    known = dict(model)
    if "value" in model:
        known["value"] = comparable(model["value"], kind)
    known["order"] = [comparable(value, kind) for value in model.get("order", ())]
    known["tree"] = {comparable(v, kind): path for v, path in model.get("tree", {}).items()}
    return known


def _sheets(
    model: Mapping[str, Any], texts: Sequence[str | None], tested: _Tested
) -> Iterable[_Sheet]:
    """Yield the classes as matrices of bounded size, with a column for each text that occurs."""
    name = model["attribute"]
    classes, codes, counts = tested.entries[name]
    occurs = tested.whole[name] > 0
    occurs[codes] = True
    used = np.flatnonzero(occurs)
    values = [texts[place] for place in used.tolist()]
    columns = (np.cumsum(occurs) - 1)[codes]
    whole = tested.whole[name][used].astype(float)
    order = _order(name, values, model["order"]) if model.get("distance") == "ordered" else ()
    paths = _paths(name, values, model["tree"]) if model.get("distance") == "hierarchical" else ()
    step = max(1, CELLS_AT_ONCE // max(len(values), 1))
    for first in range(0, len(tested.sizes), step):
        inside = (classes >= first) & (classes < first + step)
        matrix = np.zeros((min(step, len(tested.sizes) - first), len(values)))
        np.add.at(matrix, (classes[inside] - first, columns[inside]), counts[inside])
        yield _Sheet(matrix, values, whole, order, paths)


def _order(name: str, values: Sequence[str | None], declared: Sequence[str | None]) -> list[int]:
    """Return the places of values in their declared order, else of numbers; missing is last.

    Raises:
        ConfigurationError: if a value has no place in the order.
    """
    ranks = {value: float(n) for n, value in enumerate(declared)}

    def rank(place: int) -> float:
        value = values[place]
        if value is None:
            return math.inf
        try:
            return ranks[value] if declared else float(value)
        except (KeyError, ValueError):
            raise ConfigurationError(
                f"The ordered distance needs an order, and {quoted_name(name)} has values that are "
                "no numbers, or not in their declared order; give them all as 'values_in_order' "
                "(in Python as 'order' of the model), or use the distance 'equal'."
            ) from None

    return sorted(range(len(values)), key=rank)


def _paths(
    name: str, values: Sequence[str | None], tree: Mapping[str | None, Sequence[str | None]]
) -> list[Sequence[str | None]]:
    """Return the labels of each value up to the root; a missing one is a leaf below the root.

    Raises:
        ConfigurationError: if the hierarchy lacks a value.
    """
    if any(value is not None and value not in tree for value in values):
        raise ConfigurationError(
            f"The hierarchy of {quoted_name(name)} lacks values of the column; add them."
        )
    path = next(iter(tree.values()), [SUPPRESSED])
    lone = [*([None] * (len(path) - 1)), path[-1]]
    return [tree.get(value, lone) for value in values]
