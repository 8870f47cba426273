"""A policy compiled for the columns of a dataset: checked before the first row, then pure work.

What a plan makes of a value depends on the value, its type, the key, the domain and the policy
alone, except where a rule asks for randomness.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from field_pseudonymisation.cells import in_column
from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.imprint import Imprint
from field_pseudonymisation.nested import Nested, PathRule
from field_pseudonymisation.recipe import Recipe, RecipeColumn, RecipeRule
from field_pseudonymisation.techniques.catalogue import DROP, RETAIN
from field_pseudonymisation.techniques.encoding import is_text, plain, plain_type
from field_pseudonymisation.techniques.normalisation import count_not_nfc
from field_pseudonymisation.techniques.technique import Target
from field_pseudonymisation.techniques.tokens import refuse_tokens
from field_pseudonymisation.text.renewal import TextRenewal
from field_pseudonymisation.text.transform import DetectText
from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from field_pseudonymisation.batches import What
    from field_pseudonymisation.policy import PseudonymisationPolicy, Rule
    from field_pseudonymisation.techniques.technique import Transform
    from util_services.keys.keyset import Keyset

SALT_BYTES = 16


@dataclass
class ColumnPlan:
    """What becomes of one column.

    Attributes:
        name: the column.
        type: the type of its values.
        rules: its rules; none where it is unmatched and stays.
        transform: does the work; None where the column stays or goes.
        is_dropped: whether it goes.
        dtype: what pandas calls its type, where it is of a frame.
        stored: its type in the source, where an engine computes with another one.
    """

    name: str
    type: pa.DataType
    rules: tuple[Rule, ...]
    transform: Transform | Nested | None = None
    is_dropped: bool = False
    dtype: str | None = None
    stored: pa.DataType | None = None
    nulls: int = 0
    not_nfc: int = 0
    counted_elsewhere: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> Mapping[str, int]:
        """What its technique counts for the report, of all batches so far."""
        here = self.transform.counts if self.transform is not None else {}
        names = dict.fromkeys([*here, *self.counted_elsewhere])
        return {name: here.get(name, 0) + self.counted_elsewhere[name] for name in names}

    def tally(self) -> dict[What, int]:
        """Return all that was counted so far."""
        told: dict[What, int] = {("nulls",): self.nulls, ("not_nfc",): self.not_nfc}
        told |= {("counts", name): count for name, count in self.counts.items()}
        if isinstance(self.transform, Nested):
            told |= {("met", place): 1 for place in self.transform.met}
        return told

    def add_tally(self, counted: Mapping[What, int]) -> None:
        """Add what was counted elsewhere."""
        for (kind, *rest), count in counted.items():
            if kind == "counts":
                self.counted_elsewhere[str(rest[0])] += count
            elif kind == "nulls":
                self.nulls += count
            elif kind == "not_nfc":
                self.not_nfc += count
            elif isinstance(self.transform, Nested) and count:
                self.transform.meet(int(rest[0]))

    @property
    def output(self) -> pa.DataType:
        """The type of what comes out."""
        if self.transform is None or self.transform.output == self.worked:
            return self.type
        return self.transform.output

    @property
    def worked(self) -> pa.DataType:
        """The type that its technique gets: of moments, days and times that of the source.

        A month or a text of a moment is that of its own zone, whatever an engine computes in.
        """
        is_temporal = self.stored is not None and pa.types.is_temporal(self.stored)
        return self.stored if is_temporal and pa.types.is_temporal(self.type) else self.type

    @property
    def is_undone(self) -> bool:
        """Whether anything of it can be had with the key."""
        return any(rule.is_undone for rule in self.rules)

    @property
    def waits(self) -> bool:
        """Whether its technique needs all rows before the first."""
        return any(rule.technique.works_on_whole_column for rule in self.rules)

    def applied(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:
        """Return the transformed values of a batch.

        Raises:
            CellsError: with positions in the batch.
        """
        self.nulls += values.null_count
        for rule in self.rules:
            if rule.options.nulls == "error" and values.null_count and rule.path is None:
                raise CellsError(
                    self.name, "missing values, which 'nulls: error' refuses", _null_rows(values)
                )
            if rule.is_keyed and rule.path is None and is_text(values.type):
                if not getattr(rule.options, "again", False):
                    refuse_tokens(values)
                if getattr(rule.options, "normalise", "nfc") == "none":
                    self.not_nfc += count_not_nfc(values)
        if self.transform is None:
            return values
        done = self.transform.apply(values.cast(self.worked), others)
        return done.cast(self.output) if done.type == self.worked else done


@dataclass
class Plan:
    """What becomes of all columns."""

    columns: tuple[ColumnPlan, ...]
    policy: PseudonymisationPolicy
    keyset: Keyset | None
    salts: Mapping[str, str]
    rows: int = 0
    waiting: dict[str, pa.Array] = field(default_factory=dict)
    imprint: Imprint = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to take an imprint of what can be undone."""
        self.imprint = Imprint([column.name for column in self.kept if column.is_undone])

    @property
    def kept(self) -> tuple[ColumnPlan, ...]:
        """The columns that come out."""
        return tuple(column for column in self.columns if not column.is_dropped)

    @property
    def output(self) -> pa.Schema:
        """Names and types of the columns that come out."""
        return pa.schema([(column.name, column.output) for column in self.kept])

    def prepare(self, columns: Mapping[str, pa.Array]) -> None:
        """Work on whole columns, before batches are taken from them."""
        for column in self.kept:
            if column.waits and column.transform is not None:
                values = plain(columns[column.name])
                with in_column(column.name, 0):
                    self.waiting[column.name] = column.applied(values, columns)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The columns that `prepare` wants whole."""
        waiting = [column for column in self.kept if column.waits]
        needed = [n for column in waiting if column.transform for n in column.transform.needs]
        return tuple(dict.fromkeys([*(column.name for column in waiting), *needed]))

    def apply(self, batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        """Return the columns of a batch that come out; batches come in order.

        Raises:
            CellsError: with numbers of rows.
        """
        done = {}
        for column in self.kept:
            if column.name in self.waiting:
                done[column.name] = self.waiting[column.name].slice(self.rows, rows)
                continue
            with in_column(column.name, self.rows):
                values = plain(batch[column.name]) if column.transform else batch[column.name]
                done[column.name] = column.applied(values, batch)
        self.rows += rows
        self.imprint.add(done, rows)
        return done

    def tally(self) -> dict[What, int]:
        """Return all that was counted so far."""
        told: dict[What, int] = {("rows",): self.rows}
        for place, column in enumerate(self.columns):
            told |= {(place, *what): count for what, count in column.tally().items()}
        return told

    def add_tally(self, counted: Mapping[What, int]) -> None:
        """Add what was counted elsewhere."""
        self.rows += counted.get(("rows",), 0)
        for place, column in enumerate(self.columns):
            column.add_tally({w[1:]: count for w, count in counted.items() if w[0] == place})

    def require_met(self) -> None:
        """Refuse rules that met no place in any row, once all batches are done.

        Raises:
            PolicyError: naming the first.
        """
        for column in self.kept:
            if isinstance(column.transform, Nested):
                column.transform.require_met()

    def recipe(self) -> Recipe:
        """Return what is done to any dataset."""
        columns = tuple(map(self._recipe_of, self.columns))
        return Recipe(columns, self.policy.unmatched).sealed(self.keyset)

    def recipe_of_done(self) -> Recipe:
        """Return what was done to the batches so far, so that it can be undone with them alone."""
        return replace(self.recipe(), dataset=self.imprint.to_dict()).sealed(self.keyset)

    def _recipe_of(self, column: ColumnPlan) -> RecipeColumn:
        is_had = self._has_needed(column)
        rules = tuple(self._recipe_rule(rule, is_had=is_had) for rule in column.rules)
        kind = column.stored or column.type
        return RecipeColumn(column.name, kind, rules, column.is_dropped, column.dtype)

    def _has_needed(self, column: ColumnPlan) -> bool:
        """Return whether the columns that the way back of a column needs can be had."""
        by_name = {one.name: one for one in self.columns}
        needed = [by_name[name] for name in column.transform.needs] if column.transform else []
        return all(
            not one.is_dropped
            and (one.transform is None or any(rule.technique.is_reversible for rule in one.rules))
            for one in needed
        )

    def _recipe_rule(self, rule: Rule, *, is_had: bool) -> RecipeRule:
        is_keyed = rule.is_keyed
        key = self.keyset.primary if is_keyed and self.keyset is not None else None
        return RecipeRule(
            technique=rule.technique.name,
            options=rule.describe(),
            domain=rule.domain,
            policy=rule.policy,
            path=rule.path,
            salt=self.salts.get(rule.policy, "") if is_keyed else "",
            keyset=self.policy.keyset if is_keyed else "",
            key_id=None if key is None else key.id,
            key_check=None if key is None else key.info.check,
            reversible=rule.technique.is_reversible and is_had,
        )


def compile_policy(
    policy: PseudonymisationPolicy,
    fields: Sequence[tuple[str, pa.DataType]],
    keyset: Keyset | None,
    *,
    vaults: Path | None = None,
    dtypes: Mapping[str, str] | None = None,
    stored: Mapping[str, pa.DataType] | None = None,
    former: Callable[[str, pa.DataType], Transform] | None = None,
) -> Plan:
    """Return what a policy does to the columns of a dataset.

    Where pseudonyms are made anew, ``former`` returns how they came about, by the pattern of a rule
    and a type: all are then of the key for new data, also where a vault has others, and texts keep
    all but the pseudonyms in them.

    Raises:
        PolicyError: in one sentence, if it cannot be carried out.
        KeysError: if the keyset has no key for new data.
    """
    if policy.needs_keys and keyset is None:
        raise PolicyError("The rules need keys; name a keyset under 'keyset'.")
    names = [name for name, _ in fields]
    rules = policy.rules_of(names)
    salts = {"per_dataset": secrets.token_hex(SALT_BYTES)}
    columns = []
    for name, kind in fields:
        column = ColumnPlan(name, plain_type(kind), rules[name])
        column.dtype, column.stored = (dtypes or {}).get(name), (stored or {}).get(name)
        binder = _Binder(name, policy, keyset, salts, vaults, former)
        _bind(column, binder)
        columns.append(column)
    _check_needs(columns)
    plan = Plan(tuple(columns), policy, keyset, salts)
    if not plan.kept:
        raise PolicyError("The policy drops all columns, so nothing would be left; keep one.")
    return plan


def _check_needs(columns: Sequence[ColumnPlan]) -> None:
    """Refuse rules that lean on columns which are missing, are nested, or lean on others."""
    from field_pseudonymisation.techniques.encoding import tag_of

    by_name = {column.name: column for column in columns}
    for column in columns:
        for needed in column.transform.needs if column.transform else ():
            other = by_name.get(needed)
            place = f"rules.{column.name}: names the column {quoted_name(needed)}, which"
            if other is None:
                raise PolicyError(
                    f"{place} the dataset does not have; it has {quoted(list(by_name))}."
                )
            if other.transform is not None and other.transform.needs:
                raise PolicyError(
                    f"{place} depends on another column itself; name one that stands by itself."
                )
            try:
                tag_of(other.type)
            except PolicyError as error:
                raise PolicyError(f"{place} cannot be compared: {error}.") from None
            if any(rule.technique.is_reversible for rule in column.rules) and _comes_back_else(
                other
            ):
                raise PolicyError(
                    f"{place} comes back in another form than it has, so that the dates would come "
                    "back wrong; leave out its 'normalise' and its paths, or name another column."
                )


def _comes_back_else(column: ColumnPlan) -> bool:
    """Return whether values of a column are written anew when they are brought back."""
    return any(
        rule.technique.is_reversible
        and (rule.path is not None or getattr(rule.options, "normalise", "none") != "none")
        for rule in column.rules
    )


@dataclass(frozen=True, slots=True)
class _Binder:
    """Binds rules to types of one column."""

    name: str
    policy: PseudonymisationPolicy
    keyset: Keyset | None
    salts: Mapping[str, str]
    vaults: Path | None
    former: Callable[[str, pa.DataType], Transform] | None

    def bind(self, rule: Rule, kind: pa.DataType) -> Transform:
        target = Target(
            column=self.name if rule.path is None else f"{self.name} -> {rule.path}",
            type=plain_type(kind),
            domain=rule.domain,
            policy=rule.policy,
            salt=self.salts.get(rule.policy, ""),
            keyset=self.keyset,
            vaults=self.vaults,
            renews=self.former is not None,
        )
        try:
            transform = rule.technique.bind(rule.options, target)
            if self.former is not None and isinstance(transform, DetectText):
                former = self.former(rule.pattern, plain_type(kind))
                transform = TextRenewal(cast("DetectText", former), transform)
            _ = transform.output
            if rule.technique.is_keyed:
                _refuse_without_form(rule, kind)
        except PolicyError as error:
            text = str(error).rstrip(".")
            raise PolicyError(f"rules.{rule.pattern}: {text} (column '{self.name}').") from None
        return transform


def _refuse_without_form(rule: Rule, kind: pa.DataType) -> None:
    from field_pseudonymisation.techniques.encoding import tag_of

    if rule.technique.name in {"hash", "encrypt", "tokenise"}:
        tag_of(plain_type(kind))


def _bind(column: ColumnPlan, binder: _Binder) -> None:
    if not column.rules:
        column.is_dropped = binder.policy.unmatched == "drop"
        return
    if column.rules[0].path is not None:
        paths = tuple(PathRule(rule, partial(binder.bind, rule)) for rule in column.rules)
        try:
            column.transform = Nested(column.name, column.type, paths, binder.policy.unmatched)
            column.transform.require_places()
            _ = column.transform.output
        except PolicyError as error:
            text = str(error).rstrip(".")
            raise PolicyError(f"rules.{column.rules[0].pattern}: {text}.") from None
        return
    (rule,) = column.rules
    column.is_dropped = rule.technique.name == DROP
    if not column.is_dropped and rule.technique.name != RETAIN:
        column.transform = binder.bind(rule, column.worked)


def _null_rows(values: pa.Array) -> list[int]:
    return [row for row, is_null in enumerate(values.is_null().to_pylist()) if is_null]
