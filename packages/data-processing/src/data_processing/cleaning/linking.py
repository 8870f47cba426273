"""Link rows that differ and probably speak of the same: blocks, comparisons, clusters.

Which rows are compared is decided by blocks (Fellegi and Sunter, A theory for record linkage, 1969,
section 3.3), as self-joins of the engine; how near two values are, by Jaro and Winkler's measure
(Winkler 1990), by the normalised distance of Levenshtein, or by sorted words; which rows belong
together, by the connected components of the links. Nothing depends on batches or threads.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler, Levenshtein

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.folding import Difference, fold_texts
from data_processing.cleaning.schemas import check_new
from data_processing.cleaning.tables import SIZE, Frame, count, schema_of
from data_processing.steps.kinds import kind_of
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import ConfigurationError, quoted_name
from util_services.reports import Figure, Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from util_services.engines.protocol import Engine
    from util_services.engines.stages import Rows

Method = Literal["exact", "jaro_winkler", "levenshtein", "words"]
Keep = Literal["all", "first", "last", "most_complete"]

OTHER, SCORE, CLUSTER, MISSING, STAYS = "other", "score", "cluster", "missing", "stays"
LEAST_WEIGHT = 0.5  # of all weight, that columns with both values must have
SCORE_DIGITS = 6
LARGEST_SHOWN = 10
MEASURES: dict[str, tuple[Any, float]] = {  # each with what equal texts have
    "jaro_winkler": (JaroWinkler.normalized_similarity, 1),
    "levenshtein": (Levenshtein.normalized_similarity, 1),
    "words": (fuzz.token_sort_ratio, 100),
}
LIMITS = (
    "Rows are linked by how near their values are, not by knowledge of persons or things: look at "
    "the clusters before you rely on them.",
    "Rows that agree in no block are never compared.",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are linked, and which of them stay.

    Attributes:
        compare: how columns are compared, and how much each counts, by their names.
        blocks: columns in which rows that are compared agree, and in how many characters.
        threshold: the score from which two rows are linked.
        ignore: differences between texts that do not count.
        keep: which rows of a cluster stay.
        max_block_rows: rows that agree with more others in a block are not compared in it.
        cluster_column: the new column of clusters.
        score_column: the new column of scores.
    """

    compare: Mapping[str, tuple[Method, float]]
    blocks: tuple[tuple[tuple[str, ...], int | None], ...]
    threshold: float
    ignore: tuple[Difference, ...]
    keep: Keep
    max_block_rows: int
    cluster_column: str
    score_column: str

    def check(self, schema: pa.Schema) -> None:
        """Refuse columns that cannot be compared so, and new ones that there are.

        Raises:
            ConfigurationError: naming the column.
        """
        for name, (method, _) in self.compare.items():
            kind = kind_of(schema.field(name).type)
            if kind == "other" or (kind not in ("text", "missing") and method != "exact"):
                raise ConfigurationError(
                    f"The column {quoted_name(name)} holds {schema.field(name).type}, and {method} "
                    "compares texts; use exact, or make it text in a step before."
                )
        for names, characters in self.blocks:
            for name in names:
                kind = kind_of(schema.field(name).type)
                is_cut = characters is not None and kind not in ("text", "missing")
                if kind == "other" or is_cut:
                    raise ConfigurationError(
                        f"The column {quoted_name(name)} holds {schema.field(name).type}, which "
                        f"{'has no characters' if is_cut else 'makes no block'}; name another."
                    )
        check_new(schema, "cluster_column", self.cluster_column)
        check_new(schema, "score_column", self.score_column)
        if self.cluster_column.casefold() == self.score_column.casefold():
            raise ConfigurationError("'cluster_column' and 'score_column' must be two names.")


@dataclass(frozen=True, slots=True)
class Linked:
    """Which rows belong together.

    Attributes:
        cluster: the first row of each row's cluster, by the number of the row.
        score: the highest score of each row, by its number.
    """

    cluster: Mapping[int, int]
    score: Mapping[int, float]

    def sizes(self) -> list[int]:
        """Return how many rows each cluster has, the largest first."""
        return sorted(Counter(self.cluster.values()).values(), reverse=True)


def link(rows: Rows, plan: Plan) -> Tabled:
    """Return the rows with their clusters and scores, or one row of each cluster.

    Raises:
        ConfigurationError: if columns cannot be compared as the plan says.
    """
    plan.check(schema_of(rows))
    engine = rows.engine
    known = engine.materialise(_known(rows, plan))
    pairs, left_out = _pairs(engine, known, plan)
    scored = _scored(engine, known, pairs, plan)
    linked = clustered(
        (row[NUMBER], row[OTHER], row[SCORE])
        for row in engine.rows(scored.filter(nw.col(SCORE) >= plan.threshold))
    )
    losers = _losers(rows, linked, plan.keep)
    sizes = linked.sizes()
    return Tabled(
        _told(rows, linked, losers),
        len(losers),
        dict(rows.places) | {plan.cluster_column: CLUSTER, plan.score_column: SCORE},
        facts={
            "pairs_compared": count(engine, pairs),
            "clusters": len(sizes),
            "rows_in_clusters": sum(sizes),
            "largest_clusters": sizes[:LARGEST_SHOWN],
            "rows_in_large_blocks": left_out,
        },
        warnings=_warnings(left_out, plan),
        limits=LIMITS,
        sections=_sections(sizes),
    )


