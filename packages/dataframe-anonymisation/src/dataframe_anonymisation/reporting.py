"""What a report says of an anonymised table: counts, labels by number, and words; no cell value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dataframe_anonymisation import loss
from dataframe_anonymisation.hierarchies.rows import RowHierarchy
from dataframe_anonymisation.models.k_anonymity import POPULATION, PersonAnonymity
from dataframe_anonymisation.queries import query_error
from dataframe_anonymisation.risk import Risk, rank_columns, risk_of
from dataframe_anonymisation.search.solution import SUPPRESSED
from dataframe_anonymisation.small_counts import told
from dataframe_anonymisation.table import Contingency
from dataframe_anonymisation.techniques import techniques_of
from dataframe_anonymisation.wildcards import wildcard_risk
from util_services.errors import quoted, quoted_name
from util_services.reports import Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.models import Model
    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved
    from dataframe_anonymisation.table import Classes
    from dataframe_anonymisation.verify import Verdict

LIMITS = (
    "The models bound what can be learnt from this table alone; repeated releases of one "
    "population do not compose (Ganta et al. 2008), and who knows the algorithm may learn more "
    "(Wong et al. 2007).",
    "Columns that are published as they are can re-identify people where they are known elsewhere.",
    "Risks are those of the classes of this table; without a population table, journalist and "
    "marketer risk count each class as large as it is here.",
    "Nothing here is a legal verdict on whether the data are anonymous.",
)
DEFINITIONS = {
    "class": "the rows that share their published quasi-identifiers",
    "loss (GCP)": "mean share of its column's range that a published cell leaves open: "
    "0 unchanged, 1 suppressed",
    "prosecutor risk": "the chance to find somebody's row who is known to be in the table",
    "journalist risk": "the same of somebody who may be anybody of the population; without a "
    "population table it is that of the prosecutor",
    "marketer risk": "the share of rows that linking with another table gets right on average",
}
SMALL = " Counts of fewer than {} rows of the original table are not told."
OWN = "own labels"
WILDCARDS = "highest prosecutor risk where '*' may be any value"
SHOWN = (  # by the sections, or as options; the page does not list them once more
    "algorithm",
    "algorithm_reason",
    "counted",
    "distances_withheld",
    "distinct_combinations",
    "generalisations_visited",
    "has_population",
    "hierarchy_delimiters",
    "loss",
    "missing_quasi_identifiers",
    "models",
    "optimal",
    "order",
    "report_threshold",
    "rows_exempt",
    "rows_suppressed",
    "suppressed_by_reason",
    "suppressed_class",
    "suppressed_share",
    "suppression_limit_share",
)
UNIQUE_SHARE = 0.9  # from which an insensitive column is nearly an identifier


def build_facts(
    policy: AnonymisationPolicy,
    solved: Solved,
    verdict: Verdict | None,
    strangers: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the figures of an anonymisation as plain data."""
    table, solution = solved.prepared.table, solved.solution
    classes = solution.classes(table)
    before = risk_of(_members(table, policy), population=_in_population(table))
    after = risk_of(_members(classes, policy), population=_in_population(classes))
    ncp = loss.cell_losses(table, solution)
    return {
        "models": [
            {**model.to_dict(), "achieved": _achieved(model, classes, solved)}
            for model in solved.prepared.models
        ],
        "techniques": techniques_of(policy, solved, strangers),
        "algorithm": solution.algorithm,
        "algorithm_reason": solved.reason,
        "optimal": solution.is_optimal,
        "generalisations_visited": solution.visited,
        "counted": "rows" if policy.entity is None else "persons",
        "has_population": POPULATION in table.attributes,
        "rows": table.rows,
        "rows_suppressed": solved.rows_suppressed,
        "suppressed_share": solved.rows_suppressed / table.rows if table.rows else 0.0,
        "suppression_limit_share": policy.suppression_limit,
        "suppressed_by_reason": told(solved.suppressed, policy.report_threshold),
        "report_threshold": policy.report_threshold,
        "distinct_combinations": len(table),
        "loss": {
            "gcp": loss.gcp(table, solution, _weights(policy)),
            "gcp_by_column": dict(zip(policy.quasi_identifiers, ncp, strict=True)),
            "lm": float(np.mean(loss.cell_losses(table, solution, "lm"))),
            "non_uniform_entropy": dict(
                zip(
                    policy.quasi_identifiers, loss.non_uniform_entropy(table, solution), strict=True
                )
            ),
            "discernibility": loss.discernibility(table, solution),
            "average_class_size": loss.average_class_size(table, solution, solved.k),
            "median_query_error": query_error(table, solution),
        },
        "risk_before": before.to_dict_without_small_counts(policy.report_threshold),
        "risk_after": after.to_dict() | _wildcards(policy, solved),
        "quasi_identifiers": rank_columns(table),
        "levels": _levels(solved),
        "hierarchies": {
            taxonomy.column: [len(labels) for labels in taxonomy.labels[: taxonomy.height + 1]]
            for taxonomy in table.taxonomies
        },
        "hierarchy_delimiters": {
            name: hierarchy.delimiter
            for name, hierarchy in policy.hierarchies.items()
            if isinstance(hierarchy, RowHierarchy) and hierarchy.delimiter is not None
        },
        "shift_of_sensitive_attributes": _shifts(policy, solved),
        "distances_withheld": solved.withholds_distances,
        "missing_quasi_identifiers": policy.missing_quasi_identifiers,
        "suppressed_class": policy.suppressed_class,
        "rows_exempt": solved.rows_suppressed if policy.hides_sensitive else 0,
        "order": policy.order,
        "verified": None if verdict is None else verdict.to_dict(),
    }


