"""Find and remove rows that repeat one another, on datasets larger than memory.

Two rows are equal when their key columns are. Missing values are one kind of value and equal to
one another; -0.0 equals 0.0; lists and structs are equal when their parts are. The rows that stay
are unchanged and keep their order.

The search has two phases. A 64-bit hash of the key finds the few rows that may have an equal; only
these are then compared in full, so a collision of hashes costs time and never a row.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from data_processing.cleaning.folding import Difference, fold_texts, holds_texts, is_text
from util_services.engines.stage_batches import free_name
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from util_services.engines.protocol import Engine
    from util_services.engines.stages import Rows

Keep = Literal["first", "last", "none", "any"]
Frame = nw.LazyFrame[Any]

LARGEST_GROUPS_SHOWN = 10
LIMIT = (
    "Rows count as equal by the compared columns alone; whether they speak of the same person or "
    "thing is not examined."
)
HASH, SIZE, COUNT, KEPT = "hash", "size", "count", "kept"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows are equal, and which of them stays.

    Attributes:
        subset: the key columns.
        keep: which row of a group of equal rows stays.
        order_by: columns that order the rows of a group, ascending, before the order of the input;
            a missing value counts as behind all others, whichever row is kept.
        ignore: differences between texts of the key that do not count.
    """

    subset: tuple[str, ...]
    keep: Keep = "first"
    order_by: tuple[str, ...] = ()
    ignore: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What a search finds: the numbers of the rows to drop, and counts for the report."""

    losers: Frame
    dropped: int
    groups: int
    rows_in_groups: int
    largest_groups: tuple[int, ...]

    def facts(self) -> dict[str, Any]:
        """Return the counts for the report."""
        return {
            "duplicate_groups": self.groups,
            "rows_in_duplicate_groups": self.rows_in_groups,
            "largest_groups": list(self.largest_groups),
        }


@dataclass(frozen=True, slots=True)
class _Keyed:
    """The rows as far as the search needs them, under names that cannot clash."""

    frame: Frame
    keys: tuple[str, ...]
    order_by: tuple[str, ...]


def remove_duplicates(
    rows: Rows,
    subset: Sequence[str],
    keep: Keep,
    order_by: Sequence[str],
    ignore: Sequence[Difference],
) -> Tabled:
    """Keep one row, or none, of each group of equal rows, in the order of the input.

    The options are those of `Rule`; an empty ``subset`` stands for all columns.
    """
    names = list(subset or rows.places)
    _refuse_keys(rows, names)
    keys = tuple(rows.places[name] for name in names)
    rule = Rule(keys, keep, tuple(rows.places[name] for name in order_by), tuple(ignore))
    found = find_duplicates(rows.engine, rows.frame, NUMBER, rule)
    known_as = {place: name for name, place in rows.places.items()}
    return Tabled(
        frame=_without(rows, found),
        dropped=found.dropped,
        facts=found.facts(),
        warnings=warnings(rule, rows.engine.arrow_schema(rows.frame), known_as.__getitem__),
        limits=(LIMIT,),
        is_scan=rows.engine.drops_while_scanning,
    )


def _without(rows: Rows, found: Duplicates) -> Frame:
    return rows.engine.drop_rows(rows.frame, NUMBER, found.losers) if found.dropped else rows.frame


def _refuse_keys(rows: Rows, names: Sequence[str]) -> None:
    """Refuse a key that the engine cannot compare, under the name that the user knows."""
    named = rows.engine.select(rows.frame, {name: rows.places[name] for name in names})
    taken = {name.casefold() for name in names}
    rows.engine.row_hash(named, names, free_name(HASH, taken))  # reads nothing


def find_duplicates(engine: Engine, rows: Frame, number: str, rule: Rule) -> Duplicates:
    """Find the rows to drop so that ``rule`` holds; the column ``number`` numbers the rows."""
    keyed = _fold_keys(engine, _name_keys(engine, rows, number, rule), rule.ignore)
    doubles = _doubles(engine, keyed, rule.keep)
    losers = doubles if rule.keep == "none" else doubles.filter(~nw.col(KEPT))
    sizes = _sizes(engine, doubles)
    rows_in_groups, groups = sum(size * n for size, n in sizes.items()), sum(sizes.values())
    largest = itertools.chain.from_iterable(
        [size] * min(n, LARGEST_GROUPS_SHOWN) for size, n in sizes.items()
    )
    return Duplicates(
        losers=losers.select(NUMBER),
        dropped=rows_in_groups - (0 if rule.keep == "none" else groups),
        groups=groups,
        rows_in_groups=rows_in_groups,
        largest_groups=tuple(itertools.islice(largest, LARGEST_GROUPS_SHOWN)),
    )


def warnings(
    rule: Rule, schema: pa.Schema, label: Callable[[str], Any] = lambda name: name
) -> tuple[str, ...]:
    """Return what a user should know of a rule on columns of these types.

    Args:
        rule: the rule.
        schema: names and types of the columns.
        label: tells the name under which the user knows a column.
    """
    if rule.order_by and rule.keep in {"none", "any"}:
        return (f"'order_by' has no effect, because 'keep' is '{rule.keep}'.",)
    ordered = [name for name in rule.order_by if is_text(schema.field(name).type)]
    nested = [name for name in rule.subset if rule.ignore and holds_texts(schema.field(name).type)]
    return (
        *(
            f"{quoted_name(label(name))} holds text, so 'order_by' ordered it as text: "
            "'10' comes before '9'."
            for name in ordered
        ),
        *(
            f"{quoted_name(label(name))} holds texts inside lists or structs, which "
            "'ignore' does not reach."
            for name in nested
        ),
    )


def _name_keys(engine: Engine, rows: Frame, number: str, rule: Rule) -> _Keyed:
    keys = tuple(f"key_{n}" for n, _ in enumerate(rule.subset))
    ordering = rule.order_by if rule.keep in {"first", "last"} else ()
    order_by = tuple(f"order_{n}" for n, _ in enumerate(ordering))
    names = dict(zip((*keys, *order_by), (*rule.subset, *ordering), strict=True))
    return _Keyed(engine.select(rows, {NUMBER: number} | names), keys, order_by)


def _fold_keys(engine: Engine, keyed: _Keyed, ignore: Sequence[Difference]) -> _Keyed:
    """Return the rows with the texts of their keys folded, so that equal ones are the same."""
    if not ignore:
        return keyed
    schema = engine.arrow_schema(keyed.frame)
    texts = [name for name in keyed.keys if is_text(schema.field(name).type)]
    if not texts:
        return keyed
    folded = engine.map_batches(
        keyed.frame, lambda batch: fold_texts(batch, texts, frozenset(ignore)), schema
    )
    return replace(keyed, frame=folded)


def _doubles(engine: Engine, keyed: _Keyed, keep: Keep) -> Frame:
    """Return number and group size of each row that has an equal, and whether it is preferred.

    Keys and the columns that order them are gone from the result, which is used more than once.
    """
    size = nw.len().over(*keyed.keys).alias(SIZE)
    number = nw.col(NUMBER)
    first = (number.max() if keep == "last" else number.min()).over(*keyed.keys)
    found = _with_equal_hash(engine, keyed)
    if not keyed.order_by:
        sized = found.select(NUMBER, (number == first).alias(KEPT), size)
        return engine.materialise(sized.filter(nw.col(SIZE) > 1))
    names = (NUMBER, *keyed.keys, *keyed.order_by)
    doubles = engine.materialise(found.select(*names, size).filter(nw.col(SIZE) > 1))
    kept = _preferred(doubles, keyed, keep).select(NUMBER, nw.lit(value=True).alias(KEPT))
    joined = doubles.select(NUMBER, SIZE).join(kept, on=NUMBER, how="left")
    return engine.materialise(joined.select(NUMBER, nw.col(KEPT).fill_null(value=False), SIZE))


def _with_equal_hash(engine: Engine, keyed: _Keyed) -> Frame:
    """Return the rows whose key has the hash of another row's key.

    Only numbers and hashes of all rows are held; the few keys are read a second time.
    """
    hashed = engine.row_hash(keyed.frame, keyed.keys, HASH).select(NUMBER, HASH)
    hashes = engine.materialise(hashed)
    shared = hashes.group_by(HASH).agg(nw.len().alias(SIZE)).filter(nw.col(SIZE) > 1)
    numbers = engine.materialise(hashes.join(shared, on=HASH, how="semi").select(NUMBER))
    return keyed.frame.join(numbers, on=NUMBER, how="semi")


def _preferred(doubles: Frame, keyed: _Keyed, keep: Keep) -> Frame:
    """Return the row of each group that comes first or last in the order of some columns."""
    last = keep == "last"
    ranks, order = [], []
    for name in keyed.order_by:
        missing = nw.col(name).is_null()
        rank = f"{name}_rank"  # whichever end is kept, a missing value is at the other
        ranks.append((~missing if last else missing).cast(nw.Int8).alias(rank))
        order += [rank, name]
    ranked = doubles.select(NUMBER, *keyed.keys, *keyed.order_by, *ranks)
    return ranked.unique(
        list(keyed.keys), keep="last" if last else "first", order_by=[*order, NUMBER]
    )


def _sizes(engine: Engine, doubles: Frame) -> dict[int, int]:
    """Return how many groups there are of each size, the largest first."""
    groups = doubles.filter(nw.col(KEPT)).group_by(SIZE).agg(nw.len().alias(COUNT))
    rows = engine.rows(groups)
    return {row[SIZE]: row[COUNT] for row in sorted(rows, key=lambda row: -row[SIZE])}
