"""Policies for pseudonymising anew: what takes the place of the former rules, and what may not.

Originals are in memory on the way, and nobody has approved that they are seen. What comes out of
them may therefore tell nothing to those who do not hold the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.policy import PseudonymisationPolicy, make_rule
from field_pseudonymisation.recipe import Recipe, RecipeColumn, is_free_text
from field_pseudonymisation.reverse import compile_recipe
from field_pseudonymisation.techniques.catalogue import RETAIN
from field_pseudonymisation.text.options import DETECT_TEXT
from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from field_pseudonymisation.plan import Plan
    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.recipe import RecipeRule
    from field_pseudonymisation.reverse import ReversePlan
    from util_services.keys.keyset import Keyset

FORMAT = "format_preserving_encrypt"
SHIFT = "date_shift"
FORM = ("alphabet", "separators", "keep_prefix", "keep_suffix", "preserve_from", "check_digit")
KEPT = {"separators": "", "keep_prefix": 0, "keep_suffix": 0, "preserve_from": ""}


@dataclass(frozen=True, slots=True)
class Renewal:
    """The way from former pseudonyms to new ones, which originals leave by no other door."""

    former: Recipe
    back: ReversePlan
    plan: Plan

    @property
    def kept(self) -> list[str]:
        """The columns of the recipe of which nothing can be brought back."""
        return [one.name for one in self.former.columns if one.name not in self.back.restored]

    def apply(self, batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        """Return the columns of a batch anew; batches come in order.

        Raises:
            CellsError: with numbers of rows.
        """
        return self.plan.apply(self.back.apply(batch, rows), rows)

    def recipe(self) -> Recipe:
        """Return the recipe of all that was applied; what was not done anew is as it was."""
        return renewed_recipe(self.former, self.plan, self.back)


def compile_renewal(
    former: Recipe,
    fields: Sequence[tuple[str, pa.DataType]],
    former_keys: Callable[[str], Keyset],
    new_keys: Callable[[str], Keyset],
    *,
    rules: Mapping[str, Any],
    keyset: str = "",
    domain: str = "",
    policy: str = "",
    vaults: Path | None = None,
) -> Renewal:
    """Return how the columns of a pseudonymised dataset are pseudonymised anew.

    Args:
        former: the recipe of the dataset.
        fields: the names and types of its columns.
        former_keys: gives the keyset that leads back, by its name.
        new_keys: gives the keyset of the new pseudonyms, by its name.
        rules: new ones by column; the others keep theirs.
        keyset: the name of the new keyset; the former one if empty.
        domain: the new domain; the former ones if empty.
        policy: the new policy; the former ones if empty.
        vaults: the folder of token vaults.

    Raises:
        PolicyError: if the recipe does not fit, or originals would show.
        KeysError: if a key is missing, disabled or destroyed.
    """
    old = former.keyset
    back = compile_recipe(
        former, fields, former_keys(old) if old else None, vaults=vaults, renews=True
    )
    chosen = renewed_policy(
        former, back, rules=rules, keyset=keyset or old, domain=domain, policy=policy
    )
    plan = compile_policy(
        chosen,
        [(column.name, column.output) for column in back.columns],
        new_keys(chosen.keyset) if chosen.needs_keys else None,
        vaults=vaults,
        dtypes={column.name: column.dtype for column in former.columns if column.dtype},
        stored={column.name: column.type for column in former.columns},
        former=back.former,
    )
    if plan.waits_for:
        raise PolicyError("'shuffle' is for data as they were; leave it out, or use 'hash'.")
    return Renewal(former, back, plan)


def renewed_policy(
    former: Recipe,
    back: ReversePlan,
    *,
    rules: Mapping[str, Any],
    keyset: str,
    domain: str = "",
    policy: str = "",
) -> PseudonymisationPolicy:
    """Return the policy of the new tokens: the former rules, with what is given anew.

    Raises:
        PolicyError: for a rule of a column of which nothing was brought back, and for one whose
            output would show what was.
    """
    unable = [name for name in rules if name not in back.restored]
    if unable:
        raise PolicyError(
            f"Nothing can be brought back of {quoted(unable)}, so there are no new rules for them; "
            f"those that can are {quoted(back.restored)}."
        )
    chosen: dict[str, Any] = {column.name: {"technique": RETAIN} for column in back.columns}
    for column in former.columns:
        if column.name not in back.restored:
            continue
        if column.name in rules and is_free_text(column):
            raise PolicyError(
                f"rules.{column.name}: the pseudonyms in texts keep their rules; leave it out, for "
                "'keyset', 'domain' and 'policy' hold for them too."
            )
        if column.name in rules:
            rule = make_rule(column.name, rules[column.name])
            require_hiding(rule, column)
            chosen[column.name] = _completed(rule, column, domain=domain, policy=policy)
            continue
        for old in column.rules:
            if old.path is not None and not old.is_undone:
                continue  # what is there cannot be brought back, and stays
            options = dict(old.options)
            options["domain"] = domain or old.domain
            options["policy"] = policy or old.policy
            if old.technique == DETECT_TEXT:
                given = {"domain": domain, "policy": policy}
                options["entities"] = _entities(old, {k: v for k, v in given.items() if v})
            if policy:
                options.pop("mode", None)  # the policy that is given decides
            if old.path is not None:
                chosen.pop(column.name, None)
            pattern = column.name if old.path is None else f"{column.name} -> {old.path}"
            chosen[pattern] = options
    domains = {r.domain for c in former.columns for r in c.rules if r.domain}
    return PseudonymisationPolicy(
        keyset=keyset,
        domain=domain or next(iter(sorted(domains)), ""),
        rules=chosen,
        unmatched="keep",
        policy=policy or "deterministic",  # type: ignore[arg-type] # checked by the policy
    )


def _entities(old: RecipeRule, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the rules of entities with what is given anew in the place of what they name."""

    def renewed(rule: Any) -> Any:
        if isinstance(rule, str):
            return rule
        return {name: given.get(name, value) for name, value in rule.items()}

    return {name: renewed(rule) for name, rule in old.options["entities"].items()}


