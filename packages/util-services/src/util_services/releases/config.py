"""The run config of the release gate."""

import dagster as dg
from pydantic import Field


class ReleaseGateConfig(dg.Config):
    """Which policy a dataset must meet, and who asks for its release."""

    policy: str = Field(
        description=(
            "The release policy: a YAML file whose signature lies beside it as "
            "POLICY.signature.json."
        ),
    )
    requester: str = Field(description="Who asks for the release; the policy says who may.")
    tables: dict[str, str] = Field(
        default_factory=dict,
        description="The further tables of the policy: where each lies, ready to be released.",
    )
    earlier: list[str] = Field(
        default_factory=list,
        description=(
            "Where copies of earlier releases of the same data lie that are no longer where they "
            "were published."
        ),
    )
    approval: str | None = Field(
        default=None, description="The file with the approval, where the policy requires one."
    )
