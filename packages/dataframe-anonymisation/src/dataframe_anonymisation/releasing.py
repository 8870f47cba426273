"""What a release policy may want of a table's classes; tested on the bytes to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from dataframe_anonymisation.config import ClaimedModelsConfig, VerifyAnonymityConfig
from dataframe_anonymisation.earlier_releases import EarlierReleases, earlier_releases
from dataframe_anonymisation.joined_view import JoinedView, joined_view, joined_view_ready
from util_services.errors import ConfigurationError, quoted
from util_services.releases.checks import EARLIER, ReleaseCheck, Rule, require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataframe_anonymisation.verify import Claims, Finding
    from util_services.releases.checks import Candidate
    from util_services.releases.policy import ReleasePolicy


class PrivacyModels(ClaimedModelsConfig):
    """The models that a release must satisfy, each on every sensitive column of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(
        ge=1,
        description="How many rows each class has at least; how many persons, with pseudonyms.",
    )
    entity: str | None = Field(
        default=None,
        description=(
            "The column of pseudonyms that says whose rows these are, where there are several."
        ),
    )
    maximum_average_risk: float | None = Field(
        default=None, gt=0, le=1, description="Classes by rows or persons: the marketer's risk."
    )


def privacy_models_ready(config: PrivacyModels, policy: ReleasePolicy) -> None:
    """Refuse models that contradict themselves, or are about no column of the policy."""
    if not policy.columns_of("quasi_identifier"):
        raise ConfigurationError(
            "classes are made by quasi-identifiers, and the policy calls no column one; say which "
            "they are, or take the check out"
        )
    asked = [name for name in ("l", "t") if getattr(config, name) is not None]
    if asked and not policy.columns_of("sensitive"):
        raise ConfigurationError(
            f"'{asked[0]}' is about sensitive columns, and the policy calls none so; say which "
            f"they are, or take '{asked[0]}' out"
        )
    _claims(config, policy)


def privacy_models(candidate: Candidate, config: PrivacyModels) -> Iterator[Rule]:
    """Yield what holds of the classes that the quasi-identifiers make.

    The table is its own reference for models that compare classes with the whole. Where a column of
    pseudonyms tells whose rows these are, persons count: five rows of one person hide nobody.
    """
    from dataframe_anonymisation.verify import verify

    claims = _claims(config, candidate.policy)
    verdict = verify(candidate.frames(claims.columns), claims)
    for finding in verdict.findings:
        yield _rule(finding, verdict.classes)
    if not verdict.classes:
        yield Rule("at least one class", "there is none", holds=False)
    if config.maximum_average_risk is not None:
        risk = verdict.classes / verdict.members if verdict.members else 1.0
        holds = risk <= config.maximum_average_risk
        yield Rule(
            f"an average risk of {config.maximum_average_risk} at most", f"{risk:.4f}", holds
        )


def _claims(config: PrivacyModels, policy: ReleasePolicy) -> Claims:
    from dataframe_anonymisation.assessing import claims_in

    pseudonyms = policy.columns_of("pseudonym")
    if config.entity is None and len(pseudonyms) > 1:
        raise ConfigurationError(
            "persons are told apart by one column of pseudonyms; say with 'entity' which of "
            f"{quoted(pseudonyms)} it is"
        )
    require_columns("entity", [config.entity] if config.entity else [], pseudonyms)
    given = config.model_dump(exclude={"maximum_average_risk", "entity"}, exclude_unset=True)
    return claims_in(
        VerifyAnonymityConfig(
            quasi_identifiers=policy.columns_of("quasi_identifier"),
            sensitive_attributes=policy.columns_of("sensitive"),
            entity=config.entity or next(iter(pseudonyms), None),
            **given,
        )
    )


def _rule(finding: Finding, classes: int) -> Rule:
    about = f" of '{finding.attribute}'" if finding.attribute else ""
    wanted = ", ".join(f"{name} = {value}" for name, value in _plain(finding.requested).items())
    measured = "no finite value" if finding.measured is None else f"{finding.measured:.4g}"
    found = f"measured {measured}"
    if not finding.holds:
        found += f", fails in {finding.failing_classes} of {classes} classes"
    return Rule(f"{finding.model}{about} with {wanted}", found, finding.holds)


def _plain(requested: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in requested.items() if value not in (None, False)}


CHECKS = (
    ReleaseCheck(
        "privacy_models",
        PrivacyModels,
        privacy_models,
        guards=frozenset({"quasi_identifier"}),
        ready=privacy_models_ready,
    ),
    ReleaseCheck(EARLIER, EarlierReleases, earlier_releases),
    ReleaseCheck("joined_view", JoinedView, joined_view, ready=joined_view_ready),
)
