"""Run-config classes of the operations on free texts."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

from field_pseudonymisation.config import DEMO, KEYSET, DepseudonymiseStructuredConfig
from field_pseudonymisation.text.options import MODEL

TEXT_COLUMN = "text"  # of a dataset of documents


def default_entities() -> dict[str, Any]:
    """Return rules that run as they are."""
    return {
        "email": {"technique": "encrypt"},
        "phone": {"technique": "surrogate"},
        "*": {"technique": "redact"},
    }


class AnonymisePseudonymiseUnstructuredConfig(dg.Config):
    """What is looked for in which texts, and what becomes of it."""

    keyset: str = Field(default=DEMO, description=KEYSET)
    domain: str = Field(
        default=DEMO,
        description="Within which equal values get equal pseudonyms, such as a study or a clinic.",
    )
    policy: Literal["deterministic", "per_dataset", "random"] = Field(
        default="deterministic",
        description="Whether equal values stay equal in the domain, in this dataset, or nowhere.",
    )
    columns: list[str] = Field(
        default_factory=list,
        description=(
            "The columns with free texts, by names or patterns with '*'; others stay as they are. "
            "Default 'text', the column of text documents."
        ),
    )
    entities: dict[str, Any] = Field(
        default_factory=default_entities,
        description=(
            "A mapping with 'technique' and its options, by the name of an entity (email, phone, "
            "iban, payment_card, national_id …) or a detector; '*' stands for all that are not "
            "named."
        ),
    )
    detectors: list[str] = Field(
        default_factory=list,
        description="What is looked for, by entity or detector; everything if empty.",
    )
    model: str = Field(
        default="",
        pattern=MODEL,
        description=(
            "An installed model of spaCy, such as en_core_web_lg, for names of people, places and "
            "organisations; needs field-pseudonymisation[presidio]."
        ),
    )
    minimum_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How sure a finding must be; lower finds more, and more that is none.",
    )
    policy_file: str | None = Field(
        default=None,
        description=(
            "A YAML file with these keys in the storage of the input; they are then left as they "
            "are here."
        ),
    )


class DepseudonymiseUnstructuredConfig(DepseudonymiseStructuredConfig):
    """Which texts are brought back, what for, and who allows it."""


class DetectPersonalDataConfig(dg.Config):
    """How the columns of a table are looked at."""

    keyset: str = Field(default=DEMO, description="The keyset that the proposed policy names.")
    domain: str = Field(default=DEMO, description="The domain that the proposed policy names.")
    columns: list[str] = Field(
        default_factory=list, description="The columns to look at; all if empty."
    )
    sample_rows: int = Field(
        default=10_000, ge=1, le=1_000_000, description="How many rows are looked at, spread out."
    )
    detectors: list[str] = Field(
        default_factory=list,
        description="What is looked for, by entity or detector; everything if empty.",
    )
    minimum_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of the values of a column that must be such values as a whole.",
    )
