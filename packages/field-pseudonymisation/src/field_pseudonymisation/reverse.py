"""The way back: a recipe compiled for a pseudonymised dataset, with the keys and a scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation.cells import in_column
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.imprint import Imprint
from field_pseudonymisation.nested import Nested, PathRule
from field_pseudonymisation.policy import make_rule, normal_domain
from field_pseudonymisation.recipe import NOT_AS_WRITTEN
from field_pseudonymisation.registry import technique
from field_pseudonymisation.techniques.catalogue import RETAIN
from field_pseudonymisation.techniques.encoding import plain, plain_type
from field_pseudonymisation.techniques.technique import Target
from field_pseudonymisation.text.renewal import TextsAsTheyAre
from field_pseudonymisation.text.transform import DetectText
from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.recipe import Recipe, RecipeColumn, RecipeRule
    from field_pseudonymisation.techniques.technique import Transform
    from util_services.keys.keyset import Keyset


@dataclass
class ReverseColumn:
    """What is brought back of one column; nothing where ``transform`` is None."""

    name: str
    type: pa.DataType  # as the column is
    original: pa.DataType
    transform: Transform | Nested | None
    dtype: str | None = None
    is_asked: bool = True  # whether it comes out, or only others need it

    @property
    def is_restored(self) -> bool:
        """Whether it comes out as it was."""
        return self.transform is not None and self.is_asked

    @property
    def restored(self) -> pa.DataType:
        """The type of what is brought back."""
        return self.transform.restored if isinstance(self.transform, Nested) else self.original

    @property
    def output(self) -> pa.DataType:
        """The type of what comes out."""
        return self.restored if self.is_restored else self.type


@dataclass
class ReversePlan:
    """What is brought back of all columns, in the order of the dataset."""

    columns: tuple[ReverseColumn, ...]
    written: Mapping[str, Any] | None = None  # the imprint of the dataset of the recipe
    former: Callable[[str, pa.DataType], Transform] | None = None  # by the pattern of a rule
    rows: int = 0
    imprint: Imprint = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to take an imprint of what is brought back."""
        self.imprint = Imprint([one.name for one in self.columns if one.transform is not None])

    def require_same(self) -> None:
        """Refuse a dataset, all of which ``imprint`` has taken in, that is not the recipe's.

        Raises:
            PolicyError: saying what is another.
        """
        if self.written is not None:
            self.imprint.require(self.written)

    @property
    def restored(self) -> tuple[str, ...]:
        """The columns that come out as they were."""
        return tuple(column.name for column in self.columns if column.is_restored)

    @property
    def output(self) -> pa.Schema:
        """Names and types of the columns that come out."""
        return pa.schema([(column.name, column.output) for column in self.columns])

    def apply(self, batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        """Return the columns of a batch; batches come in order.

        Raises:
            CellsError: with numbers of rows.
        """
        originals: dict[str, pa.Array] = {}
        work = [column for column in self.columns if column.transform is not None]
        for column in sorted(
            work, key=lambda one: len(one.transform.needs if one.transform else ())
        ):
            if column.transform is None:
                continue
            with in_column(column.name, self.rows):
                values = plain(batch[column.name])
                done = column.transform.reverse(values, dict(batch) | originals)
                originals[column.name] = done.cast(column.restored)
        self.rows += rows
        return {
            column.name: originals[column.name] if column.is_restored else batch[column.name]
            for column in self.columns
        }


def compile_recipe(
    recipe: Recipe,
    fields: Sequence[tuple[str, pa.DataType]],
    keyset: Keyset | None,
    *,
    columns: Collection[str] | None = None,
    domain: str | None = None,
    vaults: Path | None = None,
    renews: bool = False,
) -> ReversePlan:
    """Return how columns of a pseudonymised dataset are brought back.

    Args:
        recipe: what was done to it.
        fields: its columns.
        keyset: the keys.
        columns: those to bring back; None for all of which that is possible.
        domain: the domain that is asked for; columns of another one are refused.
        vaults: the folder of token vaults.
        renews: whether all is pseudonymised anew at once; texts then come as they are, for what is
            in them is brought back pseudonym by pseudonym.

    Raises:
        PolicyError: in one sentence, if that cannot be done.
        KeysError: if a key is missing, disabled, destroyed, or another than it was.
    """
    recipe.require_seal(keyset)
    known = {column.name: column for column in recipe.columns}
    types = dict(fields)
    wanted = _wanted(recipe, types, columns, domain)
    keyset = keyset if recipe.needs_keys else None
    maker = _Maker(known, types, keyset, vaults, renews)
    needed = {name for one in wanted for name in maker.needs(one) if known[name].is_reversible}
    found = []
    for name, kind in fields:
        column = known.get(name)
        transform = maker.make(column, plain_type(kind)) if name in {*wanted, *needed} else None
        found.append(
            ReverseColumn(
                name=name,
                type=plain_type(kind),
                original=kind if column is None else column.type,
                transform=transform,
                dtype=None if column is None else column.dtype,
                is_asked=name in wanted,
            )
        )
    return ReversePlan(tuple(found), recipe.dataset, maker.former)


def _wanted(
    recipe: Recipe,
    types: Mapping[str, pa.DataType],
    columns: Collection[str] | None,
    domain: str | None,
) -> list[str]:
    able = [column.name for column in recipe.columns if column.is_reversible]
    if columns is not None:
        unknown = [name for name in columns if name not in types]
        if unknown:
            raise PolicyError(
                f"'columns' names columns that the dataset does not have: {quoted(unknown)}; it "
                f"has {quoted(list(types))}."
            )
        unable = [name for name in columns if name not in able]
        if unable:
            raise PolicyError(
                f"Nothing can be brought back of {quoted(unable)}; reversible are "
                f"{quoted(able) or 'none'}."
            )
    wanted = [name for name in able if name in types and (columns is None or name in columns)]
    if not wanted:
        raise PolicyError("No column of the dataset can be brought back with this recipe.")
    domain = None if domain is None else normal_domain(domain)
    others = sorted(
        {
            rule.domain
            for column in recipe.columns
            if column.name in wanted
            for rule in column.rules
            if rule.reversible and rule.key_id is not None and rule.domain != domain
        }
    )
    if domain is not None and others:
        raise PolicyError(
            f"The columns belong to the domain {quoted(others)} and not to {quoted_name(domain)}; "
            "correct 'domain', or name columns of one domain under 'columns'."
        )
    return wanted


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the transforms of columns as their recipe describes them."""

    known: Mapping[str, RecipeColumn]
    present: Collection[str]
    keyset: Keyset | None
    vaults: Path | None
    renews: bool

    def former(self, pattern: str, kind: pa.DataType) -> Transform:
        """Return how the pseudonyms of a rule came about."""
        for column in self.known.values():
            for rule in column.rules:
                if self._rule(column, rule).pattern == pattern:
                    return self._made(column, rule, kind)
        raise AssertionError("the rules of pseudonyms that are made anew are those of the recipe")

    def make(self, column: RecipeColumn | None, kind: pa.DataType) -> Transform | Nested | None:
        """Return the transform that brings a column back."""
        if column is None:
            return None
        if column.rules[0].path is None:
            (rule,) = column.rules
            self._require_key(rule)
            return self._bound(column, rule, plain_type(column.type))
        paths = []
        for rule in column.rules:
            if rule.is_undone:
                self._require_key(rule)
            binding = partial(self._bound, column, rule)
            paths.append(PathRule(self._rule(column, rule), binding, is_used=rule.is_undone))
        return Nested(column.name, kind, tuple(paths), "keep", plain_type(column.type))

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the columns whose originals the way back of a column needs.

        Raises:
            PolicyError: if they cannot be had.
        """
        column = self.known[name]
        entities = [rule.options["entity"] for rule in column.rules if "entity" in rule.options]
        for entity in entities:
            other = self.known.get(entity)
            is_same = other is not None and all(r.technique == RETAIN for r in other.rules)
            is_gone = other is None or other.is_dropped or entity not in self.present
            if is_gone or not (is_same or (other is not None and other.is_reversible)):
                raise PolicyError(
                    f"{quoted_name(name)} was shifted by {quoted_name(str(entity))}, of which "
                    "nothing can be brought back; leave it out of 'columns'."
                )
        return tuple(entities)

    def _rule(self, column: RecipeColumn, rule: RecipeRule) -> Rule:
        pattern = column.name if rule.path is None else f"{column.name} -> {rule.path}"
        return make_rule(
            pattern,
            dict(rule.options),
            domain=rule.domain,
            policy=rule.policy,  # type: ignore[arg-type] # checked when it was written
        )

    def _bound(self, column: RecipeColumn, rule: RecipeRule, kind: pa.DataType) -> Transform:
        made = self._made(column, rule, kind)
        if self.renews and isinstance(made, DetectText):
            return TextsAsTheyAre(made.target, made.options)
        return made

    def _made(self, column: RecipeColumn, rule: RecipeRule, kind: pa.DataType) -> Transform:
        made = self._rule(column, rule)
        target = Target(
            column=made.pattern,
            type=kind,
            domain=made.domain,
            policy=made.policy,
            salt=rule.salt,
            keyset=self.keyset,
            key_id=rule.key_id,
            vaults=self.vaults,
        )
        return made.technique.bind(made.options, target)

    def _require_key(self, rule: RecipeRule) -> None:
        """Refuse a keyset that is not the one that was used."""
        if rule.key_id is None:
            if technique(rule.technique).is_keyed:
                raise PolicyError(NOT_AS_WRITTEN)
            return
        if self.keyset is None:
            raise PolicyError("Bringing columns back needs keys; name the keyset.")
        key = self.keyset.key(rule.key_id)
        if key.info.check != rule.key_check:
            raise PolicyError(
                f"The key '{rule.key_id}' of this keyset is another one than was used; use the "
                f"keyset {quoted_name(rule.keyset)} or its backup."
            )
