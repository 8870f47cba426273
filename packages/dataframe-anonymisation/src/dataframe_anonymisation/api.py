"""Anonymisation and risk as calls on a pandas DataFrame, with the same results as their jobs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataframe_anonymisation.claiming import claims_of
from dataframe_anonymisation.differential.facts import LIMITS as PRIVATE_LIMITS
from dataframe_anonymisation.differential.facts import facts_of
from dataframe_anonymisation.errors import VerificationError
from dataframe_anonymisation.facts import build_facts
from dataframe_anonymisation.labelling import Labelling, cells_of
from dataframe_anonymisation.models import Model, of_persons
from dataframe_anonymisation.models.base import between
from dataframe_anonymisation.policy import classified
from dataframe_anonymisation.preparing import Encoded, Population, Protected, prepare
from dataframe_anonymisation.private_counting import count_table
from dataframe_anonymisation.reporting import LIMITS
from dataframe_anonymisation.risk import RISK_THRESHOLD
from dataframe_anonymisation.risk_of_columns import assess, refuse_entity
from dataframe_anonymisation.solving import solve
from dataframe_anonymisation.table.keys import fold
from dataframe_anonymisation.values import array_of, encode, is_numeric, kind_of
from dataframe_anonymisation.verify import Claims, Verdict, verify
from dataframe_anonymisation.warnings import build_warnings, published_as_they_are
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import ConfigurationError, DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dataframe_anonymisation.differential import PrivateCounts
    from dataframe_anonymisation.policy import AnonymisationPolicy

PIECE_ROWS = 1_000_000


def anonymise(
    frame: pd.DataFrame,
    policy: AnonymisationPolicy,
    *,
    population: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return an anonymised copy of a frame, and a report without cell values.

    The frame is not changed. Quasi-identifiers come back as categories of texts: the value itself,
    a label of its hierarchy, or ``*``. Sensitive and insensitive columns keep values and dtypes,
    identifiers are ``*`` or gone. The index is new, and the order of rows is that of what is
    published, unless the policy says otherwise. The result is checked by code that shares nothing
    with the search before it is returned.

    Args:
        frame: the table.
        policy: what is asked for.
        population: a table of all people that rows may be of, with the quasi-identifiers as
            columns, for k-map and for the journalist's and the marketer's risk.

    Raises:
        PolicyError: if the policy does not fit the frame.
        UncoveredValuesError: if hierarchies lack values.
        UnattainableError: if the models cannot be met within the suppression limit.
    """
    _refuse_no_frame(frame)
    published, strangers = classified(policy, list(frame.columns))
    quasi = {
        name: encoded(frame[name], name, strip=policy.strip) for name in policy.quasi_identifiers
    }
    prepared = prepare(
        policy, quasi, _protected(frame, policy), population=_population(population, policy)
    )
    solved = solve(policy, prepared)
    labelling = Labelling(policy, solved, published, as_categories=True)
    result = labelling(frame, solved.solution.groups[prepared.tuples])
    if policy.order == "canonical":
        result = _sorted(result, policy)
    verdict = verified(result, claims_of(policy, solved, published), frame, population)
    report = build_facts(policy, solved, verdict, strangers)
    distinct = _distinct(frame, published_as_they_are(policy, strangers))
    report["warnings"] = list(build_warnings(policy, solved, strangers, distinct))
    report["limits"] = list(LIMITS)
    return result, report


