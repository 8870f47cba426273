"""Privacy models by their definitions, on a matrix of counts: a row per class, a column per value.

This restates the definitions on purpose: it shares no code with the models that searches test.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Matrix = np.ndarray
EPSILON = 1e-9
RELATIVE = frozenset({"t-closeness", "δ-disclosure privacy", "β-likeness"})


def distinct(counts: Matrix, missing: int | None) -> np.ndarray:
    """Return how many values each class has; a missing one is none."""
    seen = counts > 0
    if missing is not None:
        seen = np.delete(seen, missing, axis=1)
    return seen.sum(axis=1)


def effective(counts: Matrix) -> np.ndarray:
    """Return exp of the entropy of each class."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares), 0.0)
    return np.exp(-terms.sum(axis=1))


def recursive(counts: Matrix, least: int) -> np.ndarray:
    """Return the quotient of the most frequent value and all from the ``least``-th on."""
    ordered = -np.sort(-counts, axis=1)
    tail = ordered[:, least - 1 :].sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.where(tail > 0, ordered[:, 0] / np.where(tail > 0, tail, 1), math.inf)


def largest_share(counts: Matrix) -> np.ndarray:
    """Return the share of the most frequent value of each class."""
    return counts.max(axis=1) / counts.sum(axis=1)


def equal_distance(counts: Matrix, whole: np.ndarray) -> np.ndarray:
    """Return half the sum of differences to the whole (variational distance)."""
    return 0.5 * np.abs(_difference(counts, whole)).sum(axis=1)


def ordered_distance(counts: Matrix, whole: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Return the earth mover's distance where neighbours in an order are 1/(m-1) apart."""
    steps = len(order) - 1
    if steps < 1:
        return np.zeros(len(counts))
    carried = np.cumsum(_difference(counts, whole)[:, list(order)], axis=1)
    return np.abs(carried[:, :-1]).sum(axis=1) / steps


def tree_distance(
    counts: Matrix, whole: np.ndarray, paths: Sequence[Sequence[str | None]]
) -> np.ndarray:
    """Return the earth mover's distance over a tree, from the paths of values to its root.

    Two values are as far apart as their lowest common ancestor is high. Mass moves out of a subtree
    only if it cannot be balanced inside: what crosses the edge above a node of height h is
    |extra(node)|, and each unit that meets another at height h has crossed two edges.
    """
    height = len(paths[0]) - 1
    if height < 1:
        return np.zeros(len(counts))
    extra = _difference(counts, whole)
    crossed = []
    for level in range(height):
        names = [tuple(path[level:]) for path in paths]
        nodes = {name: n for n, name in enumerate(dict.fromkeys(names))}
        sums = np.zeros((len(counts), len(nodes)))
        for value, name in enumerate(names):
            sums[:, nodes[name]] += extra[:, value]
        crossed.append(np.abs(sums).sum(axis=1) / 2)
    return np.sum(crossed, axis=0) / height


def log_ratio(counts: Matrix, whole: np.ndarray) -> np.ndarray:
    """Return the largest |ln(p/q)| over the values that a class has."""
    shares, total = counts / counts.sum(axis=1, keepdims=True), whole / whole.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shares > 0, np.abs(np.log(shares / total)), 0.0).max(axis=1)


def gains(counts: Matrix, whole: np.ndarray) -> Matrix:
    """Return (p-q)/q of each value of each class; infinite where only the class has the value."""
    shares, total = counts / counts.sum(axis=1, keepdims=True), whole / whole.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gained: Matrix = np.where((total == 0) & (shares == 0), 0.0, (shares - total) / total)
    return gained


def share_of(counts: Matrix, value: int | None) -> np.ndarray:
    """Return the share of one value."""
    sizes = counts.sum(axis=1)
    return np.zeros(len(counts)) if value is None else counts[:, value] / sizes


def _difference(counts: Matrix, whole: np.ndarray) -> Matrix:
    return counts / counts.sum(axis=1, keepdims=True) - whole / whole.sum()


def test_of(model: Mapping[str, Any]) -> Callable[[Any], tuple[np.ndarray, np.ndarray, Any]]:
    """Return the test of a model: from a sheet to measures, whether they hold, and the worst.

    Raises:
        KeyError: if the model is not known.
    """
    return _TESTS[model["model"]](model)


def _distinct(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = distinct(sheet.counts, None if model.get("missing_counts") else sheet.missing)
        return found, found >= model["l"], found.min(initial=0) if len(found) == 0 else found.min()

    return test


def _entropy(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = effective(sheet.counts)
        return found, np.log(found) >= math.log(model["l"]) - EPSILON, found.min()

    return test


def _recursive(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = recursive(sheet.counts, model["l"])
        return found, found < model["c"], found.max()

    return test


def _alpha(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = largest_share(sheet.counts)
        fine = (found <= model["alpha"] + EPSILON) & (sheet.counts.sum(axis=1) >= model["k"])
        return found, fine, found.max()

    return test


def _closeness(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        match model["distance"]:
            case "ordered":
                found = ordered_distance(sheet.counts, sheet.whole, sheet.order)
            case "hierarchical":
                found = tree_distance(sheet.counts, sheet.whole, sheet.paths)
            case _:
                found = equal_distance(sheet.counts, sheet.whole)
        return found, found <= model["t"] + EPSILON, found.max()

    return test


def _disclosure(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = log_ratio(sheet.counts, sheet.whole)
        if model.get("zero") == "fail":
            found = np.where((sheet.counts[:, sheet.whole > 0] == 0).any(axis=1), math.inf, found)
        return found, found < model["delta"], found.max()

    return test


def _likeness(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = gains(sheet.counts, sheet.whole)
        bound: Any = model["beta"]
        if model.get("enhanced"):
            with np.errstate(divide="ignore"):
                bound = np.minimum(bound, -np.log(sheet.whole / sheet.whole.sum()))
        fine = ((found <= bound + EPSILON) | (sheet.counts == 0)).all(axis=1)
        return found.max(axis=1), fine, found.max()

    return test


def _presence(model: Mapping[str, Any]) -> Any:
    def test(sheet: Any) -> Any:
        found = share_of(sheet.counts, sheet.place(model.get("value", "1")))
        fine = (found >= model["minimum"] - EPSILON) & (found <= model["maximum"] + EPSILON)
        return found, fine, found.max()

    return test


_TESTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "distinct l-diversity": _distinct,
    "entropy l-diversity": _entropy,
    "recursive (c,l)-diversity": _recursive,
    "(α,k)-anonymity": _alpha,
    "t-closeness": _closeness,
    "δ-disclosure privacy": _disclosure,
    "β-likeness": _likeness,
    "δ-presence": _presence,
}
