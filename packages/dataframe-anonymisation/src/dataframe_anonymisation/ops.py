"""The operations of this package, declared; what they do is in `datasets` and `assessing`."""

from collections.abc import Callable
from typing import Any

from dataframe_anonymisation.config import (
    AnonymisationConfig,
    AnonymiseDataframeConfig,
    AssessRiskConfig,
    KAnonymityConfig,
    LDiversityConfig,
    PrivateCountsConfig,
    TClosenessConfig,
    VerifyAnonymityConfig,
)
from util_services.datasets.schema import Schema
from util_services.flow.inputs import Inputs
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation

BUSINESS_OPERATION = "ANONYMISATION"
SAMPLE = {
    "quasi_identifiers": ["sex", "birth_date", "postcode"],
    "sensitive_attributes": ["diagnosis_code"],
    "insensitive_attributes": ["ward", "length_of_stay"],
    "unclassified": "drop",
    "hierarchies": {
        "birth_date": {"kind": "date", "levels": ["year", "decade"]},
        "postcode": {"kind": "mask", "keep": [3, 2, 1]},
    },
    "unknown_values": "suppress",  # the sample has births such as "-", which are no dates
}


def _columns(config: AnonymisationConfig) -> dict[str, list[str]]:
    return {
        "quasi_identifiers": config.quasi_identifiers,
        "sensitive_attributes": config.sensitive_attributes,
        "insensitive_attributes": config.insensitive_attributes,
        "identifiers": config.identifiers,
        "entity": [config.entity] if config.entity else [],
    }


def _check(config: Any, schema: Schema, inputs: Inputs) -> None:
    """Refuse what contradicts itself or the columns, before a row is read."""
    from dataframe_anonymisation.policies import policy_of, refuse_population
    from dataframe_anonymisation.policy import classified

    policy = policy_of(config, inputs.content)
    classified(policy, schema.names)
    people = None if config.population is None else inputs.schema(config.population)
    refuse_population(policy, config.population, None if people is None else people.names)


def _is_sound(config: AnonymisationConfig, content: Callable[[str], bytes]) -> None:
    from dataframe_anonymisation.policies import policy_of

    policy_of(config, content)


def _check_claims(config: Any, schema: Schema, inputs: Inputs) -> None:
    """Refuse claims that contradict themselves, before a row is read."""
    del schema, inputs
    from dataframe_anonymisation.assessing import claims_in

    claims_in(config)


def _check_counts(config: Any, schema: Schema, inputs: Inputs) -> None:
    """Refuse what contradicts itself, before a row is read."""
    del schema, inputs
    from dataframe_anonymisation.private_counting import counts_of

    counts_of(config)


def _check_entity(config: Any, schema: Schema, inputs: Inputs) -> None:
    """Refuse a column with two meanings, before a row is read."""
    del schema, inputs
    from dataframe_anonymisation.risk_of_columns import refuse_entity

    refuse_entity(config.quasi_identifiers, config.entity)


def _anonymise(dataset: Dataset, config: AnonymisationConfig) -> Outcome:
    from dataframe_anonymisation.datasets import anonymise_dataset
    from dataframe_anonymisation.policies import policy_of

    population = None if config.population is None else dataset.other(config.population)
    return anonymise_dataset(dataset, policy_of(config, dataset.content), population)


@operation(
    columns=_columns,
    business_operation=BUSINESS_OPERATION,
    check=_check,
    sound=_is_sound,
    default=SAMPLE,
)
def k_anonymity(dataset: Dataset, config: KAnonymityConfig) -> Outcome:
    """Publish a table in which each combination of quasi-identifiers has at least k rows.

    Values are generalised along hierarchies, and rows that fit nowhere are suppressed up to a
    limit. What is written is checked by independent code before it is published.
    """
    return _anonymise(dataset, config)


@operation(
    columns=_columns,
    business_operation=BUSINESS_OPERATION,
    check=_check,
    sound=_is_sound,
    default=SAMPLE,
)
def l_diversity(dataset: Dataset, config: LDiversityConfig) -> Outcome:
    """Publish a k-anonymous table whose classes have l well-represented sensitive values.

    Every sensitive attribute is tested in every class, in the distinct, entropy or recursive form.
    """
    return _anonymise(dataset, config)


@operation(
    columns=_columns,
    business_operation=BUSINESS_OPERATION,
    check=_check,
    sound=_is_sound,
    default=SAMPLE | {"t": 0.5},
)
def t_closeness(dataset: Dataset, config: TClosenessConfig) -> Outcome:
    """Publish a k-anonymous table whose classes have sensitive values distributed as the whole.

    The earth mover's distance of each class to the original table is at most t, for every
    sensitive attribute, with equal, ordered or hierarchical distances between values.
    """
    return _anonymise(dataset, config)


@operation(
    columns=_columns,
    business_operation=BUSINESS_OPERATION,
    check=_check,
    sound=_is_sound,
    default=SAMPLE
    | {"models": [{"model": "k_anonymity", "k": 5}, {"model": "l_diversity", "l": 2}]},
)
def anonymise_dataframe(dataset: Dataset, config: AnonymiseDataframeConfig) -> Outcome:
    """Publish a table whose classes satisfy any combination of privacy models, tested jointly."""
    return _anonymise(dataset, config)


@operation(
    columns=lambda config: {
        "quasi_identifiers": config.quasi_identifiers,
        "entity": [config.entity] if config.entity else [],
    },
    check=_check_entity,
    default={"quasi_identifiers": ["sex", "birth_date", "postcode"]},
    is_report=True,
)
def assess_risk(dataset: Dataset, config: AssessRiskConfig) -> Outcome:
    """Measure the risk of re-identification of a table as it is; publish measures, not rows.

    The report tells how many rows are unique, prosecutor, journalist and marketer risk, and rows by
    the size of their class.
    """
    from dataframe_anonymisation.assessing import assess_dataset

    return assess_dataset(dataset, config)


@operation(
    columns=lambda config: {
        "quasi_identifiers": config.quasi_identifiers,
        "sensitive_attributes": config.sensitive_attributes,
        "entity": [config.entity] if config.entity else [],
    },
    check=_check_claims,
    default={"quasi_identifiers": ["sex"], "k": 1},
    is_report=True,
)
def verify_anonymity(dataset: Dataset, config: VerifyAnonymityConfig) -> Outcome:
    """Check somebody's published table against what is claimed of it; publish the findings.

    The table is its own reference for models that compare classes with the whole. A claim that
    does not hold is a finding with the number of classes that fail; with 'fail_if_untrue' it fails
    the run, and the findings are in the report of the failure.
    """
    from dataframe_anonymisation.assessing import verify_dataset

    return verify_dataset(dataset, config)


@operation(
    columns=lambda config: {
        "groups": list(config.groups),
        "sums": list(config.sums),
        "entity": [config.entity] if config.entity else [],
    },
    business_operation=BUSINESS_OPERATION,
    check=_check_counts,
    default={"groups": {"sex": ["m", "w"]}, "entity": "patient_id"},
)
def private_counts(dataset: Dataset, config: PrivateCountsConfig) -> Outcome:
    """Publish noisy counts and sums of declared groups, with ε-differential privacy, and no row.

    The noise is drawn anew in each run; every run on the same people adds to their privacy budget.
    """
    from dataframe_anonymisation.private_counting import count_dataset

    return count_dataset(dataset, config)
