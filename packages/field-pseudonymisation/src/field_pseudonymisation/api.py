"""The calls for notebooks and scripts, with the same results as the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from field_pseudonymisation import findings
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.frames import columns_of, frame_like, refuse_strange
from field_pseudonymisation.frequencies import frequencies
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.policy import PseudonymisationPolicy
from field_pseudonymisation.recipe import Recipe
from field_pseudonymisation.renewal import compile_renewal
from field_pseudonymisation.reverse import compile_recipe
from field_pseudonymisation.techniques.encoding import plain_type
from field_pseudonymisation.text.findings import limits_of, texts_told
from util_services.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from field_pseudonymisation.plan import Plan
    from util_services.keys.keyset import Keyset


def pseudonymise(
    frame: Any,
    policy: PseudonymisationPolicy,
    keys: Keyset | None = None,
    *,
    vaults: Path | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a frame with its columns transformed, and a report with the recipe of the way back.

    The frame, of pandas or Arrow, is not changed; index, order and labels stay.

    Args:
        frame: a pandas DataFrame or an Arrow table.
        policy: what becomes of its columns.
        keys: the keyset; by default the one that the policy names.
        vaults: the folder of token vaults; by default ``DATA_SERVICES_VAULTS``.

    Raises:
        PolicyError: if the policy does not fit the frame.
        CellsError: if a value cannot be transformed; nothing is returned then.
        KeysError: if the keyset cannot be used.
    """
    columns, dtypes = columns_of(frame)
    fields = [(name, array.type) for name, array in columns.items()]
    plan = compile_policy(
        policy,
        fields,
        _keyset(keys, policy.keyset, needed=policy.needs_keys),
        vaults=vaults,
        dtypes=dtypes,
        stored=None if dtypes else dict(fields),
    )
    for column in plan.kept:
        if column.transform is not None:
            refuse_strange(column.name, column.dtype)
    plan.prepare({name: columns[name] for name in plan.waits_for})
    done = plan.apply(columns, len(frame))
    plan.require_met()
    touched = {column.name: None for column in plan.kept if column.transform is not None}
    keeps_type = {c.name for c in plan.kept if c.transform and c.output == c.type}
    result = frame_like(
        frame, done, {name: dtypes.get(name) if name in keeps_type else None for name in touched}
    )
    return result, _report("pseudonymise", frame, plan, done, plan.recipe_of_done())


