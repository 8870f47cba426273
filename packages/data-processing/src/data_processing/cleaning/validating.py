"""Check the rules of a dataset, count who breaks them, and set rows aside.

Rules that a row breaks by itself are counted in one pass over batches; keys are looked up by the
engine. Nothing of it is a state of the recipe: the rules are checked anew on every dataset.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa

from data_processing.cleaning.join_keys import KEY, Keys
from data_processing.cleaning.row_counts import rows_where
from data_processing.cleaning.row_rules import row_condition
from data_processing.cleaning.schemas import Changed, free_name
from data_processing.cleaning.tables import SIZE, Frame, count, schema_of
from data_processing.steps.kinds import DATED, kind_of
from util_services.datasets.schema import Schema
from util_services.engines.stage_batches import Filter, Map
from util_services.engines.stages import NUMBER, Table, Tabled
from util_services.errors import ConfigurationError, quoted, quoted_name
from util_services.reports import Figure, Section
from util_services.reports import Table as ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from data_processing.rules.checks import DataRule
    from data_processing.steps.expressions import Expression
    from util_services.engines.stages import Rows, Step

STEP = "validate_data"
LIMIT = (
    "The rules tell whether values are as they are asked to be, not whether they are true; the "
    "quality score weighs all rules alike."
)
OF_ROWS = ("not_null", "type", "range", "pattern", "allowed", "expression")


@dataclass(frozen=True, slots=True)
class Check:
    """A rule on one column, on several together, or on the dataset.

    Attributes:
        rule: the rule.
        name: what the report calls it.
        condition: what a row keeps by itself; None where it takes other rows to tell.
        column: the column that it is about; None for several, or none.
        flag: the column that tells which rows break it, where these are set aside.
    """

    rule: DataRule
    name: str
    condition: Expression | None = None
    column: str | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """How a rule was kept.

    Attributes:
        check: the rule.
        broken: by how many rows; for a rule on the dataset 1 or 0.
        of: of how many rows.
    """

    check: Check
    broken: int
    of: int

    @property
    def kept_share(self) -> float:
        """The share of rows that keep it."""
        return 1 - self.broken / self.of if self.of else float(not self.broken)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as the report holds it."""
        return {
            "name": self.check.name,
            "rule": self.check.rule.rule,
            "severity": self.check.rule.severity,
            "broken": self.broken,
            "of": self.of,
            "passed": not self.broken,
        }


@dataclass(frozen=True, slots=True)
class Keeps:
    """The choice of the rows that keep a condition, be it true or missing."""

    condition: Expression

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return which rows do."""
        return self.condition(frame).fillna(value=True)


@dataclass(frozen=True, slots=True)
class Unflagged:
    """The choice of the rows that no flag stands at."""

    flag: str

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return which rows these are."""
        return ~frame[self.flag]


def validate(schema: pa.Schema, rules: Sequence[DataRule]) -> list[Step]:
    """Return the parts that check rules and set rows aside.

    Raises:
        ConfigurationError: naming the rule, if it does not go with the columns.
    """
    checks: list[Check] = []
    taken = schema
    for number, rule in enumerate(rules):
        try:
            for check in _checks(rule, taken):
                checks.append(check)
                if check.flag is not None:
                    taken = taken.append(pa.field(check.flag, pa.bool_()))
        except ConfigurationError as error:
            raise ConfigurationError(f"rules[{number}]: {error}") from None
    flags = frozenset(check.flag for check in checks if check.flag is not None)
    parts: list[Step] = [Table(STEP, partial(_validated, tuple(checks)))]
    for check in checks:
        if check.rule.severity == "quarantine":
            reason = f"the row breaks the rule {check.name}"
            if check.flag is not None:
                parts.append(Filter(STEP, Unflagged(check.flag), reason, flags))
            elif check.condition is not None:
                parts.append(Filter(STEP, Keeps(check.condition), reason, flags))
    if flags:
        parts.append(Map(STEP, partial(_without, flags), flags, Changed(dropped=flags)))
    return parts


