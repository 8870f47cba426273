"""docs/engines.md says of every operation on datasets what each engine does, as tests have shown.

python tests/documentation/test_engines.py     # writes the table of the page anew
"""

import re
from pathlib import Path

from data_processing import plugin as cleaning
from dataframe_anonymisation import plugin as anonymisation
from field_pseudonymisation import plugin as pseudonymisation
from field_pseudonymisation.registry import techniques

PAGE = Path(__file__).parents[2] / "docs/engines.md"
BEGIN, END = "<!-- operations -->", "<!-- end of operations -->"
STEPS = "packages/data-processing/tests/steps"
TABLES = "packages/dataframe-anonymisation/tests/dagster/test_anonymisation_on_spark.py"
TOKENS = "packages/field-pseudonymisation/tests/dagster/test_pseudonymisation_on_spark.py"

# The module in which each operation is run on both engines, and its results are compared.
COMPARED = {
    "aggregate_data": f"{STEPS}/test_aggregate_data.py",
    "cast_types": f"{STEPS}/test_cast_types.py",
    "clean_data": f"{STEPS}/test_engines_agree.py",
    "convert_format": "packages/util-services/tests/engines/test_contract.py",
    "fill_missing_values": f"{STEPS}/test_fill_missing_values.py",
    "handle_outliers": f"{STEPS}/test_handle_outliers.py",
    "join_datasets": f"{STEPS}/test_join_datasets.py",
    "link_duplicates": f"{STEPS}/test_link_duplicates.py",
    "normalise_text": f"{STEPS}/test_normalise_text.py",
    "parse_dates": f"{STEPS}/test_parse_dates.py",
    "profile_data": f"{STEPS}/test_profile_data.py",
    "remove_duplicates": "tests/flow/test_spark.py",
    "validate_data": f"{STEPS}/test_validate_data.py",
    "anonymise_dataframe": TABLES,
    "assess_risk": TABLES,
    "k_anonymity": TABLES,
    "l_diversity": TABLES,
    "private_counts": TABLES,
    "t_closeness": TABLES,
    "verify_anonymity": TABLES,
    "anonymise_pseudonymise_structured": TOKENS,
    "anonymise_pseudonymise_unstructured": TOKENS,
    "depseudonymise_structured": TOKENS,
    "depseudonymise_unstructured": TOKENS,
    "detect_personal_data": TOKENS,
    "remove_objections": TOKENS,
    "repseudonymise_structured": TOKENS,
}
WITH_TECHNIQUES = {  # operations that meet techniques; those that want all rows have no way back
    "anonymise_pseudonymise_structured": lambda _: True,
    "anonymise_pseudonymise_unstructured": lambda one: not one.works_on_whole_column,
    "depseudonymise_structured": lambda one: one.is_reversible,
    "depseudonymise_unstructured": lambda one: one.is_reversible,
    "repseudonymise_structured": lambda one: one.is_reversible,
}


def registered():
    """Return the operations that packages bring, as ops for pipelines or as jobs alone."""
    packages = (cleaning, anonymisation, pseudonymisation)
    jobs = (job.name for package in packages for job in package.register_jobs())
    ops = {op.name for package in packages for op in package.register_ops()}
    return ops | {name.removesuffix("_s3").removesuffix("_job") for name in jobs}


def refused(operation):
    """Return the techniques that an operation refuses on a cluster."""
    is_met = WITH_TECHNIQUES.get(operation, lambda _: False)
    return sorted(n for n, one in techniques().items() if one.is_for_one_process and is_met(one))


def table():
    """Return the table of the page."""
    lines = ["| operation | `local` | `spark` |", "|---|---|---|"]
    for operation in COMPARED:
        names = ", ".join(f"`{name}`" for name in refused(operation))
        lines.append(f"| `{operation}` | yes | the same{f'; refused: {names}' if names else ''} |")
    return "\n".join(lines)


def written(page):
    """Return a page with the table as it ought to be."""
    pattern = re.compile(f"(?<={BEGIN}\n).*(?=\n{END})", re.DOTALL)
    return pattern.sub(lambda _: f"\n{table()}\n", page)


def test_every_operation_that_packages_bring_is_compared():
    assert set(COMPARED) == registered()


def test_what_is_said_to_be_compared_is(workspace):
    for operation, module in COMPARED.items():
        text = (workspace / module).read_text(encoding="utf-8")
        assert "spark" in text, operation
        named = operation in text or operation in Path(module).stem or operation == "convert_format"
        assert named or operation == "clean_data", operation


def test_the_page_says_what_was_shown():
    page = PAGE.read_text(encoding="utf-8")

    assert written(page) == page
    assert BEGIN in page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
