"""The operations on free texts, declared; the work is done in `documents` and `proposals`."""

from functools import partial

import dagster as dg

from field_pseudonymisation.config import DEMO
from field_pseudonymisation.reidentification import (
    KEYS_RESOURCE,
    check_depseudonymise,
    depseudonymise_in_run,
    reidentification_keys_resource,
)
from field_pseudonymisation.text.config import (
    AnonymisePseudonymiseUnstructuredConfig,
    DepseudonymiseUnstructuredConfig,
    DetectPersonalDataConfig,
    default_entities,
)
from util_services.datasets.schema import Schema
from util_services.flow.inputs import Inputs
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation


def _check(config: AnonymisePseudonymiseUnstructuredConfig, schema: Schema, inputs: Inputs) -> None:
    from field_pseudonymisation.text.documents import check_texts

    check_texts(config, schema, inputs)


@operation(
    single_pass=True,
    business_operation="PSEUDONYMISATION",
    check=_check,
    default={
        "keyset": DEMO,
        "domain": DEMO,
        "columns": ["notes"],
        "entities": default_entities(),
    },
)
def anonymise_pseudonymise_unstructured(
    dataset: Dataset, config: AnonymisePseudonymiseUnstructuredConfig
) -> Outcome:
    """Find personal data in free texts by patterns and check digits, and replace each value.

    For text documents, a row each, and for columns of tables with free texts. Names of people and
    places are not looked for: that takes a language model. The report counts what was found, names
    what was not looked for, and shows no value. Beside the output appears the recipe that leads
    back, PATH.pseudonymisation.json.
    """
    from field_pseudonymisation.text.documents import pseudonymise_texts

    return pseudonymise_texts(dataset, config)


@operation(
    single_pass=True,
    business_operation="DEPSEUDONYMISATION",
    columns=lambda config: {"columns": config.columns},
    check=partial(check_depseudonymise, op="depseudonymise_unstructured"),
    resources={KEYS_RESOURCE: reidentification_keys_resource},
)
def depseudonymise_unstructured(
    dataset: Dataset, config: DepseudonymiseUnstructuredConfig, context: dg.OpExecutionContext
) -> Outcome:
    """Bring back what was encrypted or tokenised in free texts, with a signed approval.

    The run says who asks and what for; a second person has signed just that, for this dataset,
    these columns and rows. It is in the audit before the first value is brought back. On S3 the
    host provides the resource 'reidentification_keys'.
    """
    return depseudonymise_in_run(dataset, config, context)


def _check_detection(config: DetectPersonalDataConfig, _: Schema, __: Inputs) -> None:
    from field_pseudonymisation.text.registry import chosen_detectors

    chosen_detectors(config.detectors)


@operation(
    columns=lambda config: {"columns": config.columns}, check=_check_detection, is_report=True
)
def detect_personal_data(dataset: Dataset, config: DetectPersonalDataConfig) -> Outcome:
    """Look at a sample of a table and propose what becomes of each column; change nothing.

    The result is a report, with counts and no values, and PATH.policy.yaml beside it: a
    policy for 'anonymise_pseudonymise_structured', which is for somebody to read first.
    """
    from field_pseudonymisation.text.detection import detect_in_dataset

    return detect_in_dataset(dataset, config)
