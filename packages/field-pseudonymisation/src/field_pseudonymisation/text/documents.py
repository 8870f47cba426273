"""Pseudonymisation of text documents, and of columns of tables with free texts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.policy import PseudonymisationPolicy, unknown_key
from field_pseudonymisation.structured import (
    keyset_of,
    pseudonymise_under,
    refuse_one_process,
)
from field_pseudonymisation.techniques.encoding import is_text, plain_type
from field_pseudonymisation.text.config import TEXT_COLUMN
from field_pseudonymisation.text.options import DETECT_TEXT
from util_services.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from field_pseudonymisation.text.config import AnonymisePseudonymiseUnstructuredConfig
    from util_services.datasets.schema import Schema
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import Dataset, Outcome


def check_texts(
    config: AnonymisePseudonymiseUnstructuredConfig, schema: Schema, inputs: Inputs
) -> None:
    """Refuse a config that does not go with the columns of a dataset, or whose keys are missing."""
    fields = _fields(schema)
    policy = policy_for(resolved(config, inputs.content), fields)
    refuse_one_process(policy)
    compile_policy(policy, fields, keyset_of(policy.keyset) if policy.needs_keys else None)


def pseudonymise_texts(
    dataset: Dataset, config: AnonymisePseudonymiseUnstructuredConfig
) -> Outcome:
    """Return a dataset whose texts are pseudonymised; other columns stay as they are."""
    fields = _fields(dataset.schema)
    return pseudonymise_under(dataset, policy_for(resolved(config, dataset.content), fields))


def resolved(
    config: AnonymisePseudonymiseUnstructuredConfig, content: Callable[[str], bytes]
) -> AnonymisePseudonymiseUnstructuredConfig:
    """Return a config, with what the policy file says that it names.

    Raises:
        PolicyError: if the file is none, or if both say something.
    """
    if config.policy_file is None:
        return config
    known = [name for name in type(config).model_fields if name != "policy_file"]
    untouched = type(config)()
    for name in known:
        if getattr(config, name) != getattr(untouched, name):
            raise PolicyError(
                f"'policy_file' and '{name}' are both given; leave one, for the file says all."
            )
    try:
        given = yaml.safe_load(content(config.policy_file))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise PolicyError("The policy file is no YAML; correct it.") from None
    if not isinstance(given, dict):
        raise PolicyError("The policy file is a mapping with 'keyset', 'domain' and 'entities'.")
    for name in given:
        if name not in known:
            raise PolicyError(unknown_key(str(name), known))
    return _built(type(config), given)


def _built(
    kind: type[AnonymisePseudonymiseUnstructuredConfig], given: dict[str, Any]
) -> AnonymisePseudonymiseUnstructuredConfig:
    try:
        return kind(**given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, found["loc"]))
        rule = found["msg"][:1].lower() + found["msg"][1:]
        raise PolicyError(f"The policy file, '{place}': {rule}.") from None


def policy_for(
    config: AnonymisePseudonymiseUnstructuredConfig, fields: Sequence[tuple[str, pa.DataType]]
) -> PseudonymisationPolicy:
    """Return the policy for a table whose columns with free texts a config names.

    Raises:
        PolicyError: if it names no column with texts.
    """
    rule = {
        "technique": DETECT_TEXT,
        "entities": dict(config.entities),
        "detectors": list(config.detectors),
        "model": config.model,
        "minimum_score": config.minimum_score,
    }
    return PseudonymisationPolicy(
        keyset=config.keyset,
        domain=config.domain,
        policy=config.policy,
        unmatched="keep",
        rules=dict.fromkeys(text_columns(config.columns, fields), rule),
    )


def text_columns(
    wanted: Sequence[str], fields: Sequence[tuple[str, pa.DataType]]
) -> tuple[str, ...]:
    """Return the columns that are named, by their names or by patterns.

    Raises:
        PolicyError: if one is missing or holds no texts.
    """
    names = [name for name, _ in fields]
    if not wanted and TEXT_COLUMN not in names:
        raise PolicyError(
            f"'columns' is empty, and the dataset has no column '{TEXT_COLUMN}'; name the columns "
            f"with free texts, of {quoted(names)}."
        )
    found: dict[str, None] = {}
    for pattern in wanted or (TEXT_COLUMN,):
        mine = [pattern] if pattern in names else [n for n in names if fnmatchcase(n, pattern)]
        if not mine:
            raise PolicyError(
                f"'columns' names {quoted([pattern])}, which the dataset does not have; it has "
                f"{quoted(names)}."
            )
        found |= dict.fromkeys(mine)
    others = [name for name, kind in fields if name in found and not is_text(plain_type(kind))]
    if others:
        raise PolicyError(f"{quoted(others)} hold no texts; leave them out of 'columns'.")
    return tuple(found)


def _fields(schema: Schema) -> list[tuple[str, pa.DataType]]:
    return [(one.name, one.type) for one in schema.arrow]
