"""The operations of this package, declared; the work is done in `structured`."""

from collections.abc import Callable

import dagster as dg

from field_pseudonymisation.config import (
    DEMO,
    AnonymisePseudonymiseStructuredConfig,
    DepseudonymiseStructuredConfig,
    RemoveObjectionsConfig,
    RepseudonymiseStructuredConfig,
    default_rules,
)
from field_pseudonymisation.reidentification import (
    KEYS_RESOURCE,
    check_depseudonymise,
    depseudonymise_in_run,
    reidentification_keys_resource,
    repseudonymise_in_run,
)
from util_services.datasets.schema import Schema
from util_services.flow.inputs import Inputs
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation


def _check(config: AnonymisePseudonymiseStructuredConfig, schema: Schema, inputs: Inputs) -> None:
    from field_pseudonymisation.structured import check_pseudonymise

    check_pseudonymise(config, schema, inputs)


def _is_sound(
    config: AnonymisePseudonymiseStructuredConfig, content: Callable[[str], bytes]
) -> None:
    from field_pseudonymisation.structured import policy_of

    policy_of(config, content)


def _check_again(config: RepseudonymiseStructuredConfig, _: Schema, inputs: Inputs) -> None:
    from field_pseudonymisation.structured import check_repseudonymise

    check_repseudonymise(config, inputs.content)


@operation(
    single_pass=True,
    business_operation="PSEUDONYMISATION",
    check=_check,
    sound=_is_sound,
    default={"keyset": DEMO, "domain": DEMO, "rules": default_rules()},
)
def anonymise_pseudonymise_structured(
    dataset: Dataset, config: AnonymisePseudonymiseStructuredConfig
) -> Outcome:
    """Hash, encrypt, tokenise, mask, generalise or drop the columns of a table, each by its rule.

    Every column has a rule, or 'unmatched' says what becomes of it. A value is transformed as its
    rule says, or the run fails without output. Keys are named, never given. Beside the output
    appears the recipe that leads back, PATH.pseudonymisation.json, without keys and values.
    """
    from field_pseudonymisation.structured import pseudonymise_dataset

    return pseudonymise_dataset(dataset, config)


@operation(
    single_pass=True,
    business_operation="DEPSEUDONYMISATION",
    columns=lambda config: {"columns": config.columns},
    check=check_depseudonymise,
    resources={KEYS_RESOURCE: reidentification_keys_resource},
)
def depseudonymise_structured(
    dataset: Dataset, config: DepseudonymiseStructuredConfig, context: dg.OpExecutionContext
) -> Outcome:
    """Bring back columns that were encrypted, tokenised or shifted, with a signed approval.

    The run says who asks and what for; a second person has signed just that, for this dataset,
    these columns and rows. It is in the audit before the first value is brought back. On S3 the
    host provides the resource 'reidentification_keys'.
    """
    return depseudonymise_in_run(dataset, config, context)


@operation(single_pass=True, business_operation="PSEUDONYMISATION", check=_check_again)
def repseudonymise_structured(
    dataset: Dataset, config: RepseudonymiseStructuredConfig, context: dg.OpExecutionContext
) -> Outcome:
    """Pseudonymise a pseudonymised table anew: new primary key, other technique, other domain.

    It is done in one pass, and the originals are never written anywhere. Columns of which nothing
    can be brought back stay as they are, and the report names them. Techniques that would show
    originals are refused. Another keyset, whose holders could read them, wants an approval.
    """
    return repseudonymise_in_run(dataset, config, context)


def _check_objections(config: RemoveObjectionsConfig, schema: Schema, _: Inputs) -> None:
    from field_pseudonymisation.objections import check_columns

    check_columns(config, schema)


def _objections_are_there(config: RemoveObjectionsConfig, inputs: Inputs) -> None:
    inputs.schema(config.objections)


@operation(
    columns=lambda config: {"column": [config.column]},
    check=_check_objections,
    ready=_objections_are_there,
    default={"objections": "objections.csv", "column": "patient_id"},
)
def remove_objections(dataset: Dataset, config: RemoveObjectionsConfig) -> Outcome:
    """Leave out the rows of those who objected, as a list of identifiers or tokens names them.

    The report tells how many entries the list has, how many were found and how many rows were
    removed; nothing of the list goes anywhere else. A release gate checks that none is left.
    """
    from field_pseudonymisation.objections import remove_listed

    return remove_listed(dataset, config)
