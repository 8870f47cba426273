"""Join the rows of a dataset with those of another that have the same keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals as nw

from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.tables import SIZE, Frame, count, schema_of
from util_services.datasets.schema import Schema
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_processing.cleaning.join_keys import Keys
    from util_services.engines.stages import Rows

How = Literal["inner", "left", "right", "outer", "semi", "anti"]
Cardinality = Literal["one_to_one", "one_to_many", "many_to_one", "many_to_many"]

LEFT, RIGHT = "left_number", "right_number"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a join is to do.

    Attributes:
        keys: the columns that are compared.
        how: which rows come out.
        cardinality: how often a key may stand on each side.
        missing_match: whether a missing key matches a missing one.
        columns: the columns of the other dataset that come out, all but its keys if none is named.
        suffix: what lengthens the name of such a column where this dataset has it too.
    """

    keys: Keys
    how: How
    cardinality: Cardinality
    missing_match: bool
    columns: tuple[str, ...]
    suffix: str


def join(left: Rows, right: Rows, plan: Plan) -> Tabled:
    """Return the joined rows: in the order of this dataset, then in that of the other.

    Raises:
        ConfigurationError: if a column is missing, keys cannot be compared, or names clash.
        DatasetError: if a key stands more often than the cardinality allows.
    """
    comes_from_both = plan.how in {"right", "outer"}
    Schema.of(schema_of(right)).require(
        {"right_on": plan.keys.right, "right_columns": plan.columns}
    )
    plan.keys.check(schema_of(left), schema_of(right), same_types=comes_from_both)
    is_choice = plan.how in {"semi", "anti"}
    names = {} if is_choice else _names(left, right, plan)
    sides = _Sides(left, right, plan)
    if not is_choice:
        sides.refuse_repeated_keys()
    facts = sides.balance()
    if is_choice:
        return sides.chosen(facts)
    columns = {place: name for name, place in names.items()}
    if plan.cardinality.endswith("to_one") and not comes_from_both:
        dropped = facts["rows_without_match"] if plan.how == "inner" else 0
        ordered = sides.joined().sort(LEFT)
        frame = left.engine.select(ordered, {place: place for place in columns} | {NUMBER: LEFT})
        return Tabled(frame, dropped, names, facts=facts)
    ordered = sides.joined().sort(LEFT, RIGHT, nulls_last=True)
    rows = left.engine.select(ordered, {place: place for place in columns})
    return Tabled(left.engine.number_rows(rows, NUMBER), None, names, facts=facts)


class _Sides:
    """Both datasets of a join, under names that cannot clash."""

    def __init__(self, left: Rows, right: Rows, plan: Plan) -> None:
        self.left, self.right, self.plan = left, right, plan
        self.engine = left.engine
        self.keys = plan.keys.names(missing_match=plan.missing_match)

    def joined(self) -> Frame:
        """Return the rows of both, beside one another where their keys are equal."""
        mine = {_mine(number): place for number, place in enumerate(self.left.places.values())}
        others = {_other(number): place for number, place in enumerate(self.right.places.values())}
        left, right = self._left(mine), self._right(others)
        match self.plan.how:
            case "inner" | "left" as how:
                return left.join(right, on=self.keys, how=how)
            case "right":
                joined = right.join(left, on=self.keys, how="left")
            case _:
                joined = left.join(right, on=self.keys, how="full", suffix="_other")
        places = {name: number for number, name in enumerate(self.left.places)}
        theirs = {name: number for number, name in enumerate(self.right.places)}
        pairs = zip(self.plan.keys.left, self.plan.keys.right, strict=True)
        return joined.with_columns(
            nw.coalesce(_mine(places[one]), _other(theirs[other])).alias(_mine(places[one]))
            for one, other in pairs
        )

    def chosen(self, facts: Mapping[str, int]) -> Tabled:
        """Return the rows of this dataset that have a match, or those that have none."""
        how: Literal["semi", "anti"] = "anti" if self.plan.how == "semi" else "semi"
        left, right = self._left({}), self._right({})
        losers = self.engine.materialise(left.join(right, on=self.keys, how=how).select(LEFT))
        kept = self.engine.drop_rows(self.left.frame, NUMBER, losers)
        what = "rows_without_match" if self.plan.how == "semi" else "rows_with_match"
        return Tabled(kept, facts[what], facts=facts)

    def refuse_repeated_keys(self) -> None:
        """Refuse keys that stand more often than the cardinality allows.

        Raises:
            DatasetError: telling how many there are.
        """
        one, _, other = self.plan.cardinality.partition("_to_")
        for side, keys, where, cure in (
            (one, self._left({}), "This dataset", f"many_to_{other}"),
            (other, self._right({}), "The other dataset", f"{one}_to_many"),
        ):
            if side == "many":
                continue
            repeated = self._present(keys).group_by(*self.keys).agg(nw.len().alias(SIZE))
            counted = repeated.filter(nw.col(SIZE) > 1).select(
                nw.len().alias("keys"), nw.col(SIZE).sum().alias("rows")
            )
            (found,) = self.engine.rows(counted)
            if found["keys"]:
                raise DatasetError(
                    f"{where} has keys that stand more than once (keys: {found['keys']}, rows: "
                    f"{found['rows']}), and 'cardinality' is {self.plan.cardinality}; remove the "
                    f"duplicates, or set 'cardinality' to {cure}."
                )

    def balance(self) -> dict[str, int]:
        """Return how many rows of each dataset have a match in the other."""
        left, right = self._left({}), self._right({})
        rows, others = count(self.engine, left), count(self.engine, right)
        with_match = count(self.engine, left.join(right, on=self.keys, how="semi"))
        others_with_match = count(self.engine, right.join(left, on=self.keys, how="semi"))
        return {
            "rows_with_match": with_match,
            "rows_without_match": rows - with_match,
            "other_rows_with_match": others_with_match,
            "other_rows_without_match": others - others_with_match,
        }

    def _left(self, columns: Mapping[str, str]) -> Frame:
        match_missing = self.plan.missing_match
        wanted = {LEFT: NUMBER} | dict(columns)
        return self.plan.keys.of_left(self.left, wanted, missing_match=match_missing)

    def _right(self, columns: Mapping[str, str]) -> Frame:
        match_missing = self.plan.missing_match
        wanted = {RIGHT: NUMBER} | dict(columns)
        return self.plan.keys.of_right(self.right, wanted, missing_match=match_missing)

    def _present(self, frame: Frame) -> Frame:
        """Return the rows whose keys can match."""
        return frame if self.plan.missing_match else frame.drop_nulls(self.keys)


def _names(left: Rows, right: Rows, plan: Plan) -> dict[str, str]:
    """Return where the columns that come out are, by their names.

    Raises:
        ConfigurationError: if names clash.
    """
    names = {name: _mine(number) for number, name in enumerate(left.places)}
    taken = {name.casefold() for name in names}
    wanted = plan.columns or [name for name in right.places if name not in plan.keys.right]
    places = {name: _other(number) for number, name in enumerate(right.places)}
    found = [(f"{n}{plan.suffix}" if n.casefold() in taken else n, places[n]) for n in wanted]
    refuse_clashes([*names, *(name for name, _ in found)])
    return names | dict(found)


def _mine(number: int) -> str:
    return f"left_{number}"


def _other(number: int) -> str:
    return f"right_{number}"
