"""What rules on free texts may say; light, because discovery reads the declaration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from field_pseudonymisation.techniques.technique import Options, Target, Technique, Transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from field_pseudonymisation.policy import Rule
    from field_pseudonymisation.techniques.technique import PolicyName

DETECT_TEXT, SURROGATE, EVERYTHING = "detect_text", "surrogate", "*"
MINIMUM_SCORE = 0.5
MODEL = r"^([a-z]{2,3}_[a-z0-9_]{1,60})?$"  # a package; never a path


class SurrogateOptions(Options):
    """Of numbered surrogates."""


class DetectTextOptions(Options):
    """Of free texts."""

    entities: dict[str, Any] = Field(
        default_factory=lambda: {EVERYTHING: {"technique": "redact"}},
        description=(
            "A mapping with 'technique' and its options, by the name of an entity or a detector; "
            "'*' stands for all that are not named."
        ),
    )
    detectors: tuple[str, ...] = Field(
        default=(), description="What is looked for, by entity or detector; all if empty."
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
        default=MINIMUM_SCORE, ge=0, le=1, description="How sure a finding must be."
    )
    again: bool = Field(
        default=False, description="Also texts that hold pseudonyms already; there is no way back."
    )

    @field_validator("entities")
    @classmethod
    def _are_rules(cls, entities: Mapping[str, Any]) -> Mapping[str, Any]:
        from field_pseudonymisation.errors import PolicyError

        if not entities:
            raise ValueError("names no entity; add '*', for all that is found")
        for name, given in entities.items():
            try:
                rule_for(name, given)
            except PolicyError as error:
                raise ValueError(str(error).rstrip(".")) from None
        return entities


def rule_for(
    name: str, given: Any, *, domain: str = "", policy: PolicyName = "deterministic"
) -> Rule:
    """Return the rule of an entity; domain and policy are those it has unless it names others.

    Raises:
        PolicyError: if it is none, or none for values in a text.
    """
    from field_pseudonymisation.errors import PolicyError
    from field_pseudonymisation.policy import Rule, make_rule

    fields = {"technique": given} if isinstance(given, str) else given
    if isinstance(fields, dict) and fields.get("technique") == SURROGATE:
        if set(fields) != {"technique"}:
            raise PolicyError(f"rules.{name}: 'surrogate' has no options; leave them out.")
        options = SurrogateOptions(technique=SURROGATE)
        return Rule(name, name, None, surrogate_technique(), options, domain, policy)
    rule = make_rule(name, given, domain=domain, policy=policy)
    if rule.path is not None:
        raise PolicyError(f"rules.{name}: an entity has no path inside of it; leave it out.")
    unfit = {"drop", "nullify", "shuffle", "noise", DETECT_TEXT}
    if rule.technique.name in unfit or "entity" in rule.technique.options.model_fields:
        raise PolicyError(
            f"rules.{name}: '{rule.technique.name}' is not for values in a text; use 'redact', "
            "'surrogate', 'hash' or 'encrypt'."
        )
    return rule


def _bind_surrogate(_: Any, __: Target) -> Transform:
    raise AssertionError("surrogates are numbered document by document")


def surrogate_technique() -> Technique:
    """Return the declaration of numbered surrogates, which only texts know."""
    return Technique(
        name=SURROGATE,
        summary="A number for each value of a document.",
        term="pseudonymisation (counter, document-randomised)",
        options=SurrogateOptions,
        bind=_bind_surrogate,
        hides_values=True,
    )


def _bind(options: Any, target: Target) -> Transform:
    from field_pseudonymisation.text.transform import DetectText

    return DetectText(target, options)


def _adapted(technique: Technique, options: Options) -> Technique:
    """Return the technique as the rules of its entities make it: with keys and way back or not."""
    if not isinstance(options, DetectTextOptions):
        raise TypeError("these are options of another technique")
    made = [rule_for(name, given).technique for name, given in options.entities.items()]
    return replace(
        technique,
        is_keyed=any(one.is_keyed for one in made),
        is_reversible=not options.again and any(o.is_keyed and o.is_reversible for o in made),
        needs_one_process=any(one.needs_one_process for one in made),
    )


def text_techniques() -> tuple[Technique, ...]:
    """Return the technique for free texts."""
    return (
        Technique(
            name=DETECT_TEXT,
            summary="Replaces what is found in free texts, each value by its own technique.",
            term="pseudonymisation of values in free text",
            options=DetectTextOptions,
            bind=_bind,
            is_keyed=True,
            is_reversible=True,
            adapt=_adapted,
        ),
    )