def _without(columns: frozenset[str], frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=list(columns))


def _checks(rule: DataRule, schema: pa.Schema) -> Iterator[Check]:
    """Yield what a rule asks of columns."""

    def name(columns: Sequence[str]) -> str:
        of = f" of {quoted(columns)}" if columns else ""
        return rule.name or f"{rule.rule}{of}"

    if rule.rule == "expression":
        yield Check(rule, rule.name or rule.expression or "", row_condition(rule, None, schema))
    elif rule.rule in OF_ROWS:
        for column in rule.columns:
            yield Check(rule, name([column]), row_condition(rule, column, schema), column)
    elif rule.rule == "freshness":
        _moment(rule.as_of)
        for column in rule.columns:
            if kind_of(schema.field(column).type) not in (*DATED, "missing"):
                raise ConfigurationError(
                    f"The column {quoted_name(column)} holds no dates or moments; use parse_dates "
                    "in a step before."
                )
            yield Check(rule, name([column]), column=column)
    else:
        _refuse_no_keys(rule, schema)
        is_flagged = rule.severity == "quarantine"
        flag = free_name(schema, f"breaks {name(rule.columns)}") if is_flagged else None
        yield Check(rule, name(rule.columns), flag=flag)


def _refuse_no_keys(rule: DataRule, schema: pa.Schema) -> None:
    for column in rule.columns:
        if kind_of(schema.field(column).type) == "other":
            raise ConfigurationError(
                f"The column {quoted_name(column)} holds {schema.field(column).type}, which is no "
                "key; name columns of texts, numbers, dates, times or truth values."
            )


def _validated(checks: Sequence[Check], rows: Rows) -> Tabled:
    """Return the rows, flagged where they are to be set aside, and what was found."""
    by_rows = _counted(checks, rows)
    frame, places = rows.frame, dict(rows.places)
    total = count(rows.engine, rows.frame)
    found: list[Found] = []
    for number, check in enumerate(checks):
        match check.rule.rule:
            case "unique" | "foreign_key" as kind:
                look_up = _repeated if kind == "unique" else _without_match
                broken = rows.engine.materialise(look_up(check.rule, rows))
                found.append(Found(check, count(rows.engine, broken), total))
                if check.flag is not None:
                    places[check.flag] = f"flag_{number}"
                    frame = _flagged(frame, broken, places[check.flag])
            case "row_count":
                least, most = check.rule.min, check.rule.max
                is_kept = (least is None or total >= least) and (most is None or total <= most)
                found.append(Found(check, int(not is_kept), 1))
            case "freshness":
                found.append(Found(check, int(not _is_fresh(check, rows)), 1))
            case _:
                found.append(Found(check, by_rows[number], total))
    if len(places) > len(rows.places):
        frame = frame.sort(NUMBER)
    return Tabled(
        frame,
        0,
        places,
        facts=_facts(found),
        warnings=tuple(
            f"The rule {one.check.name} is broken{_rows(one)}."
            for one in found
            if one.broken and one.check.rule.severity == "warn"
        ),
        limits=(LIMIT,),
        sections=(_section(found),),
        failures=_failures(found),
    )


def _counted(checks: Sequence[Check], rows: Rows) -> dict[int, int]:
    """Return how many rows break each rule that a row breaks by itself."""
    conditions = {n: check.condition for n, check in enumerate(checks) if check.condition}
    broken = rows_where(rows, list(conditions.values()), is_true=False)
    return dict(zip(conditions, broken, strict=True))


def _repeated(rule: DataRule, rows: Rows) -> Frame:
    """Return the numbers of the rows whose key another row has; a missing one is nobody's."""
    keys = {f"{KEY}_{n}": rows.places[name] for n, name in enumerate(rule.columns)}
    keyed = rows.engine.select(rows.frame, {NUMBER: NUMBER} | keys).drop_nulls(list(keys))
    sizes = keyed.group_by(*keys).agg(nw.len().alias(SIZE)).filter(nw.col(SIZE) > 1)
    return keyed.join(sizes, on=list(keys), how="semi").select(NUMBER)