def assess_risk(
    frame: pd.DataFrame,
    quasi_identifiers: Sequence[str],
    *,
    threshold: float = RISK_THRESHOLD,
    entity: str | None = None,
) -> dict[str, Any]:
    """Return the risks of a frame as it is, and how much each quasi-identifier tells apart.

    Args:
        frame: the table; it is not changed.
        quasi_identifiers: columns that are known of people from elsewhere.
        threshold: the risk above which a row counts as at risk.
        entity: a column that says whose rows these are; risks are then those of persons.

    Raises:
        UnknownColumnsError: if a column is not there.
        ConfigurationError: if no quasi-identifier is named, or the entity is one.
    """
    _refuse_no_frame(frame)
    refuse_entity(quasi_identifiers, entity)
    between("threshold", threshold, 0, 1, above_low=True)
    for option, names in (("quasi_identifiers", quasi_identifiers), ("entity", [entity])):
        unknown = [name for name in names if name is not None and name not in frame.columns]
        if unknown:
            raise UnknownColumnsError(option, unknown, [str(n) for n in frame.columns])
    columns = {name: encoded(frame[name], name) for name in quasi_identifiers}
    persons = None if entity is None else encoded(frame[entity], entity)
    assessed = assess(columns, persons, np.ones(len(frame), np.int64), threshold)
    return {**assessed.risk.to_dict(), "quasi_identifiers": assessed.ranks}