def _known(rows: Rows, plan: Plan) -> Frame:
    """Return what is compared and what blocks are made of, with texts folded, under safe names."""
    schema = schema_of(rows)
    blocked = {
        _block(n, m): name
        for n, (names, _) in enumerate(plan.blocks)
        for m, name in enumerate(names)
    }
    compared = {_compared(n): name for n, name in enumerate(plan.compare)}
    asked = compared | blocked
    texts = [place for place, name in asked.items() if kind_of(schema.field(name).type) == "text"]
    cut = {
        _block(n, m): characters
        for n, (names, characters) in enumerate(plan.blocks)
        for m, _ in enumerate(names)
        if characters is not None
    }
    frame = rows.engine.select(
        rows.frame, {NUMBER: NUMBER} | {place: rows.places[name] for place, name in asked.items()}
    )

    def folded(batch: pd.DataFrame) -> pd.DataFrame:
        found = fold_texts(batch, texts, frozenset(plan.ignore)) if plan.ignore else batch
        return found.assign(**{name: found[name].str.slice(0, n) for name, n in cut.items()})

    return rows.engine.map_batches(frame, folded, rows.engine.arrow_schema(frame))


def _block(number: int, place: int) -> str:
    return f"block_{number}_{place}"


def _compared(number: int) -> str:
    return f"compared_{number}"


def _pairs(engine: Engine, known: Frame, plan: Plan) -> tuple[Frame, int]:
    """Return the pairs of rows that agree in a block, and how many rows are in too large ones."""
    found, left_out = [], 0
    for number, (names, _) in enumerate(plan.blocks):
        keys = [_block(number, place) for place, _ in enumerate(names)]
        blocked = known.select(NUMBER, *keys).drop_nulls(keys)
        sizes = blocked.group_by(*keys).agg(nw.len().alias(SIZE)).filter(nw.col(SIZE) > 1)
        sizes = engine.materialise(sizes)
        large = sizes.filter(nw.col(SIZE) > plan.max_block_rows)
        (counted,) = engine.rows(large.select(nw.col(SIZE).sum()))
        left_out += int(counted[SIZE] or 0)
        small = sizes.filter(nw.col(SIZE) <= plan.max_block_rows).select(*keys)
        mine = blocked.join(small, on=keys, how="semi")
        theirs = mine.rename({NUMBER: OTHER})
        pairs = mine.join(theirs, on=keys, how="inner").filter(nw.col(NUMBER) < nw.col(OTHER))
        found.append(pairs.select(NUMBER, OTHER))
    return engine.materialise(nw.concat(found, how="vertical").unique([NUMBER, OTHER])), left_out


def _scored(engine: Engine, known: Frame, pairs: Frame, plan: Plan) -> Frame:
    """Return the score of each pair."""
    names = [_compared(n) for n, _ in enumerate(plan.compare)]
    theirs = {f"{name}_{OTHER}": name for name in names}
    left = known.select(NUMBER, *names)
    right = engine.select(known, {OTHER: NUMBER} | theirs)
    both = pairs.join(left, on=NUMBER, how="inner").join(right, on=OTHER, how="inner")
    schema = pa.schema([(NUMBER, pa.int64()), (OTHER, pa.int64()), (SCORE, pa.float64())])
    rules = tuple(plan.compare.values())

    def scores(batch: pd.DataFrame) -> pd.DataFrame:
        near = [
            nearness(array_of(batch[name]), array_of(batch[f"{name}_{OTHER}"]), method)
            for name, (method, _) in zip(names, rules, strict=True)
        ]
        found = weighted(near, [weight for _, weight in rules])
        return with_arrays(batch[[NUMBER, OTHER]], {SCORE: pa.array(found)})

    return engine.materialise(engine.map_batches(both, scores, schema))


def nearness(one: pa.Array, other: pa.Array, method: Method) -> np.ndarray[Any, Any]:
    """Return how near values are, pair by pair, from 0 to 1; NaN where one is missing."""
    missing = np.asarray(one.is_null()) | np.asarray(other.is_null())
    found = np.full(len(one), np.nan)
    present = pa.array(~missing)
    mine, theirs = one.filter(present).to_pylist(), other.filter(present).to_pylist()
    if method == "exact":
        near = np.fromiter((a == b for a, b in zip(mine, theirs, strict=True)), float)
    else:
        measure, most = MEASURES[method]
        near = process.cpdist(mine, theirs, scorer=measure, dtype=np.float64) / most
    found[~missing] = near
    return found


