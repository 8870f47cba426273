"""The heart: from a prepared table to classes that satisfy every model, or an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.errors import UnattainableError
from dataframe_anonymisation.models.k_anonymity import POPULATION
from dataframe_anonymisation.search.choose import find
from dataframe_anonymisation.search.own_labels import with_own_labels
from dataframe_anonymisation.search.solution import SUPPRESSED, Solution, all_hold
from dataframe_anonymisation.small_counts import in_words

if TYPE_CHECKING:
    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.preparing import Prepared
    from dataframe_anonymisation.table import Contingency

FEW_ROWS = 10  # so many suppressed rows, at least, share in what is told of all of them


@dataclass(frozen=True, slots=True)
class Solved:
    """A solution over all tuples, why its algorithm was chosen, and rows suppressed by reason."""

    prepared: Prepared
    solution: Solution
    reason: str
    suppressed: dict[str, int]

    @property
    def rows_suppressed(self) -> int:
        """How many rows are suppressed."""
        return sum(self.suppressed.values())

    @property
    def k(self) -> int:
        """How many rows or persons each class has by the models; 1 if none says so."""
        return max((getattr(model, "k", 1) for model in self.prepared.models), default=1)

    @property
    def withholds_distances(self) -> bool:
        """Whether so few rows are suppressed that distances to the original table tell of each.

        Who knows the published rows and how far they are from the original ones can compute the
        sensitive value of a row that is missing.
        """
        return 0 < self.rows_suppressed < max(self.k, FEW_ROWS)


def solve(policy: AnonymisationPolicy, prepared: Prepared) -> Solved:
    """Find classes that satisfy every model within the suppression limit.

    Raises:
        UnattainableError: if there are none, with the best that was seen.
    """
    table, free = prepared.table, prepared.free
    limit = int(np.floor(policy.suppression_limit * table.rows + 1e-9))
    barred = {why: int(table.counts[tuples].sum()) for why, tuples in prepared.barred.items()}
    used = table.rows - int(table.counts[free].sum())
    if used > limit:
        reasons = " and ".join(
            f"{in_words(count, policy.report_threshold)} with {why}"
            for why, count in barred.items()
        )
        raise UnattainableError(
            f"{reasons} would be suppressed, more than the {limit} rows that 'suppression_limit' "
            "allows; raise it or change the policy for these values."
        )
    part = table.about({*(model.attribute for model in prepared.models), POPULATION})
    part = part if len(free) == len(part) else part.select(free)
    weights = [policy.weights.get(name, 1.0) for name in policy.quasi_identifiers]
    found, reason = (None, "")
    if len(part):
        found, reason = find(
            policy.algorithm,
            part,
            prepared.models,
            budget=limit - used,
            weights=weights,
            styles=policy.labels,
        )
    if found is None and int(part.counts.sum()) <= limit - used:
        found = _nothing(part)
    if found is None:
        raise _unattainable(prepared, policy, limit)
    groups = np.full(len(table), SUPPRESSED, np.int64)
    groups[free] = found.groups
    solution = replace(found, groups=groups)
    prepared, solution = _with_own_labels(policy, prepared, solution)
    table = prepared.table
    remainder = solution.suppressed(table) - used
    solved = Solved(
        prepared,
        solution,
        reason,
        {**barred, "no class that satisfies the models": remainder},
    )
    _refuse_unsatisfied(policy, solved, limit)
    return solved


def _with_own_labels(
    policy: AnonymisationPolicy, prepared: Prepared, solution: Solution
) -> tuple[Prepared, Solution]:
    """Return classes with labels of their values where the policy wants them.

    Classes whose labels come out equal are one; where that undoes a model, the labels are those of
    hierarchies.
    """
    if not set(policy.labels.values()) - {"hierarchy"}:
        return prepared, solution
    for styles in (policy.labels, {}):
        table, labelled = with_own_labels(prepared.table, solution, styles)
        if all_hold(prepared.models, labelled.classes(table)).all():
            break
    return replace(prepared, table=table), labelled


def _nothing(table: Contingency) -> Solution:
    """Return the solution that suppresses all rows."""
    empty = tuple(np.zeros(0, np.int64) for _ in table.taxonomies)
    return Solution(np.full(len(table), SUPPRESSED, np.int64), empty, empty, "none")


def _refuse_unsatisfied(policy: AnonymisationPolicy, solved: Solved, limit: int) -> None:
    """Check what a search returned once more, on the classes as they are published."""
    prepared, solution = solved.prepared, solved.solution
    if solved.rows_suppressed > limit:
        raise _unattainable(prepared, policy, limit)
    classes = solution.classes(prepared.table)
    failing = np.count_nonzero(~all_hold(prepared.models, classes))
    if failing:
        raise UnattainableError(
            f"{failing} of {len(classes)} classes would not satisfy the models; nothing was made. "
            "Use the algorithm 'optimal', which tests these models at every generalisation."
        )
    if (
        policy.suppressed == "mask"
        and policy.suppressed_class == "tested"
        and solved.rows_suppressed
    ):
        from dataframe_anonymisation.table import classes_of

        rest = np.flatnonzero(solution.groups == SUPPRESSED)
        whole = classes_of(prepared.table.select(rest), np.zeros(len(rest), np.int64), 1)
        if not all_hold(prepared.models, whole)[0]:
            raise UnattainableError(
                f"The {solved.rows_suppressed} masked rows do not satisfy the models as a class of "
                "their own; drop them, or set 'suppressed_class' to 'exempt'."
            )


def _unattainable(prepared: Prepared, policy: AnonymisationPolicy, limit: int) -> UnattainableError:
    asked = ", ".join(map(str, prepared.models))
    hint = "raise 'suppression_limit', ask for less, or generalise further."
    if policy.algorithm == "optimal":
        hint = "raise 'suppression_limit', ask for less, or use the algorithm 'local'."
    return UnattainableError(
        f"No table satisfies {asked} with at most {limit} of {prepared.table.rows} rows "
        f"suppressed; {hint}"
    )