def private_counts(
    frame: pd.DataFrame, asked: PrivateCounts
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return noisy counts and sums of declared groups, and a report on what they guarantee.

    The counts are ε-differentially private. The noise comes from the operating system, anew in each
    call; each call adds its ε to what all tables of these people may tell.

    Raises:
        UnknownColumnsError: if a column is not there.
        DatasetError: if a column that is summed has no numbers.
    """
    _refuse_no_frame(frame)
    unknown = [name for name in asked.columns if name not in frame.columns]
    if unknown:
        raise UnknownColumnsError("groups, sums and entity", unknown, list(frame.columns))
    table = pa.table({name: array_of(frame[name], name) for name in asked.columns})
    return count_table(table, asked), facts_of(asked) | {"limits": list(PRIVATE_LIMITS)}


def verify_anonymity(
    frame: pd.DataFrame,
    quasi_identifiers: Sequence[str],
    models: Sequence[Any],
    entity: str | None = None,
) -> dict[str, Any]:
    """Return whether a published frame satisfies models, by code that no search shares.

    The published table is its own reference for models that compare classes with the whole.

    Args:
        frame: the table.
        quasi_identifiers: the columns that make classes.
        models: the privacy models.
        entity: a column that says whose rows these are, such as one of pseudonyms; each k then
            counts persons, and a value counts once for each person.

    Raises:
        UnknownColumnsError: if a column is not there.
        ConfigurationError: if no column or no model is named, the entity is a quasi-identifier, or
            a model lacks its column, the order of its values, or its hierarchy.
    """
    _refuse_no_frame(frame)
    refuse_entity(quasi_identifiers, entity)
    if not models or not all(isinstance(model, Model) for model in models):
        raise ConfigurationError("'models' must name privacy models, such as KAnonymity(k=5).")
    counted = [
        one
        for model in models
        for one in ((model,) if entity is None else of_persons(model, entity))
    ]
    claims = Claims(tuple(quasi_identifiers), [model.claim() for model in counted], entity=entity)
    wanted = claims.columns
    unknown = [name for name in wanted if name not in frame.columns]
    if unknown:
        raise UnknownColumnsError("quasi_identifiers", unknown, [str(n) for n in frame.columns])
    return verify([frame], claims).to_dict()


def encoded(series: pd.Series, name: str, *, strip: bool = False) -> Encoded:
    """Return a column as codes."""
    array = array_of(series, name)
    codes, values = encode(array, name, strip=strip)
    kind = series.dtype
    if isinstance(kind, pd.CategoricalDtype):
        kind = kind.categories.dtype
    number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    if isinstance(kind, pd.ArrowDtype):
        number = is_numeric(kind.pyarrow_dtype)
    return Encoded(codes, values, bool(number) or _holds_numbers(series), kind_of(array.type))


def _protected(frame: pd.DataFrame, policy: AnonymisationPolicy) -> dict[str, Protected]:
    """Return the protected columns, and whose each cell is."""
    columns = {name: encoded(frame[name], name) for name in policy.protected}
    persons = None if policy.entity is None else columns[policy.entity].codes
    ones = np.ones(len(frame), np.int64)
    return {
        name: Protected(column, slice(None), ones, None if name == policy.entity else persons)
        for name, column in columns.items()
    }


def _population(frame: pd.DataFrame | None, policy: AnonymisationPolicy) -> Population | None:
    """Return the quasi-identifiers of a population."""
    if frame is None:
        return None
    _refuse_no_frame(frame)
    unknown = [name for name in policy.quasi_identifiers if name not in frame.columns]
    if unknown:
        raise UnknownColumnsError("population", unknown, list(frame.columns))
    columns = {
        name: encoded(frame[name], name, strip=policy.strip) for name in policy.quasi_identifiers
    }
    return Population(columns, np.ones(len(frame), np.int64))


def verified(
    frame: pd.DataFrame,
    claims: Claims,
    original: pd.DataFrame,
    population: pd.DataFrame | None = None,
) -> Verdict:
    """Return the verdict of the independent check.

    Raises:
        VerificationError: if it finds otherwise than the search.
    """
    people = None if population is None else _pieces(population)
    verdict = verify(_pieces(frame), claims, _pieces(original), people)
    if not verdict.holds:
        raise VerificationError(
            f"The independent check did not confirm the result: {', '.join(verdict.failures)}; "
            "nothing was published, report this as a defect."
        )
    return verdict


def _pieces(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the rows of a frame in pieces, so that what a check needs beside them is bounded."""
    for first in range(0, max(len(frame), 1), PIECE_ROWS):
        yield frame.iloc[first : first + PIECE_ROWS]


def _holds_numbers(series: pd.Series) -> bool:
    if series.dtype != object:
        return False
    return pd.api.types.infer_dtype(series, skipna=True) in {"integer", "floating", "decimal"}


def _refuse_no_frame(frame: Any) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise ConfigurationError(
            f"'frame' must be a pandas DataFrame, not {type(frame).__name__}; convert it first."
        )
    if not all(isinstance(name, str) for name in frame.columns):
        raise DatasetError("The frame has columns whose names are no texts; rename them.")
    if frame.columns.has_duplicates:
        repeated = [str(name) for name in frame.columns[frame.columns.duplicated()].unique()]
        raise DatasetError(
            f"The frame has several columns of one name: {quoted(repeated)}; rename them."
        )


def _sorted(result: pd.DataFrame, policy: AnonymisationPolicy) -> pd.DataFrame:
    """Return rows in the order of what is published of them, quasi-identifiers first."""
    first = [name for name in policy.quasi_identifiers if name in result]
    others = [n for n in result if n not in first and n not in policy.identifiers]
    ranks = [_ranked(result[name]) for name in (*first, *others)]
    keys, _ = fold(ranks, [int(rank.max(initial=0)) + 1 for rank in ranks])
    order = np.argsort(keys, kind="stable")
    columns = {name: cells_of(result[name], order) for name in result}
    return pd.DataFrame(columns, index=result.index)


def _ranked(series: pd.Series) -> np.ndarray:
    """Return the rank of each cell among the values of its column; missing comes last."""
    try:
        array = pa.Array.from_pandas(series)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        order = pc.sort_indices(array.dictionary).to_numpy()
        codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        codes, found = pd.factorize(series.map(repr), sort=True)
        return np.asarray(np.where(codes < 0, len(found), codes), np.int64)
    ranks = np.empty(len(order) + 1, np.int64)
    ranks[order] = np.arange(len(order))
    ranks[-1] = len(order)
    return ranks[codes]


def _distinct(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, int]:
    """Return how many values columns have, without those whose cells cannot be compared."""
    found = {}
    for name in names:
        with suppress(TypeError, pa.ArrowException):
            found[name] = int(frame[name].nunique())
    return found
