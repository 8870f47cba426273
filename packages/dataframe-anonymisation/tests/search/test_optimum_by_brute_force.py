"""The optimum is compared with a plain search over every generalisation, written anew here."""

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest

from dataframe_anonymisation import (
    AlphaKAnonymity,
    AnonymisationPolicy,
    BetaLikeness,
    DeltaDisclosure,
    Hierarchy,
    KAnonymity,
    LDiversity,
    TCloseness,
    UnattainableError,
    anonymise,
)

ROWS_A = [["a1", "a", "*"], ["a2", "a", "*"], ["b1", "b", "*"], ["b2", "b", "*"], ["b3", "b", "*"]]
ROWS_B = [["x", "*"], ["y", "*"], ["z", "*"]]
ROWS_C = [[f"{n}", f"low{n // 3}", f"mid{n // 6}", "*"] for n in range(1, 12)]
ROWS = {"a": ROWS_A, "b": ROWS_B, "c": [[f"c{r[0]}", *r[1:]] for r in ROWS_C]}
MODELS = [
    [KAnonymity(k=2)],
    [KAnonymity(k=3), LDiversity(l=2)],
    [KAnonymity(k=2), LDiversity(l=1.6, variant="entropy")],
    [KAnonymity(k=2), LDiversity(l=2, variant="recursive", c=3)],
    [KAnonymity(k=2), TCloseness(t=0.35)],
    [AlphaKAnonymity(k=2, alpha=0.7)],
    [KAnonymity(k=2), DeltaDisclosure(delta=1.2)],
    [KAnonymity(k=2), BetaLikeness(beta=1.5)],
]


def table(seed):
    random = np.random.default_rng(seed)
    rows = int(random.integers(12, 40))
    columns = {
        name: random.choice([row[0] for row in levels], rows) for name, levels in ROWS.items()
    }
    return pd.DataFrame(columns | {"s": random.choice(["u", "v", "w"], rows, p=[0.5, 0.3, 0.2])})


def passes(model, values, whole):
    """Return whether a class satisfies a model, by its definition."""
    n, counts = len(values), Counter(values)
    total = sum(whole.values())
    p = {value: counts[value] / n for value in whole}
    q = {value: whole[value] / total for value in whole}
    ordered = sorted(counts.values(), reverse=True)
    match model.name:
        case "k-anonymity":
            return n >= model.k
        case "distinct l-diversity":
            return len(counts) >= model.l
        case "entropy l-diversity":
            entropy = -sum(x * math.log(x) for x in p.values() if x)
            return entropy >= math.log(model.l) - 1e-9
        case "recursive (c,l)-diversity":
            return ordered[0] < model.c * sum(ordered[model.l - 1 :])
        case "t-closeness":
            return sum(abs(p[v] - q[v]) for v in whole) / 2 <= model.t + 1e-9
        case "(α,k)-anonymity":
            return n >= model.k and ordered[0] / n <= model.alpha + 1e-12
        case "δ-disclosure privacy":
            return all(abs(math.log(p[v] / q[v])) < model.delta for v in counts)
        case "β-likeness":
            return all((p[v] - q[v]) / q[v] <= model.beta + 1e-9 for v in counts)


def least_loss(frame, models, limit):
    """Return the least loss of all generalisations, None if none satisfies the models."""
    whole = Counter(frame["s"])
    leaves = {name: set(frame[name]) | {row[0] for row in rows} for name, rows in ROWS.items()}
    best = None
    heights = [range(len(rows[0])) for rows in ROWS.values()]
    for levels in itertools.product(*heights):
        classes, loss = defaultdict(list), {}
        for row in frame.itertuples(index=False):
            label = []
            for name, level in zip(ROWS, levels, strict=True):
                path = next(r for r in ROWS[name] if r[0] == getattr(row, name))
                label.append(path[level])
                covered = [r for r in ROWS[name] if r[level] == path[level]]
                share = len(covered) / len(leaves[name]) if len(covered) > 1 else 0
                loss[name, path[level]] = share
            classes[tuple(label)].append(row.s)
        kept = {
            label: s for label, s in classes.items() if all(passes(m, s, whole) for m in models)
        }
        suppressed = len(frame) - sum(map(len, kept.values()))
        if suppressed > limit * len(frame):
            continue
        lost = suppressed * len(ROWS)
        lost += sum(
            loss[name, part] * len(s)
            for label, s in kept.items()
            for name, part in zip(ROWS, label, strict=True)
        )
        best = lost if best is None else min(best, lost)
    return None if best is None else best / len(frame) / len(ROWS)


@pytest.mark.parametrize("limit", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("models", MODELS, ids=lambda models: models[-1].name)
@pytest.mark.parametrize("seed", range(3))
def test_an_21_the_optimal_search_finds_the_least_loss_of_all_for_every_model(seed, models, limit):
    frame = table(seed)
    asked = AnonymisationPolicy(
        models=models,
        quasi_identifiers=list(ROWS),
        sensitive_attributes=["s"],
        hierarchies={name: Hierarchy.from_rows(rows) for name, rows in ROWS.items()},
        algorithm="optimal",
        suppression_limit=limit,
    )
    expected = least_loss(frame, models, limit)

    if expected is None:
        with pytest.raises(UnattainableError):
            anonymise(frame, asked)
        return
    _, report = anonymise(frame, asked)

    assert report["loss"]["gcp"] == pytest.approx(expected)
    assert report["optimal"] is True


def test_classes_of_equal_labels_satisfy_delta_disclosure_as_one():
    """a and b form a class, and so do c and d; readers see one, in which u is too rare."""
    values = {
        "a": "u" * 1 + "v" * 4 + "w" * 8,
        "b": "w" * 13,
        "c": "w" * 10,
        "d": "w" * 10,
        "e": "u" * 2 + "w" * 9,
        "f": "u" * 8 + "v" * 7 + "w" * 38,
    }
    rows = [(leaf, value) for leaf, held in values.items() for value in held]
    paths = {leaf: ["left", "*"] for leaf in "abcde"} | {"f": ["right", "*"]}
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=11), DeltaDisclosure(delta=1)],
        quasi_identifiers=["q"],
        sensitive_attributes=["s"],
        hierarchies={"q": Hierarchy.mapping(paths)},
        algorithm="mondrian",
        suppression_limit=0.0,
    )

    result, report = anonymise(pd.DataFrame(rows, columns=["q", "s"]), asked)

    whole = Counter(value for _, value in rows)
    assert report["verified"]["holds"]
    assert report["risk_after"]["classes"] > 1
    for _, part in result.groupby("q", observed=True):
        assert passes(asked.models[1], list(part["s"]), whole)