def repseudonymise(
    frame: Any,
    recipe: Recipe | Mapping[str, Any],
    keys: Keyset | None = None,
    *,
    new_keys: Keyset | None = None,
    rules: Mapping[str, Any] | None = None,
    domain: str = "",
    policy: str = "",
    other_dataset: bool = False,
    vaults: Path | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a frame with new pseudonyms in the place of its former ones, and a report with theirs.

    Columns of which nothing can be brought back stay as they are. No original comes out: rules that
    would show some are refused.

    Args:
        frame: a pandas DataFrame or an Arrow table that ``pseudonymise`` has made.
        recipe: the report, or the recipe in it.
        keys: the keyset that leads back; by default the one that the recipe names.
        new_keys: the keyset of the new pseudonyms; by default the former one with its primary key.
        rules: new rules by column; the others keep theirs.
        domain: the domain of the new pseudonyms; by default the former ones.
        policy: ``deterministic``, ``per_dataset`` or ``random``; by default the former ones.
        other_dataset: whether the frame may be another than ``pseudonymise`` has made.
        vaults: the folder of token vaults.

    Raises:
        PolicyError: if the recipe does not fit, is of another frame, or originals would show.
        TokenError: if a value is not as it was written; nothing is returned then.
        KeysError: if a key is missing, disabled or destroyed.
    """
    columns, dtypes = columns_of(frame)
    former = as_recipe(recipe)
    renewal = compile_renewal(
        former,
        [(name, array.type) for name, array in columns.items()],
        lambda name: _named_keyset(keys, name),
        lambda name: _named_keyset(keys if new_keys is None else new_keys, name),
        rules=rules or {},
        keyset="" if new_keys is None else new_keys.name,
        domain=domain,
        policy=policy,
        vaults=vaults,
    )
    plan = renewal.plan
    done = renewal.apply(columns, len(frame))
    if not other_dataset:
        renewal.back.imprint.add(columns, len(frame))
        renewal.back.require_same()
    changed = {
        name: dtypes.get(name) if done[name].type == plain_type(columns[name].type) else None
        for name in renewal.back.restored
        if name in done
    }
    report = _report("repseudonymise", frame, plan, done, renewal.recipe())
    return frame_like(frame, done, changed), {**report, "kept": renewal.kept}


def _report(
    operation: str, frame: Any, plan: Plan, done: Mapping[str, pa.Array], recipe: Recipe
) -> dict[str, Any]:
    found = {name: frequencies(done[name]) for name in findings.leaks(plan)}
    return {
        "operation": operation,
        "rows": len(frame),
        "keyset": plan.policy.keyset,
        "columns": findings.columns_told(plan, found),
        "risks": findings.risks_told(plan, found),
        "warnings": [*findings.warnings_of(plan, found), *findings.warnings_of_index(frame)],
        "limits": list(limits_of(plan)),
        "texts": texts_told(plan),
        "recipe": recipe.to_dict(),
    }


def depseudonymise(
    frame: Any,
    recipe: Recipe | Mapping[str, Any] | PseudonymisationPolicy,
    keys: Keyset | None = None,
    *,
    columns: Sequence[str] | None = None,
    other_dataset: bool = False,
    vaults: Path | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return a frame with its reversible columns as they were, and a report that names them.

    Types, leading zeros and missing values come back; the rest of the columns stays as it is.

    Args:
        frame: a pandas DataFrame or an Arrow table that ``pseudonymise`` has made.
        recipe: the report, or the recipe in it; or the policy, where all that is to come back are
            tokens (``encrypt``, ``tokenise``) of texts and the policy was not ``per_dataset``.
        keys: the keyset; by default the one that the recipe names.
        columns: those to bring back; by default all of which that is possible.
        other_dataset: whether the frame may be another than ``pseudonymise`` has made, such as
            some of its rows. Tokens are checked all the same; shifted dates and what FF1 has made
            would come back wrong unnoticed.
        vaults: the folder of token vaults.

    Raises:
        PolicyError: if the recipe does not fit, is of another frame, or names another key.
        TokenError: if a value is not as it was written; nothing is returned then.
        KeysError: if a key is missing, disabled or destroyed.
    """
    found, _ = columns_of(frame)
    fields = [(name, array.type) for name, array in found.items()]
    if isinstance(recipe, PseudonymisationPolicy):
        keyset = _keyset(keys, recipe.keyset, needed=recipe.needs_keys)
        recipe = _recipe_of(recipe, list(found), columns, keyset, vaults)
    else:
        recipe = as_recipe(recipe)
        keyset = _keyset(keys, recipe.keyset, needed=recipe.needs_keys)
    plan = compile_recipe(recipe, fields, keyset, columns=columns, vaults=vaults)
    done = plan.apply(found, len(frame))
    if not other_dataset:
        plan.imprint.add(found, len(frame))
        plan.require_same()
    changed = {c.name: c.dtype for c in plan.columns if c.name in plan.restored}
    report = {
        "operation": "depseudonymise",
        "rows": len(frame),
        "restored": list(plan.restored),
        "kept": [column.name for column in plan.columns if column.name not in plan.restored],
    }
    return frame_like(frame, done, changed), report


def as_recipe(given: Recipe | Mapping[str, Any]) -> Recipe:
    """Return the recipe that a report holds, or is."""
    if isinstance(given, Recipe):
        return given
    if not isinstance(given, Mapping):
        raise PolicyError("The recipe is the report of 'pseudonymise', or what is in it.")
    return Recipe.from_dict(given.get("recipe", given))


def _recipe_of(
    policy: PseudonymisationPolicy,
    names: list[str],
    wanted: Sequence[str] | None,
    keyset: Keyset | None,
    vaults: Path | None,
) -> Recipe:
    """Return the recipe of a policy under the key for new data, where a wrong one would show."""
    if policy.policy == "per_dataset":
        raise PolicyError("With 'per_dataset' only the report of the run leads back; hand it over.")
    plan = compile_policy(policy, [(name, pa.string()) for name in names], keyset, vaults=vaults)
    untold = [
        column.name
        for column in plan.columns
        if (wanted is None or column.name in wanted)
        and any(rule.is_undone and not rule.technique.is_self_describing for rule in column.rules)
    ]
    if untold:
        raise PolicyError(
            f"The values of {quoted(untold)} do not tell under which key they came about; hand "
            "over the report of the run, or name other columns under 'columns'."
        )
    return plan.recipe()


def _keyset(keys: Keyset | None, name: str, *, needed: bool) -> Keyset | None:
    return _named_keyset(keys, name) if needed or keys is not None else None


def _named_keyset(keys: Keyset | None, name: str) -> Keyset:
    from util_services.keys.keyset import Keyset

    if keys is not None:
        if keys.purpose != PURPOSE:
            from util_services.keys.errors import WrongPurposeError

            raise WrongPurposeError(keys.name, keys.purpose, PURPOSE)
        return keys
    if not name:
        raise PolicyError("The rules need keys; hand over a keyset, or name one under 'keyset'.")
    return Keyset.load(name, purpose=PURPOSE)


PURPOSE = "pseudonymisation"
