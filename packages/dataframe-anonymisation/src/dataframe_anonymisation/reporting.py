"""What a report says of an anonymised table: counts, labels by number, and words; no cell value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataframe_anonymisation.facts import OWN, rounded
from dataframe_anonymisation.models.k_anonymity import PersonAnonymity
from util_services.reports import Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataframe_anonymisation.risk import Risk
    from dataframe_anonymisation.solving import Solved

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
        (name, _told(before[key]), rounded(after[key])) for key, name in _measures(after).items()
    ]
    if "wildcard_highest" in after:
        after_wildcards = rounded(after["wildcard_highest"])
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
                rounded(before["marketer"]),
                rounded(after["marketer"]),
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
                rounded(loss_of),
                rounded(found["non_uniform_entropy"][name]),
                ", ".join(map(str, facts["hierarchies"][name])),
                rounded(facts["quasi_identifiers"][name]["distinction_share"]),
                rounded(facts["quasi_identifiers"][name]["separation_share"]),
            )
            for name, loss_of in found["gcp_by_column"].items()
        ),
        "Labels by level: how many the hierarchy has, from values to the root. Distinction: values "
        "per row; separation: the share of pairs of rows that the column tells apart.",
    )
    shifts = tuple(
        (name, rounded(shift)) for name, shift in facts["shift_of_sensitive_attributes"].items()
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
            "loss_gcp": rounded(found["gcp"]),
            "loss_lm": rounded(found["lm"]),
            "median_query_error": rounded(found["median_query_error"]),
            "average_class_size_by_k": rounded(found["average_class_size"]),
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


def _share(risk: dict[str, Any]) -> Any:
    if risk["uniques"] is None:
        return _told(None)
    return rounded(risk["uniques"] / risk["rows"] if risk["rows"] else 0.0)


def _inference(facts: dict[str, Any]) -> str:
    on = [
        model["model"]
        for model in facts["models"]
        if model.get("attribute") and model["model"] != PersonAnonymity.name
    ]
    return ", ".join(on) or "not bounded by any model"


def _told(value: float | None) -> Any:
    return "not told" if value is None else rounded(value)


def risk_section(risk: Risk, ranks: dict[str, dict[str, float]]) -> Section:
    """Return the part of a report on a table that is only assessed."""
    found = risk.to_dict()
    measures = tuple((name, rounded(found[key])) for key, name in _measures(found).items())
    rows = tuple(
        (name, rounded(one["distinction_share"]), rounded(one["separation_share"]))
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
