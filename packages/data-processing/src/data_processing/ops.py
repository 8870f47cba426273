"""The operations of this package, declared; what they do is in `data_processing.cleaning`."""

from data_processing.catalogue import casts, checks, duplicates, missing, outliers, tables, texts
from data_processing.config import CleanDataConfig, ConvertFormatConfig
from data_processing.step_operations import (
    check_clean_data,
    check_recipe_of,
    clean_data_in_run,
    operation_of,
    parts_of_clean_data,
)
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation


@operation(single_pass=True, columns=lambda config: {"columns": config.columns})
def convert_format(dataset: Dataset, config: ConvertFormatConfig) -> Outcome:
    """Write a dataset in another format, compression or dialect, as one file or in part files.

    Rows, their order and values stay, and so do the columns unless some are named. What the other
    format cannot hold exactly is refused; a text stays a text, so that nothing is guessed on the
    way from CSV.
    """
    rows = dataset.scan()
    if not config.columns:
        return Outcome(rows)
    return Outcome(dataset.engine.select(rows, {name: name for name in config.columns}))


@operation(check=check_clean_data, sound=check_recipe_of, parts=parts_of_clean_data)
def clean_data(dataset: Dataset, config: CleanDataConfig) -> Outcome:
    """Do any chain of cleaning steps, with as few passes over the data as they allow.

    Each step is one that is also a job of its own, or that another package brings. The recipe is
    checked on the columns before a row is read; the report tells what each step did, in counts.
    """
    return clean_data_in_run(dataset, config)


VISITS = "sample:visits.jsonl"

remove_duplicates = operation_of(duplicates.remove_duplicates)
link_duplicates = operation_of(
    duplicates.link_duplicates,
    {
        "compare": {
            "given_name": {},
            "family_name": {},
            "city": {"weight": 0.5},
            "birth_date": {"method": "exact"},
        },
        "blocks": [{"columns": ["birth_date"]}, {"columns": ["email"]}],
        "threshold": 0.9,
    },
)
normalise_text = operation_of(texts.normalise_text, {"columns": ["city"]})
cast_types = operation_of(
    casts.cast_types, {"columns": {"length_of_stay": {"type": "integer", "on_error": "null"}}}
)
parse_dates = operation_of(
    casts.parse_dates, {"columns": {"birth_date": {"formats": ["%Y-%m-%d"], "on_error": "null"}}}
)
fill_missing_values = operation_of(
    missing.fill_missing_values,
    {"columns": {"income": {"strategy": "median", "by": ["ward"]}}},
    VISITS,
)
handle_outliers = operation_of(
    outliers.handle_outliers, {"columns": {"income": {"action": "cap"}}}, VISITS
)
validate_data = operation_of(
    checks.validate_data,
    {
        "rules": [
            {"rule": "not_null", "columns": ["patient_id"]},
            {"rule": "unique", "columns": ["patient_id"], "severity": "warn"},
            {
                "rule": "type",
                "columns": ["birth_date"],
                "type": "date",
                "severity": "quarantine",
            },
        ]
    },
)
profile_data = operation_of(checks.profile_data, is_report=True)
join_datasets = operation_of(tables.join_datasets, {"right": VISITS, "on": ["patient_id"]})
aggregate_data = operation_of(
    tables.aggregate_data,
    {
        "by": ["ward"],
        "columns": {
            "patients": {"function": "count"},
            "mean_stay": {"of": "length_of_stay", "function": "mean"},
        },
    },
    VISITS,
)

OPERATIONS = (
    clean_data,
    convert_format,
    remove_duplicates,
    link_duplicates,
    normalise_text,
    cast_types,
    parse_dates,
    fill_missing_values,
    handle_outliers,
    validate_data,
    profile_data,
    join_datasets,
    aggregate_data,
)
