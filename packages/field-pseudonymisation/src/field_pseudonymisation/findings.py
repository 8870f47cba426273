"""What a report says of a pseudonymisation: counts, names and warnings, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from field_pseudonymisation.frequencies import Frequency
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from field_pseudonymisation.plan import ColumnPlan, Plan
    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.recipe import RecipeRule

FREQUENT_SHARE = 0.1  # of the rows: one value that is so frequent can be told by it
FEW_DISTINCT = 32  # so few classes can be told from one another by their frequencies
NO_TEXTS = "Free texts are not searched for personal data."
LIMITS = (  # what no run does
    "Pseudonymised data are still personal data: whoever holds the keyset can link them, and "
    "reversible techniques can be undone.",
    "What columns say together, such as a postcode beside a date of birth, is not examined; "
    "'assess_risk' measures that.",
    NO_TEXTS,
    "The names of columns, and of members inside of JSON and structs, stay as they are.",
)

RISKS = (
    "After the three risks of WP29 Opinion 05/2014, each as a share of the values of a column.",
    "Singling out: values that stand in one row alone, which whoever knows one finds again.",
    "Linkability: those of them that are the same in other datasets too, of the domain where the "
    "technique has a key, so that rows can be matched one by one.",
    "Inference: the most frequent value, which is how often a guess of it is right.",
    "What columns say together is not measured here; 'assess_risk' does that.",
)

Frequencies = Mapping[str, Frequency]
NOT_COUNTED = Frequency(0, 0, 0)


def columns_told(plan: Plan, found: Frequencies) -> list[dict[str, Any]]:
    """Return what was done to each column, a record for each rule."""
    recipe = {column.name: column for column in plan.recipe().columns}
    return [
        _rule_told(plan, column, *both, found.get(column.name, (None, None)))
        for column in plan.columns
        for both in zip(column.rules or (None,), recipe[column.name].rules or (None,), strict=True)
    ]


def warnings_of_index(frame: Any) -> list[str]:
    """Return a warning of a frame of pandas whose index may hold personal data, and stays."""
    index = getattr(frame, "index", None)
    if index is None or all(level.inferred_type == "integer" for level in _levels(index)):
        return []
    return [
        "The index of the frame stays as it is; if it holds personal data, make columns of it by "
        "'reset_index' and give them rules."
    ]


def _levels(index: Any) -> list[Any]:
    return list(getattr(index, "levels", [index]))


def _rule_told(
    plan: Plan,
    column: ColumnPlan,
    made: Rule | None,
    rule: RecipeRule | None,
    found: Frequency | tuple[None, None],
) -> dict[str, Any]:
    unmatched = "drop" if column.is_dropped else "retain"
    technique = unmatched if rule is None else rule.technique
    keyed = rule if rule is not None and rule.key_id is not None else None
    return {
        "column": column.name,
        "path": None if rule is None else rule.path,
        "technique": technique,
        "term": None if made is None else made.technique.term,
        "domain": None if keyed is None else keyed.domain,
        "policy": made.policy if made is not None and made.technique.is_keyed else None,
        "key_id": None if keyed is None else keyed.key_id,
        "reversible": rule is not None and rule.is_undone,
        "rows": plan.rows,
        "nulls": column.nulls,
        "distinct": found[0],
        "top_frequency": found[1],
        "counts": dict(column.counts),
    }


def leaks(plan: Plan) -> list[str]:
    """Return the columns in which equal values stay equal, so that frequencies may tell them."""
    return [
        column.name
        for column in plan.kept
        if len(column.rules) == 1
        and column.rules[0].keeps_equality
        and column.rules[0].path is None
    ]


def risks_told(plan: Plan, found: Frequencies) -> list[dict[str, Any]]:
    """Return what the columns in which equal values stay equal tell by themselves, as shares."""
    told = []
    for column in plan.kept:
        made_null = column.counts.get("unencryptable_nulls", 0)
        present = plan.rows - column.nulls - made_null
        if column.name not in found or not present:
            continue
        _, top, once = found[column.name]
        (rule,) = column.rules
        is_alone = rule.technique.is_keyed and rule.policy != "deterministic"
        told.append(
            {
                "column": column.name,
                "singling_out_share": round(once / present, 4),
                "linkability_share": 0.0 if is_alone else round(once / present, 4),
                "inference_share": round(top / present, 4),
            }
        )
    return told


def warnings_of(plan: Plan, found: Frequencies) -> list[str]:
    """Return what a reader should act on."""
    told = []
    for column in plan.kept:
        name = quoted_name(column.name)
        distinct, top, _ = found.get(column.name, NOT_COUNTED)
        present = plan.rows - column.nulls
        if distinct and present > FEW_DISTINCT:
            if distinct <= FEW_DISTINCT:
                told.append(
                    f"{name} has {distinct} different values, which their frequencies may tell; "
                    "use the policy 'random', or generalise it."
                )
            elif top >= FREQUENT_SHARE * present:
                told.append(
                    f"One value makes up {top / present:.0%} of {name}, which may tell it; use the "
                    "policy 'random'."
                )
        if column.not_nfc:
            told.append(
                f"{name} has {column.not_nfc} texts that are not in Unicode's normal form C, so "
                "that texts that look equal may get different tokens; set 'normalise: nfc'."
            )
        counts = column.counts
        if counts.get("unencryptable_nulls"):
            told.append(
                f"{counts['unencryptable_nulls']} values of {name} could not be encrypted and are "
                "missing now, as 'on_unencryptable: null' says."
            )
        if counts.get("rows_alone"):
            told.append(
                f"{counts['rows_alone']} values of {name} stay in their rows, which are alone in "
                "their groups; name wider ones under 'within'."
            )
        if counts.get("pseudonyms_kept"):
            told.append(
                f"{counts['pseudonyms_kept']} pseudonyms in texts of {name} lead back to no value, "
                "and stay under their former key."
            )
        if counts.get("fixed_points"):
            told.append(
                f"{counts['fixed_points']} values of {name} are their own ciphertexts, as happens "
                "once in a domain on average."
            )
    return told
