"""From encoded columns to the contingency table and the models that are tested on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataframe_anonymisation.errors import PolicyError, UncoveredValuesError
from dataframe_anonymisation.hierarchies import Hierarchy, Taxonomy
from dataframe_anonymisation.models import KMap, Model, TCloseness, of_persons
from dataframe_anonymisation.models.k_anonymity import POPULATION
from dataframe_anonymisation.population import count_population
from dataframe_anonymisation.table import Cells, Contingency, tabulate
from dataframe_anonymisation.values import plain_number
from util_services.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.values import Values


@dataclass(frozen=True, slots=True)
class Encoded:
    """A column as codes, the text of each code, whether it is one of numbers, and its kind."""

    codes: np.ndarray
    values: Values
    is_numeric: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Protected:
    """The cells of a protected column, and whose they are.

    Attributes:
        column: the cells.
        rows: of each cell, its row among those of the quasi-identifiers.
        counts: how many rows each cell stands for.
        persons: of each cell, the number of its person; None where rows are counted.
    """

    column: Encoded
    rows: Any
    counts: np.ndarray
    persons: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Population:
    """The quasi-identifiers of a population table, and how many rows each row stands for."""

    columns: Mapping[str, Encoded]
    counts: np.ndarray


@dataclass(frozen=True, slots=True)
class Prepared:
    """What searches need.

    Attributes:
        table: the contingency table of all rows.
        models: the models, with what they need to know of the table.
        tuples: the tuple of each row that was given.
        kinds: what the cells of each column are that classes are made of or tested on.
        barred: the tuples that are suppressed whatever a search finds, by what bars them; each
            tuple stands once.
    """

    table: Contingency
    models: tuple[Model, ...]
    tuples: np.ndarray
    kinds: Mapping[str, str]
    barred: Mapping[str, np.ndarray]

    @property
    def free(self) -> np.ndarray:
        """The tuples that are not barred."""
        is_free = np.ones(len(self.table), bool)
        for tuples in self.barred.values():
            is_free[tuples] = False
        return np.flatnonzero(is_free)


def prepare(
    policy: AnonymisationPolicy,
    columns: Mapping[str, Encoded],
    protected: Mapping[str, Protected],
    counts: np.ndarray | None = None,
    population: Population | None = None,
) -> Prepared:
    """Fit hierarchies to the values, count tuples, and refuse what no table can satisfy.

    Args:
        policy: what is asked for.
        columns: the quasi-identifiers.
        protected: the columns whose distribution in classes is counted.
        counts: how many rows each given row stands for; 1 if not given.
        population: the quasi-identifiers of a population table.

    Raises:
        UncoveredValuesError: if hierarchies lack values of their columns.
        UnattainableError: if a model cannot be met by any table made of this one.
    """
    columns = {name: _in_order(column) for name, column in columns.items()}
    protected = {
        name: replace(one, column=_in_order(one.column)) for name, one in protected.items()
    }
    _refuse_missing(policy, columns)
    unknown = _unknown(policy, columns, protected)
    taxonomies, codes = [], []
    for name in policy.quasi_identifiers:
        taxonomy = _taxonomy(policy, name, columns[name])
        places = np.array([taxonomy.index[value] for value in columns[name].values], np.int32)
        taxonomies.append(taxonomy)
        codes.append(places[columns[name].codes])
    attributes = {
        name: Cells(one.rows, one.column.codes, one.column.values, one.counts, one.persons)
        for name, one in protected.items()
    }
    _refuse_no_means(policy, taxonomies)
    table, tuples = tabulate(taxonomies, codes, attributes, counts)
    if population is not None:
        found = count_population(table, population.columns, population.counts)
        table = replace(table, attributes={**table.attributes, POPULATION: found})
    elif any(isinstance(model, KMap) for model in policy.models):
        raise PolicyError("k-map needs a population table; give it as 'population'.")
    models = tuple(bound for model in policy.models for bound in _bound(model, policy, protected))
    for model in models:
        model.check(table, policy.suppression_limit * table.rows)
    kinds = {name: column.kind for name, column in columns.items()}
    kinds |= {name: one.column.kind for name, one in protected.items()}
    return Prepared(table, models, tuples, kinds, _barred(policy, table, unknown))


def _in_order(column: Encoded) -> Encoded:
    """Return a column whose codes are in the order of its texts, whatever that of its rows is."""
    texts = pa.array(column.values, pa.large_string())
    order = pc.array_sort_indices(texts)
    places = np.empty(len(order), np.int32)
    places[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    values = tuple(texts.take(order).to_pylist())
    return Encoded(places[column.codes], values, column.is_numeric, column.kind)


def _refuse_missing(policy: AnonymisationPolicy, columns: Mapping[str, Encoded]) -> None:
    if policy.missing_quasi_identifiers == "error":
        found = [name for name in policy.quasi_identifiers if None in columns[name].values]
        if found:
            raise PolicyError(
                f"Quasi-identifiers have missing values: {quoted(found)}; fill them, or set "
                "'missing_quasi_identifiers' to 'value' or 'suppress'."
            )


def _refuse_no_means(policy: AnonymisationPolicy, taxonomies: Sequence[Taxonomy]) -> None:
    for taxonomy in taxonomies:
        if policy.labels.get(taxonomy.column) == "mean" and not _are_numbers(taxonomy):
            raise PolicyError(
                f"{quoted([taxonomy.column])} has values that are no numbers, or a hierarchy that "
                "does not follow their order, and thus no means; use the labels 'values'."
            )


def _are_numbers(taxonomy: Taxonomy) -> bool:
    """Return whether values stand in the order of the numbers that they are; dates are none."""
    return taxonomy.numbers is not None and all(
        leaf is None or plain_number(leaf) == number
        for leaf, number in zip(taxonomy.leaves, taxonomy.numbers.tolist(), strict=True)
    )


def _unknown(
    policy: AnonymisationPolicy,
    columns: Mapping[str, Encoded],
    protected: Mapping[str, Protected],
) -> dict[str, frozenset[str | None]]:
    """Return the values of each quasi-identifier that its hierarchy lacks.

    Raises:
        UncoveredValuesError: if there are some that are to have none, or sensitive values lack in
            the hierarchy of their distances.
    """
    sensitive = {
        str(model.attribute): protected[str(model.attribute)].column
        for model in policy.models
        if isinstance(model, TCloseness) and model.distance == "hierarchical"
    }
    unknown: dict[str, frozenset[str | None]] = {}
    for name, column in {**columns, **sensitive}.items():
        values = [value for value in column.values if value is not None]
        lacking = _hierarchy(policy, name).unknown(values, is_numeric=column.is_numeric)
        if lacking:
            unknown[name] = frozenset(lacking)
    refused = {"error": set(unknown), "suppress": set(sensitive), "own_leaf": set[str]()}
    counts = {
        name: len(values)
        for name, values in unknown.items()
        if name in refused[policy.unknown_values]
    }
    if counts:
        raise UncoveredValuesError(counts)
    return unknown


def _hierarchy(policy: AnonymisationPolicy, name: str) -> Hierarchy:
    hierarchy = policy.hierarchies.get(name, Hierarchy.auto())
    return hierarchy.stripped() if policy.strip and name in policy.quasi_identifiers else hierarchy


def _taxonomy(policy: AnonymisationPolicy, name: str, column: Encoded) -> Taxonomy:
    return _hierarchy(policy, name).over(name, column.values, is_numeric=column.is_numeric)


def _bound(
    model: Model, policy: AnonymisationPolicy, protected: Mapping[str, Protected]
) -> tuple[Model, ...]:
    """Return a model that knows persons and taxonomies; every k counts persons."""
    if isinstance(model, TCloseness) and model.distance == "hierarchical":
        name = str(model.attribute)
        return (replace(model, taxonomy=_taxonomy(policy, name, protected[name].column)),)
    return (model,) if policy.entity is None else of_persons(model, policy.entity)


def _barred(
    policy: AnonymisationPolicy, table: Contingency, unknown: Mapping[str, frozenset[str | None]]
) -> dict[str, np.ndarray]:
    """Return the tuples that are suppressed for what is in them, each by the first reason."""
    reasons: dict[str, Mapping[str, frozenset[str | None]]] = {}
    if policy.missing_quasi_identifiers == "suppress":
        reasons["missing values"] = {t.column: frozenset([None]) for t in table.taxonomies}
    if policy.unknown_values == "suppress" and unknown:
        reasons["values unknown to hierarchies"] = unknown
    barred: dict[str, np.ndarray] = {}
    is_barred = np.zeros(len(table), bool)
    for reason, values in reasons.items():
        tuples = np.setdiff1d(_with_values(table, values), np.flatnonzero(is_barred))
        is_barred[tuples] = True
        if len(tuples):
            barred[reason] = tuples
    return barred


def _with_values(table: Contingency, values: Mapping[str, frozenset[str | None]]) -> np.ndarray:
    found = np.zeros(len(table), bool)
    for taxonomy, codes in zip(table.taxonomies, table.codes, strict=True):
        wanted = values.get(taxonomy.column, frozenset())
        places = np.fromiter((leaf in wanted for leaf in taxonomy.leaves), bool)
        found |= places[codes]
    return np.flatnonzero(found)
