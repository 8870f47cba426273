"""Anonymisation of a dataset that may be larger than memory.

The engine counts distinct tuples in one pass; hierarchies, models and searches see these counts
alone; a second pass writes labels. Only the counts are in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from dataframe_anonymisation.claiming import claims_of
from dataframe_anonymisation.errors import VerificationError
from dataframe_anonymisation.facts import brief, build_facts
from dataframe_anonymisation.labelling import Labelling, TupleIndex
from dataframe_anonymisation.policy import AnonymisationPolicy, classified
from dataframe_anonymisation.preparing import Encoded, Population, Protected, prepare
from dataframe_anonymisation.reporting import LIMITS, build_sections
from dataframe_anonymisation.solving import Solved, solve
from dataframe_anonymisation.values import encode, encode_series, is_numeric, kind_of
from dataframe_anonymisation.verify import Claims, Verdict, verify
from dataframe_anonymisation.warnings import build_warnings, is_nearly_unique, published_as_they_are
from util_services.flow.operate import Dataset, Outcome, Verified
from util_services.flow.written import frames_in, frames_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from util_services.datasets.layout import Layout
    from util_services.encryption.paths import AnyPath

COUNT = "rows_counted"
FIRST_ROWS = 100_000  # in which a column that is nearly unique shows itself


def anonymise_dataset(
    dataset: Dataset, policy: AnonymisationPolicy, population: Dataset | None = None
) -> Outcome:
    """Anonymise a dataset as a policy asks; what is written is checked before it is published."""
    published, strangers = classified(policy, dataset.schema.names)
    people = None
    if population is not None:
        names = policy.quasi_identifiers
        people = Population(*count_columns(population, names, strip=policy.strip))
    solved = solve(policy, prepare(policy, *counted(dataset, policy), people))
    labelling = Labelling(policy, solved, published, as_categories=False)
    rows = dataset.scan()
    schema = _schema(dataset.engine.arrow_schema(rows), policy, published)
    labelled = dataset.engine.map_batches(rows, _Batches(solved, labelling), schema)
    if policy.order == "canonical":
        labelled = _sorted(dataset, labelled, policy, published)
    facts = build_facts(policy, solved, None, strangers)
    return Outcome(
        labelled,
        dropped=solved.rows_suppressed if policy.suppressed == "drop" else 0,
        facts=brief(facts),
        warnings=build_warnings(
            policy,
            solved,
            strangers,
            _distinct(dataset, published_as_they_are(policy, strangers)),
        ),
        limits=LIMITS,
        sections=build_sections(facts, solved),
        verify=_Check(dataset, claims_of(policy, solved, published), population),
    )


class _Check:
    """Reads what was written, and the source anew, by code that shares nothing with the search."""

    def __init__(self, dataset: Dataset, claims: Claims, population: Dataset | None) -> None:
        self.dataset, self.claims, self.population = dataset, claims, population

    def __call__(self, files: Sequence[AnyPath], layout: Layout) -> Verified:
        """Return what was found, for the report.

        Raises:
            VerificationError: if it is not what was claimed.
        """
        names = self.claims.original
        written = frames_of(files, layout, self.claims.columns)

        people = self._people()  # before, for an engine reads one table at a time

        def check(original: Any) -> Verdict:
            return verify(written, self.claims, frames_in(original, names), people)

        verdict = self.dataset.engine.consume(select_columns(self.dataset, names), check)
        if not verdict.holds:
            raise VerificationError(
                "The written file does not hold what was claimed of it: "
                f"{', '.join(verdict.failures)}; nothing was published, report this as a defect."
            )
        return Verified({"verified": verdict.to_dict()})

    def _people(self) -> list[pd.DataFrame] | None:
        """Return the combinations of the population, a row for each row."""
        if self.population is None:
            return None
        names = list(self.claims.quasi_identifiers)
        rows = select_columns(self.population, names)
        return self.population.engine.consume(rows, lambda found: list(frames_in(found, names)))


class _Batches:
    """Labels the rows of a batch, whose classes it finds by their values."""

    def __init__(self, solved: Solved, labelling: Labelling) -> None:
        self.labelling = labelling
        table = solved.prepared.table
        self.leaves = [taxonomy.index for taxonomy in table.taxonomies]
        self.tuples = TupleIndex(table)
        self.groups = solved.solution.groups

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return the published columns of the rows that are published."""
        return self.labelling(batch, self.groups[self.tuples.find(self._codes(batch))])

    def _codes(self, batch: pd.DataFrame) -> list[np.ndarray]:
        policy, found = self.labelling.policy, []
        for name, leaves in zip(policy.quasi_identifiers, self.leaves, strict=True):
            codes, values = encode_series(batch[name], name, strip=policy.strip)
            places = np.array([leaves[value] for value in values], np.int32)
            found.append(places[codes])
        return found


