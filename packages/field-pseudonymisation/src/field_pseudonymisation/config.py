"""Run-config classes of the operations of this package."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

DEMO = "demo"
OTHER_DATASET = (
    "Whether the dataset may be another than the recipe was written for, such as some of its rows. "
    "Tokens are checked all the same; shifted dates and what FF1 has made would come back wrong "
    "unnoticed."
)
KEYSET = "The keyset, by its name; where keysets are kept in files, 'demo' is made on first use."


RETAINED = (  # of the bundled sample: named, so that no column of other data passes unnamed
    "sex",
    "city",
    "admission_date",
    "discharge_date",
    "ward",
    "diagnosis_code",
    "length_of_stay",
    "temperature",
    "income",
    "updated",
)


def default_rules() -> dict[str, Any]:
    """Return rules for the bundled sample."""
    return {name: {"technique": "retain"} for name in RETAINED} | {
        "patient_id": {"technique": "hash"},
        "*_name": {"technique": "redact"},
        "birth_date": {"technique": "mask", "keep_first": 4},
        "email": {"technique": "mask", "form": "email"},
        "phone": {"technique": "encrypt"},
        "iban": {"technique": "encrypt"},
        "postcode": {"technique": "generalise", "by": "prefix", "keep": 2},
        "notes": {"technique": "drop"},
    }


class AnonymisePseudonymiseStructuredConfig(dg.Config):
    """What becomes of which columns, under which keys."""

    keyset: str = Field(default=DEMO, description=KEYSET)
    domain: str = Field(
        default=DEMO,
        description="Within which equal values get equal pseudonyms, such as a study or a clinic.",
    )
    policy: Literal["deterministic", "per_dataset", "random"] = Field(
        default="deterministic",
        description="Whether equal values stay equal in the domain, in this dataset, or nowhere.",
    )
    unmatched: Literal["error", "keep", "drop"] = Field(
        default="error", description="What becomes of columns for which there is no rule."
    )
    rules: dict[str, Any] = Field(
        default_factory=dict,
        description=(
            "A mapping with 'technique' and its options, by the name of a column, a pattern of "
            "names with '*', or a place inside a column ('payload -> $.contacts[*].phone')."
        ),
    )
    policy_file: str | None = Field(
        default=None,
        description=(
            "A YAML file with keyset, domain, policy, unmatched and rules, in the storage of the "
            "input; 'rules' must then be empty."
        ),
    )


class DepseudonymiseStructuredConfig(dg.Config):
    """Which columns and rows are brought back, what for, and who allows it."""

    keyset: str = Field(default="", description="The keyset; default the one of the recipe.")
    domain: str = Field(default="", description="The domain; default the one of the recipe.")
    columns: list[str] = Field(
        default_factory=list, description="The columns to bring back; all that can be if empty."
    )
    rows: str | None = Field(
        default=None,
        description=(
            "A CSV file that names the rows: its only column is one of the dataset, with the "
            "values, as they stand in the dataset, of the rows to bring back; others are left out."
        ),
    )
    recipe: str | None = Field(
        default=None,
        description="The recipe of the dataset; default PATH.pseudonymisation.json beside it.",
    )
    other_dataset: bool = Field(default=False, description=OTHER_DATASET)
    purpose: str = Field(default="", description="What for; the approval names the same.")
    requester: str = Field(default="", description="Who asks; the approval names the same.")
    approval: str = Field(
        default="", description="A file with the signed approval, in the storage of the input."
    )


class RepseudonymiseStructuredConfig(dg.Config):
    """Under which keys and rules a pseudonymised dataset is pseudonymised anew."""

    keyset: str = Field(default="", description="The keyset for new tokens; default the former.")
    domain: str = Field(default="", description="The new domain; default that of each column.")
    policy: Literal["", "deterministic", "per_dataset", "random"] = Field(
        default="", description="The new policy; default the former of each column."
    )
    rules: dict[str, Any] = Field(
        default_factory=dict,
        description="New rules, for columns that can be brought back; default the former.",
    )
    recipe: str | None = Field(
        default=None,
        description="The recipe of the dataset; default PATH.pseudonymisation.json beside it.",
    )
    other_dataset: bool = Field(default=False, description=OTHER_DATASET)
    purpose: str = Field(
        default="", description="For another keyset: what for; the approval names the same."
    )
    requester: str = Field(
        default="", description="For another keyset: who asks; the approval names the same."
    )
    approval: str = Field(
        default="",
        description="For another keyset: a file with the signed approval, in the input's storage.",
    )


class RemoveObjectionsConfig(dg.Config):
    """Whose rows are left out."""

    objections: str = Field(
        description="The list of those who objected: a dataset with a row for each of them."
    )
    column: str = Field(description="The column of the dataset that says whose rows these are.")
    list_column: str | None = Field(
        default=None, description="The same column of the list, if it has another name there."
    )
