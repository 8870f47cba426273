import numpy as np
import pytest
from scipy.optimize import linprog

from dataframe_anonymisation.hierarchies import Hierarchy
from dataframe_anonymisation.models import TCloseness
from dataframe_anonymisation.table import Attribute, classes_of
from dataframe_anonymisation.table.contingency import Contingency
from dataframe_anonymisation.verify.measures import (
    equal_distance,
    ordered_distance,
    tree_distance,
)

SEEDS = range(12)


def transported(p, q, ground):
    """Return the least work of moving p to q, by linear programming."""
    m = len(p)
    supply = np.kron(np.eye(m), np.ones(m))
    demand = np.kron(np.ones(m), np.eye(m))
    found = linprog(
        ground.ravel(),
        A_eq=np.vstack([supply, demand]),
        b_eq=np.concatenate([p, q]),
        method="highs",
    )
    return found.fun


def random_tree(random, leaves):
    """Return rows of labels of random nested groups."""
    groups = [np.sort(random.integers(0, max(2, leaves // 2), leaves))]
    groups.append(groups[0] // 2)
    return [[str(n), f"a{groups[0][n]}", f"b{groups[1][n]}", "*"] for n in range(leaves)]


def height_of_meeting(first, second):
    return next(n for n, (a, b) in enumerate(zip(first, second, strict=True)) if a == b)


def ground_of(distance, rows):
    m, height = len(rows), len(rows[0]) - 1
    match distance:
        case "equal":
            return 1.0 - np.eye(m)
        case "ordered":
            return np.abs(np.subtract.outer(np.arange(m), np.arange(m))) / (m - 1)
        case _:
            return np.array([[height_of_meeting(a, b) / height for b in rows] for a in rows])


@pytest.mark.parametrize("distance", ["equal", "ordered", "hierarchical"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_distance_is_the_optimum_of_its_transport_problem(distance, seed):
    random = np.random.default_rng(seed)
    m = int(random.integers(3, 9))
    rows = random_tree(random, m)
    total = random.integers(1, 9, m)
    part = np.minimum(random.integers(0, 5, m), total)
    part[0] = max(part[0], 1)
    values = tuple(row[0] for row in rows)
    used = np.flatnonzero(part)
    attribute = Attribute(
        "value", values, np.zeros(len(used), np.int64), used, part[used], total.astype(np.int64)
    )
    taxonomy = Hierarchy.from_rows(rows).over("value", values)
    table = Contingency((), (), np.array([part.sum()]), {"value": attribute}, int(total.sum()))
    found = classes_of(table, np.zeros(1, np.int64), 1)
    model = TCloseness(t=0.5, attribute="value", distance=distance, taxonomy=taxonomy)
    expected = transported(part / part.sum(), total / total.sum(), ground_of(distance, rows))

    counts = part[None, :].astype(float)
    match distance:
        case "equal":
            checked = equal_distance(counts, total)
        case "ordered":
            checked = ordered_distance(counts, total, range(m))
        case _:
            checked = tree_distance(counts, total, rows)

    assert model.distances(found)[0] == pytest.approx(expected, abs=1e-9)
    assert checked[0] == pytest.approx(expected, abs=1e-9)
