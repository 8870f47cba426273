"""Check a published table against what is claimed of it, from its rows alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.verify.claims import Claims, Finding, Verdict
from dataframe_anonymisation.verify.counting import SUPPRESSED, Counted, count
from dataframe_anonymisation.verify.measures import RELATIVE, test_of
from dataframe_anonymisation.verify.texts import comparable
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    import pandas as pd

UNTOLD = frozenset({"model", "attribute", "order", "tree", "value"})  # elsewhere, or cell values
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


def verify(frames: Iterable[pd.DataFrame], claims: Claims) -> Verdict:
    """Return what is found in the rows of a published table.

    Args:
        frames: its rows, in any number of frames.
        claims: what is to be checked.
    """
    hidden = claims.hidden if claims.exempt_suppressed else None
    strange: dict[str, str] = {}
    frames = _watched(frames, claims.masked, strange)
    counted = count(frames, [*claims.quasi_identifiers, *claims.attributes], claims.kinds, hidden)
    strange |= _strange_labels(claims, counted) | _strange_values(claims, counted)
    masked = _masked(claims, counted)
    suppressed = int(masked.sum())
    classes, findings = _findings(claims, counted, counted.counts - masked)
    with_masked = findings
    if suppressed:
        _, with_masked = _findings(claims, counted, counted.counts)
    rows = int(counted.counts.sum())
    return Verdict(rows, classes, suppressed, findings, with_masked, tuple(strange.items()), claims)


def _watched(
    frames: Iterable[pd.DataFrame], masked: Sequence[str], strange: dict[str, str]
) -> Iterator[pd.DataFrame]:
    """Yield frames, and note the columns that are not masked though they should be."""
    for frame in frames:
        for name in masked:
            if not (frame[name].astype(object) == SUPPRESSED).all():
                strange[name] = f"cells other than {SUPPRESSED!r}"
        yield frame


def _strange_labels(claims: Claims, counted: Counted) -> dict[str, str]:
    """Return the quasi-identifiers with labels that no class has."""
    strange = {}
    for place, name in enumerate(claims.quasi_identifiers):
        known = {_one_line(label) for label in claims.labels.get(name, ())}
        if "" in known:
            known.add(None)  # formats of text do not tell them apart
        found = {_one_line(row[place]) for row in counted.combinations}
        if known and not found <= known:
            strange[name] = "labels that no class has"
    return strange


def _strange_values(claims: Claims, counted: Counted) -> dict[str, str]:
    """Return the sensitive columns with a value that occurs more often than in the original.

    An empty text counts as missing, for some formats do not tell them apart.
    """
    strange = {}
    for place, name in enumerate(claims.attributes, len(claims.quasi_identifiers)):
        left = Counter[str | None]()
        for value, n in claims.reference.get(name, {}).items():
            left[_one_line(comparable(value, claims.kinds.get(name))) or None] += n
        if not left:
            continue
        left[None] += claims.suppressed or 0
        for row, n in zip(counted.combinations, counted.counts.tolist(), strict=True):
            left[_one_line(row[place]) or None] -= n
        if min(left.values()) < 0:
            strange[name] = "values that occur more often than in the original table"
    return strange


def _one_line(text: str | None) -> str | None:
    """Return a text without the difference of line ends, which some formats do not keep."""
    return text if text is None else " ".join(text.splitlines())


def _masked(claims: Claims, counted: Counted) -> np.ndarray:
    """Return how many rows of each combination are masked ones, and thus in no class.

    A masked row has ``*`` in every quasi-identifier, and none of its sensitive values. Of such rows
    no more are left out than there are said to be: others are of a class whose labels are all
    ``*`` and whose values were missing from the first.
    """
    width = len(claims.quasi_identifiers)
    is_star = np.array([set(row[:width]) == {SUPPRESSED} for row in counted.combinations], bool)
    masked: np.ndarray = np.where(is_star & counted.is_hidden, counted.counts, 0)
    return masked if claims.suppressed is None else np.minimum(masked, claims.suppressed)


def _findings(
    claims: Claims, counted: Counted, counts: np.ndarray
) -> tuple[int, tuple[Finding, ...]]:
    """Return the number of classes, and what holds of each model."""
    width = len(claims.quasi_identifiers)
    keep = counts > 0
    classes: dict[tuple[str | None, ...], int] = {}
    combinations = [row for row, kept in zip(counted.combinations, keep, strict=True) if kept]
    numbers = np.array(
        [classes.setdefault(row[:width], len(classes)) for row in combinations], np.int64
    )
    counted = Counted(counted.columns, combinations, counts[keep], counted.is_hidden[keep])
    sizes = np.bincount(numbers, weights=counted.counts, minlength=len(classes)).astype(np.int64)
    return len(classes), tuple(
        _finding(model, claims, counted, numbers, sizes) for model in claims.models
    )


def _finding(
    model: Mapping[str, Any],
    claims: Claims,
    counted: Counted,
    numbers: np.ndarray,
    sizes: np.ndarray,
) -> Finding:
    requested = {name: value for name, value in model.items() if name not in UNTOLD}
    name = model.get("attribute")
    if name is None:
        smallest = int(sizes.min()) if len(sizes) else 0
        failing = int(np.count_nonzero(sizes < model["k"]))
        return Finding(model["model"], None, requested, smallest, failing)
    place = counted.columns.index(name)
    model = _in_texts(model, claims.kinds.get(name))
    texts = [row[place] for row in counted.combinations]
    test, failing, worst = test_of(model), 0, None
    for sheet in _sheets(model, claims, texts, numbers, counted.counts, len(sizes)):
        _, fine, extreme = test(sheet)
        failing += int(np.count_nonzero(~fine))
        is_floor = model["model"] in {"distinct l-diversity", "entropy l-diversity"}
        best = min if is_floor else max
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
    model: Mapping[str, Any],
    claims: Claims,
    texts: Sequence[str | None],
    numbers: np.ndarray,
    counts: np.ndarray,
    classes: int,
) -> Iterable[_Sheet]:
    """Yield the classes as matrices of bounded size."""
    name = model["attribute"]
    kind = claims.kinds.get(name)
    reference: dict[str | None, int] = {}
    for value, n in claims.reference.get(name, {}).items():
        text = comparable(value, kind)
        reference[text] = reference.get(text, 0) + n
    if not reference:
        for text, n in zip(texts, counts.tolist(), strict=True):
            reference[text] = reference.get(text, 0) + n
    values = list(reference)
    places = {value: n for n, value in enumerate(values)}
    if any(text not in places for text in texts):  # a value that the original table has not
        values += [text for text in dict.fromkeys(texts) if text not in places]
        places = {value: n for n, value in enumerate(values)}
    whole = np.array([reference.get(value, 0) for value in values], float)
    columns = np.array([places[text] for text in texts], np.int64)
    order = _order(name, values, model["order"]) if model.get("distance") == "ordered" else ()
    paths = _paths(name, values, model["tree"]) if model.get("distance") == "hierarchical" else ()
    step = max(1, CELLS_AT_ONCE // max(len(values), 1))
    for first in range(0, classes, step):
        inside = (numbers >= first) & (numbers < first + step)
        matrix = np.zeros((min(step, classes - first), len(values)))
        np.add.at(matrix, (numbers[inside] - first, columns[inside]), counts[inside])
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
                "no numbers, or not in 'order'; declare it, or use the distance 'equal'."
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