def _completed(rule: Rule, column: RecipeColumn, *, domain: str, policy: str) -> dict[str, Any]:
    """Return a new rule with the domain and policy that it does not name: the column's former."""
    options = rule.describe()
    if not rule.technique.is_keyed:
        return options
    former = [old for old in column.rules if old.is_undone]
    for name, given, found in (
        ("domain", domain, {old.domain for old in former}),
        ("policy", policy, {old.policy for old in former}),
    ):
        if name in options:
            continue
        if not given and len(found) > 1:
            raise PolicyError(
                f"rules.{rule.pattern}: places of {quoted_name(column.name)} had more than one "
                f"{name}; name the new one under '{name}'."
            )
        options[name] = given or next(iter(found))
    return options


def require_hiding(rule: Rule, column: RecipeColumn) -> None:
    """Refuse a rule whose output would show more of the originals than the column does.

    Raises:
        PolicyError: naming the rule.
    """
    name = rule.technique.name
    if name == SHIFT:
        is_hiding = any(
            old.technique == SHIFT
            and old.options["entity"] == rule.describe()["entity"]
            and old.options["days"] <= rule.describe()["days"]
            for old in column.rules
        )
    elif name == FORMAT:
        new = rule.describe()
        is_hiding = _keeps_nothing(new) or any(
            old.technique == FORMAT and all(old.options.get(o) == new.get(o) for o in FORM)
            for old in column.rules
        )
    else:
        is_hiding = rule.technique.hides_values
    if not is_hiding:
        raise PolicyError(
            f"rules.{rule.pattern}: '{name}' would show originals of {quoted_name(column.name)}, "
            "or more of them than before; use 'hash', 'encrypt' or 'tokenise', or bring the column "
            "back by 'depseudonymise_structured', with an approval."
        )


def _keeps_nothing(options: Mapping[str, Any]) -> bool:
    is_bare = all(options.get(name, nothing) == nothing for name, nothing in KEPT.items())
    return is_bare and options.get("check_digit") in {"none", "luhn", "mod97"}


def renewed_recipe(former: Recipe, plan: Plan, back: ReversePlan) -> Recipe:
    """Return the recipe of the new dataset: what was not done anew is as it was."""
    new = {column.name: column for column in plan.recipe().columns}

    def of(column: RecipeColumn) -> RecipeColumn:
        if column.name not in back.restored:
            return column
        renewed = new[column.name]
        if renewed.rules[0].path is None:
            return renewed
        by_path = {rule.path: rule for rule in renewed.rules}
        return replace(renewed, rules=tuple(by_path.get(old.path, old) for old in column.rules))

    columns = tuple(map(of, former.columns))
    return Recipe(columns, former.unmatched, plan.imprint.to_dict()).sealed(plan.keyset)