def weighted(
    near: Sequence[np.ndarray[Any, Any]], weights: Sequence[float]
) -> np.ndarray[Any, Any]:
    """Return the weighted mean of what is known; 0 where that has less than half of the weight."""
    total, known = np.zeros(len(near[0])), np.zeros(len(near[0]))
    for values, weight in zip(near, weights, strict=True):
        is_known = ~np.isnan(values)
        total += np.where(is_known, values, 0) * weight
        known += is_known * weight
    enough = known >= LEAST_WEIGHT * sum(weights)
    return np.where(enough, (total / np.where(enough, known, 1)).round(SCORE_DIGITS), 0.0)


def clustered(links: Iterable[tuple[int, int, float]]) -> Linked:
    """Return the connected components of links; the order of links has no part in them."""
    above: dict[int, int] = {}
    score: defaultdict[int, float] = defaultdict(float)

    def top(number: int) -> int:
        above.setdefault(number, number)
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    for one, other, near in links:
        first, second = sorted((top(one), top(other)))
        above[second] = first
        score[one], score[other] = max(score[one], near), max(score[other], near)
    return Linked({number: top(number) for number in list(above)}, score)


def _told(rows: Rows, linked: Linked, losers: Sequence[int]) -> Frame:
    """Return the rows that stay, with the columns of clusters and scores."""
    numbers = np.array(sorted(linked.cluster), np.int64)
    clusters = np.array([linked.cluster[n] for n in numbers.tolist()], np.int64)
    scores = np.array([linked.score[n] for n in numbers.tolist()], np.float64)
    gone = np.array(losers, np.int64)

    def marked(batch: pd.DataFrame) -> pd.DataFrame:
        own = batch[NUMBER].to_numpy(np.int64)
        places, is_linked = _found(numbers, own)
        mine = np.where(is_linked, clusters[places] if len(numbers) else 0, own)
        near = pa.array(scores[places] if len(numbers) else np.zeros(len(own)), mask=~is_linked)
        stays = pa.array(~_found(gone, own)[1])
        return with_arrays(batch, {CLUSTER: pa.array(mine), SCORE: near, STAYS: stays})

    schema = rows.engine.arrow_schema(rows.frame)
    for name, kind in ((CLUSTER, pa.int64()), (SCORE, pa.float64()), (STAYS, pa.bool_())):
        schema = schema.append(pa.field(name, kind))
    return rows.engine.map_batches(rows.frame, marked, schema).filter(nw.col(STAYS))


def _found(
    among: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return where numbers stand among sorted ones, and which of them do."""
    if not len(among):
        return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)
    places = np.minimum(np.searchsorted(among, numbers), len(among) - 1)
    return places, among[places] == numbers


def _losers(rows: Rows, linked: Linked, keep: Keep) -> list[int]:
    """Return the numbers of the rows of clusters that do not stay."""
    if keep == "all" or not linked.cluster:
        return []
    clusters: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(linked.cluster):
        clusters[linked.cluster[number]].append(number)
    missing = _missing(rows, linked) if keep == "most_complete" else {}

    def survivor(numbers: Sequence[int]) -> int:
        match keep:
            case "first":
                return numbers[0]
            case "last":
                return numbers[-1]
        return min(numbers, key=lambda number: (missing[number], number))

    stay = {survivor(numbers) for numbers in clusters.values()}
    return [number for number in sorted(linked.cluster) if number not in stay]


def _missing(rows: Rows, linked: Linked) -> dict[int, int]:
    """Return how many values each row of a cluster lacks."""
    linked_numbers = np.array(sorted(linked.cluster), np.int64)
    names = list(rows.places.values())

    def lacking(batch: pd.DataFrame) -> pd.DataFrame:
        few = batch[_found(linked_numbers, batch[NUMBER].to_numpy(np.int64))[1]]
        lacks = few[names].isna().sum(axis="columns")
        return with_arrays(few[[NUMBER]], {MISSING: pa.array(lacks.to_numpy(np.int64))})

    schema = pa.schema([(NUMBER, pa.int64()), (MISSING, pa.int64())])
    counted = rows.engine.materialise(rows.engine.map_batches(rows.frame, lacking, schema))
    return {row[NUMBER]: row[MISSING] for row in rows.engine.rows(counted)}


def _warnings(left_out: int, plan: Plan) -> tuple[str, ...]:
    if not left_out:
        return ()
    return (
        f"Rows of blocks with more than {plan.max_block_rows} rows were not compared (rows: "
        f"{left_out}); add a column to the block, or raise 'max_block_rows'.",
    )


def _sections(sizes: Sequence[int]) -> tuple[Section, ...]:
    if not sizes:
        return ()
    counted = Counter(sizes)
    clusters = {f"{size} rows": float(counted[size]) for size in sorted(counted)[:LARGEST_SHOWN]}
    figure = Figure.of("Clusters by their size", "columns", clusters, unit="clusters")
    return (Section("Clusters", figures=(figure,)),)