def count_columns(
    dataset: Dataset, names: Sequence[str], *, strip: bool = False
) -> tuple[dict[str, Encoded], np.ndarray]:
    """Return the distinct combinations of columns as codes, and the rows of each."""
    table, counts = _combinations(dataset, names)
    return {name: _encoded(table[name], name, strip=strip) for name in names}, counts


def counted(
    dataset: Dataset, policy: AnonymisationPolicy
) -> tuple[dict[str, Encoded], dict[str, Protected], np.ndarray]:
    """Return quasi-identifiers, protected columns, and the rows of each combination.

    Each protected column is counted by itself, so that there are no more combinations than it makes
    necessary; the rows are those of the first count.
    """
    quasi, entity = list(policy.quasi_identifiers), policy.entity
    beside = {
        name: [name] if entity in {None, name} else [name, str(entity)] for name in policy.protected
    }
    found = [_combinations(dataset, [*quasi, *names]) for names in beside.values() or [[]]]
    columns = {
        name: _encoded(
            pa.chunked_array([chunk for table, _ in found for chunk in table[name].chunks]),
            name,
            strip=policy.strip,
        )
        for name in quasi
    }
    protected, first = {}, 0
    for (name, names), (table, counts) in zip(beside.items(), found, strict=False):
        rows = slice(first, first + len(table))
        first += len(table)
        persons = encode(table[names[1]], names[1])[0] if len(names) > 1 else None
        column = _encoded(table[name], name)
        protected[name] = Protected(column, rows, counts, persons)
    sized = np.zeros(sum(len(counts) for _, counts in found), np.int64)
    sized[: len(found[0][1])] = found[0][1]
    return columns, protected, sized


def _distinct(dataset: Dataset, names: Sequence[str]) -> dict[str, int]:
    """Return how many values columns have that are nearly unique among the first rows.

    A column that is no identifier there is none in all rows, so that few are counted whole.
    """
    if not names:
        return {}
    rows = min(dataset.staged.rows, FIRST_ROWS)
    first = _distinct_in(dataset, names, rows)
    likely = [name for name, count in first.items() if is_nearly_unique(count, rows)]
    if rows == dataset.staged.rows or not likely:
        return {name: first[name] for name in likely}
    return _distinct_in(dataset, likely, dataset.staged.rows)


def _distinct_in(dataset: Dataset, names: Sequence[str], rows: int) -> dict[str, int]:
    columns = select_columns(dataset, names).head(rows)
    counted = columns.select(nw.all().n_unique())
    (found,) = dataset.engine.rows(counted)
    return {name: int(count) for name, count in zip(names, found.values(), strict=True)}


def _combinations(dataset: Dataset, names: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
    """Return the distinct combinations of columns, and the rows of each."""
    rows = select_columns(dataset, names)
    found = rows.group_by(*rows.collect_schema().names()).agg(nw.len().alias(COUNT))
    table = dataset.engine.consume(found, lambda reader: reader.read_all())
    counts = table[COUNT].to_numpy().astype(np.int64)
    return table.drop_columns([COUNT]).rename_columns(list(names)), counts


def select_columns(dataset: Dataset, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Return columns under names that mean nothing to an engine."""
    aliases = {f"column_{n}": name for n, name in enumerate(names)}
    return dataset.engine.select(dataset.scan(), aliases)


def as_rows(dataset: Dataset, frame: pd.DataFrame, schema: pa.Schema) -> Any:
    """Return a small frame as rows of the engine."""
    one = dataset.scan().select(nw.len().alias(COUNT))

    def made(batch: pd.DataFrame) -> pd.DataFrame:
        del batch
        return frame

    return dataset.engine.map_batches(one, made, schema)


def _encoded(cells: pa.ChunkedArray, name: str, *, strip: bool = False) -> Encoded:
    codes, values = encode(cells, name, strip=strip)
    return Encoded(codes, values, is_numeric(cells.type), kind_of(cells.type))


def _schema(fields: pa.Schema, policy: AnonymisationPolicy, published: Sequence[str]) -> pa.Schema:
    texts = {*policy.quasi_identifiers, *policy.identifiers}
    return pa.schema(
        [
            pa.field(name, pa.string() if name in texts else fields.field(name).type)
            for name in published
        ]
    )


def _sorted(
    dataset: Dataset, rows: Any, policy: AnonymisationPolicy, published: Sequence[str]
) -> Any:
    """Return rows in the order of what is published, quasi-identifiers first."""
    aliases = {f"column_{n}": name for n, name in enumerate(published)}
    alias_of = {name: alias for alias, name in aliases.items()}
    first = [name for name in policy.quasi_identifiers if name in alias_of]
    others = [n for n in published if n not in first and n not in policy.identifiers]
    order = [alias_of[name] for name in (*first, *others)]
    ordered = dataset.engine.select(rows, aliases).sort(*order, nulls_last=True)
    return dataset.engine.select(ordered, {name: alias for alias, name in aliases.items()})