def brief(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that stand at the top of a report; the sections have the others."""
    left_to_sections = {
        "hierarchies",
        "levels",
        "quasi_identifiers",
        "risk_after",
        "risk_before",
        "rows",
        "techniques",
        "shift_of_sensitive_attributes",
        "verified",
    }
    kept = {name: value for name, value in facts.items() if name not in left_to_sections}
    kept["loss"] = {k: v for k, v in facts["loss"].items() if not isinstance(v, dict)}
    return kept


def published_as_they_are(policy: AnonymisationPolicy, strangers: Sequence[str]) -> list[str]:
    """Return the columns that no model protects and that are published as they are."""
    kept = strangers if policy.unclassified == "keep" else ()
    return [*policy.insensitive_attributes, *kept]


def is_nearly_unique(distinct: int, rows: int) -> bool:
    """Return whether a column of so many values is nearly an identifier (AN-08)."""
    return rows > 1 and distinct >= UNIQUE_SHARE * rows


def build_warnings(
    policy: AnonymisationPolicy,
    solved: Solved,
    strangers: list[str],
    distinct: Mapping[str, int],
) -> tuple[str, ...]:
    """Return what a reader should act on.

    Args:
        policy: what was asked for.
        solved: what came of it.
        strangers: columns without a role.
        distinct: how many values columns have that are published as they are.
    """
    rows = solved.prepared.table.rows
    warnings = [
        f"{taxonomy.misplaced} values of {quoted_name(taxonomy.column)} do not lie in the numbers "
        "that a label of their hierarchy says; correct the hierarchy."
        for taxonomy in solved.prepared.table.taxonomies
        if taxonomy.misplaced
    ]
    warnings += [
        f"{quoted_name(name)} is published as it is and has {count} values in {rows} rows: it is "
        "nearly an identifier."
        for name, count in distinct.items()
        if is_nearly_unique(count, rows)
    ]
    if policy.keep_entity:
        warnings.append(
            f"{quoted_name(str(policy.entity))} is published as it is and tells which rows are of "
            "one person; it may hold nothing but pseudonyms."
        )
    if strangers and policy.unclassified != "error":
        done = "dropped" if policy.unclassified == "drop" else "published as they are"
        warnings.append(f"Columns without a role were {done}: {quoted(strangers)}.")
    if policy.order == "preserve":
        warnings.append("The rows keep the order of the input, which can tell whose they are.")
    if solved.rows_suppressed and solved.rows_suppressed == rows:
        warnings.append("Every row is suppressed; the table holds nothing.")
    blank = _blank(solved)
    if blank:
        warnings.append(
            f"All rows have '*' in {quoted(blank)}, which tells nothing any more; ask less of the "
            "models, let more rows be suppressed, or give a hierarchy with more levels."
        )
    return tuple(warnings)


def _blank(solved: Solved) -> list[str]:
    """Return the columns that are suppressed in all rows, though they hold several values."""
    table, levels = solved.prepared.table, solved.solution.levels
    return [
        taxonomy.column
        for taxonomy, level in zip(table.taxonomies, levels, strict=True)
        if len(level) and (level == taxonomy.height).all() and taxonomy.present.sum() > 1
    ]


def build_sections(facts: dict[str, Any], solved: Solved) -> tuple[Section, ...]:
    """Return the parts of a report that a data steward reads without help."""
    return (
        _privacy(facts),
        _risk(facts),
        _utility(facts, solved),
    )


def _privacy(facts: dict[str, Any]) -> Section:
    rows = []
    for model in facts["models"]:
        requested = ", ".join(
            f"{k} = {v}" for k, v in model.items() if k not in {"model", "attribute", "achieved"}
        )
        rows.append(
            (model["model"], model.get("attribute") or "", requested, _told(model["achieved"]))
        )
    verified = facts["verified"]
    text: tuple[str, ...] = ("Every class of the published table satisfies every model.",)
    if facts["techniques"]:
        told = ", ".join(facts["techniques"])
        text = (*text, f"Techniques, in the terms of ISO/IEC 20889: {told}.")
    if facts["counted"] == "persons":
        text = (
            *text,
            "Models and risks count persons: whoever has several rows counts once in a class, and "
            "once for each sensitive value there.",
        )
    if facts["rows_exempt"]:
        text = (
            *text,
            f"The {facts['rows_exempt']} masked rows are in no class and exempt from the models; "
            "their sensitive values are left out.",
        )
    if verified is not None:
        text = (
            *text,
            f"An independent check of the published rows found {verified['classes']} classes.",
        )
    if facts["distances_withheld"]:
        text = (
            *text,
            "So few rows are suppressed that distances to the original table would tell their "
            "values; they are not told.",
        )
    return Section(
        "Privacy models",
        text=text,
        facts={
            key: facts[key]
            for key in ("rows_suppressed", "suppressed_share", "suppression_limit_share")
        },
        tables=(Table("Models", ("model", "column", "asked for", "reached"), tuple(rows)),),
        figures=(
            Figure.of(
                "What became of the rows",
                "parts",
                {"published": facts["rows"] - facts["rows_suppressed"]}
                | _reasons(facts["suppressed_by_reason"], facts["rows_suppressed"]),
                unit="rows",
            ),
        ),
        shows=SHOWN,
    )


def _reasons(counts: dict[str, int | None], suppressed: int) -> dict[str, int]:
    """Return the rows that each reason suppressed; those that are not told are one number."""
    known = {why: count for why, count in counts.items() if count}
    rest = suppressed - sum(known.values())
    return known | ({"suppressed for several reasons": rest} if rest else {})


def _measures(risk: Mapping[str, Any]) -> dict[str, str]:
    """Return the measures of risk that a page shows, in words."""
    return {
        "uniques": "rows that are alone in their class",
        "smallest": "smallest class",
        "prosecutor_highest": "highest prosecutor risk",
        "prosecutor_average": "average prosecutor risk",
        "journalist_highest": "highest journalist risk",
        "journalist_average": "average journalist risk",
        "marketer": "marketer risk",
        "at_risk_share": f"share of rows with a risk above {risk['threshold']}",
    }


def _risk(facts: dict[str, Any]) -> Section:
    before, after = facts["risk_before"], facts["risk_after"]
    rows = [
        (name, _told(before[key]), _rounded(after[key])) for key, name in _measures(after).items()
    ]
    if "wildcard_highest" in after:
        after_wildcards = _rounded(after["wildcard_highest"])
        rows.append((WILDCARDS, _told(before["prosecutor_highest"]), after_wildcards))
    sizes = Figure(
        "Rows by the size of their class",
        "columns",
        tuple(after["sizes"]),
        {
            "before": tuple(before["sizes"].values()),
            "after": tuple(after["sizes"].values()),
        },
        "rows",
        "The fewer rows stand on the left, the fewer can be singled out."
        + (SMALL.format(facts["report_threshold"]) if None in before["sizes"].values() else ""),
    )
    three = Table(
        "Singling out, linkability, inference",
        ("risk", "how it is measured", "before", "after"),
        (
            ("singling out", "share of rows that are unique", _share(before), _share(after)),
            (
                "linkability",
                "marketer risk",
                _rounded(before["marketer"]),
                _rounded(after["marketer"]),
            ),
            ("inference", "models on sensitive attributes", "", _inference(facts)),
        ),
        "After the three risks of WP29 Opinion 05/2014.",
    )
    return Section(
        "Risk of re-identification",
        facts={"has_population": facts["has_population"]},
        tables=(Table("Risk", ("measure", "before", "after"), tuple(rows)), three),
        figures=(sizes,),
        definitions=DEFINITIONS,
    )


def _utility(facts: dict[str, Any], solved: Solved) -> Section:
    found, delimiters = facts["loss"], facts["hierarchy_delimiters"]
    figure = Figure.of(
        "Loss of each quasi-identifier",
        "bars",
        {name: round(100 * value, 2) for name, value in found["gcp_by_column"].items()},
        unit="percent",
        note="0 is unchanged, 100 is suppressed.",
    )
    table = solved.prepared.table
    height = max((taxonomy.height for taxonomy in table.taxonomies), default=0)
    levels = Table(
        "Rows by level of generalisation",
        ("column", *(f"level {n}" for n in range(height + 1)), OWN, "suppressed"),
        tuple(
            (
                name,
                *(counts.get(str(n), 0) for n in range(height + 1)),
                counts[OWN],
                facts["rows_suppressed"],
            )
            for name, counts in facts["levels"].items()
        ),
        f"Level 0 is the value itself; {OWN} are labels made of the values of a class.",
    )
    columns = Table(
        "Quasi-identifiers",
        ("column", "loss", "entropy lost", "labels by level", "distinction", "separation"),
        tuple(
            (
                name,
                _rounded(loss_of),
                _rounded(found["non_uniform_entropy"][name]),
                ", ".join(map(str, facts["hierarchies"][name])),
                _rounded(facts["quasi_identifiers"][name]["distinction_share"]),
                _rounded(facts["quasi_identifiers"][name]["separation_share"]),
            )
            for name, loss_of in found["gcp_by_column"].items()
        ),
        "Labels by level: how many the hierarchy has, from values to the root. Distinction: values "
        "per row; separation: the share of pairs of rows that the column tells apart.",
    )
    shifts = tuple(
        (name, _rounded(shift)) for name, shift in facts["shift_of_sensitive_attributes"].items()
    )
    tables: tuple[Table, ...] = (columns, levels)
    if shifts:
        tables = (
            *tables,
            Table(
                "Shift of sensitive attributes",
                ("column", "variational distance"),
                shifts,
                "Between the original table and the published rows.",
            ),
        )
    return Section(
        "Information that is left",
        facts={
            "loss_gcp": _rounded(found["gcp"]),
            "loss_lm": _rounded(found["lm"]),
            "median_query_error": _rounded(found["median_query_error"]),
            "average_class_size_by_k": _rounded(found["average_class_size"]),
            "discernibility": found["discernibility"],
            "algorithm": facts["algorithm"],
            "why_this_algorithm": facts["algorithm_reason"],
            "proven_optimal": facts["optimal"],
            "generalisations_visited": facts["generalisations_visited"],
            "distinct_combinations_before": facts["distinct_combinations"],
            **({"hierarchy_delimiters": delimiters} if delimiters else {}),
        },
        figures=(figure,),
        tables=tables,
    )


def _members(counted: Contingency | Classes, policy: AnonymisationPolicy) -> np.ndarray:
    """Return how many rows, or persons where an entity is named, are alike."""
    if policy.entity is None:
        return counted.counts if isinstance(counted, Contingency) else counted.sizes
    if isinstance(counted, Contingency):
        return counted.attributes[policy.entity].distinct(len(counted))
    return counted.histograms[policy.entity].distinct


def _in_population(counted: Contingency | Classes) -> np.ndarray | None:
    """Return how many rows of the population are alike, None where there is no population."""
    if isinstance(counted, Contingency):
        found = counted.attributes.get(POPULATION)
        return None if found is None else np.bincount(found.tuples, found.counts, len(counted))
    return counted.histograms[POPULATION].sizes if POPULATION in counted.histograms else None


def _wildcards(policy: AnonymisationPolicy, solved: Solved) -> dict[str, float]:
    """Return the risk where ``*`` may be any value; persons can be in several such classes."""
    if policy.entity is not None:
        return {}
    masked = solved.rows_suppressed if policy.suppressed == "mask" else 0
    return {"wildcard_highest": wildcard_risk(solved.prepared.table, solved.solution, masked)}


def _levels(solved: Solved) -> dict[str, dict[str, int]]:
    """Return how many published rows each column has at each level."""
    table, solution = solved.prepared.table, solved.solution
    kept = solution.groups != SUPPRESSED
    sizes = np.bincount(
        solution.groups[kept], weights=table.counts[kept], minlength=solution.number
    )
    found = {}
    for taxonomy, levels in zip(table.taxonomies, solution.levels, strict=True):
        rows = np.bincount(levels, weights=sizes, minlength=taxonomy.height + 2).astype(int)
        found[taxonomy.column] = {str(level): int(n) for level, n in enumerate(rows[:-1])}
        found[taxonomy.column][OWN] = int(rows[-1])
    return found


def _achieved(model: Model, classes: Classes, solved: Solved) -> float | None:
    """Return what the classes reach, unless it tells what became of a few rows."""
    if model.is_relative and solved.withholds_distances:
        return None
    reached: float = _rounded(model.measure(classes))
    return reached


def _shifts(policy: AnonymisationPolicy, solved: Solved) -> dict[str, float]:
    """Return how far each published sensitive distribution is from the original one.

    There is none where it would tell what became of a few rows.
    """
    if solved.withholds_distances:
        return {}
    table = solved.prepared.table
    kept = solved.solution.groups != SUPPRESSED
    shifts = {}
    for name in policy.sensitive_attributes:
        attribute = table.attributes[name]
        inside = kept[attribute.tuples]
        published = np.bincount(
            attribute.codes[inside],
            weights=attribute.counts[inside],
            minlength=len(attribute.total),
        )
        if published.sum():
            p, q = published / published.sum(), attribute.total / attribute.total.sum()
            shifts[name] = _rounded(float(np.abs(p - q).sum() / 2))
    return shifts


def _weights(policy: AnonymisationPolicy) -> list[float]:
    return [policy.weights.get(name, 1.0) for name in policy.quasi_identifiers]


def _share(risk: dict[str, Any]) -> Any:
    if risk["uniques"] is None:
        return _told(None)
    return _rounded(risk["uniques"] / risk["rows"] if risk["rows"] else 0.0)


def _inference(facts: dict[str, Any]) -> str:
    on = [
        model["model"]
        for model in facts["models"]
        if model.get("attribute") and model["model"] != PersonAnonymity.name
    ]
    return ", ".join(on) or "not bounded by any model"


def _told(value: float | None) -> Any:
    return "not told" if value is None else _rounded(value)


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def risk_section(risk: Risk, ranks: dict[str, dict[str, float]]) -> Section:
    """Return the part of a report on a table that is only assessed."""
    found = risk.to_dict()
    measures = tuple((name, _rounded(found[key])) for key, name in _measures(found).items())
    rows = tuple(
        (name, _rounded(one["distinction_share"]), _rounded(one["separation_share"]))
        for name, one in ranks.items()
    )
    return Section(
        "Risk of re-identification",
        facts={"classes": risk.classes},
        shows=(*found, "quasi_identifiers"),
        tables=(
            Table("Risk", ("measure", "here"), measures),
            Table("Quasi-identifiers", ("column", "distinction", "separation"), rows),
        ),
        figures=(
            Figure.of("Rows by the size of their class", "columns", dict(risk.sizes), unit="rows"),
        ),
        definitions=DEFINITIONS,
    )