def _without_match(rule: DataRule, rows: Rows) -> Frame:
    """Return the numbers of the rows whose key is none of the other dataset's.

    Raises:
        ConfigurationError: if the other dataset has no such columns, or keys cannot be compared.
    """
    other = rows.others[rule.dataset or ""]
    keys = Keys(tuple(rule.columns), tuple(rule.key or rule.columns))
    Schema.of(schema_of(other)).require({"key": keys.right})
    keys.check(schema_of(rows), schema_of(other), same_types=False)
    names = keys.names(missing_match=False)
    mine = keys.of_left(rows, {NUMBER: NUMBER}, missing_match=False).drop_nulls(names)
    theirs = keys.of_right(other, {}, missing_match=False)
    return mine.join(theirs, on=names, how="anti").select(NUMBER)


def _flagged(frame: Frame, broken: Frame, flag: str) -> Frame:
    """Return a frame with a column that tells which rows break a rule; their order is lost."""
    flags = broken.with_columns(nw.lit(value=True).alias(flag))
    return frame.join(flags, on=NUMBER, how="left").with_columns(
        nw.col(flag).fill_null(value=False)
    )


def _is_fresh(check: Check, rows: Rows) -> bool:
    """Whether the latest moment of a column is not too old; of none there is no telling."""
    place = rows.places[check.column or ""]
    (found,) = rows.engine.rows(rows.frame.select(nw.col(place).max().alias("latest")))
    latest = found["latest"]
    if latest is None:
        return False
    if not isinstance(latest, dt.datetime):
        latest = dt.datetime(latest.year, latest.month, latest.day)  # noqa: DTZ001 - made UTC below
    latest = latest.replace(tzinfo=dt.UTC) if latest.tzinfo is None else latest
    age = _moment(check.rule.as_of) - latest
    return age <= dt.timedelta(hours=check.rule.max_age_hours or 0)


def _moment(text: str | None) -> dt.datetime:
    """Return a moment that is written in ISO 8601, in UTC unless it says otherwise.

    Raises:
        ConfigurationError: if it is none.
    """
    if text is None:
        return dt.datetime.now(dt.UTC)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            "'as_of' must be a moment in ISO 8601, such as 2025-01-31T12:00:00Z."
        ) from None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment


def _facts(found: Sequence[Found]) -> dict[str, Any]:
    return {
        "quality_score_share": round(sum(one.kept_share for one in found) / len(found), 6),
        "rules": len(found),
        "rules_broken": sum(bool(one.broken) for one in found),
        "checks": [one.to_dict() for one in found],
    }


def _rows(found: Found) -> str:
    is_of_dataset = found.check.rule.rule in ("row_count", "freshness")
    return "" if is_of_dataset else f" by {found.broken} of {found.of} rows"


def _failures(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(
        f"{one.check.name}{_rows(one)}"
        for one in found
        if one.broken and one.check.rule.severity == "error"
    )


def _section(found: Sequence[Found]) -> Section:
    """Return what the report shows of the rules."""
    rows = tuple(
        (one.check.name, one.check.rule.severity, one.broken, one.of, f"{one.kept_share:.2%}")
        for one in found
    )
    table = ReportTable(
        "Rules", ("rule", "severity", "rows that break it", "rows looked at", "kept"), rows
    )
    shares: Mapping[str, float] = {
        f"{n}. {one.check.name}": round(100 * one.kept_share, 2) for n, one in enumerate(found, 1)
    }
    figure = Figure.of("Rows that keep each rule", "bars", shares, unit="percent")
    return Section("Validation", tables=(table,), figures=(figure,), shows=("checks",))
