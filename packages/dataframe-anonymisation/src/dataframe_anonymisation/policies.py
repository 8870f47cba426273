"""From the configuration of a run to a policy; hierarchies in files are read here."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from dataframe_anonymisation.config import (
    AnonymiseDataframeConfig,
    KAnonymityConfig,
    LDiversityConfig,
    TClosenessConfig,
)
from dataframe_anonymisation.errors import HierarchyError, PolicyError
from dataframe_anonymisation.hierarchies import Hierarchy
from dataframe_anonymisation.hierarchies.rows import RowHierarchy
from dataframe_anonymisation.models import (
    AlphaKAnonymity,
    BetaLikeness,
    DeltaDisclosure,
    DeltaPresence,
    KAnonymity,
    KMap,
    LDiversity,
    Model,
    TCloseness,
)
from dataframe_anonymisation.policy import AnonymisationPolicy
from util_services.errors import quoted, quoted_name
from util_services.plugins.manager import plugin_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dataframe_anonymisation.config import (
        AnonymisationConfig,
        HierarchyConfig,
        ModelConfig,
    )

SHARED = (
    "quasi_identifiers",
    "sensitive_attributes",
    "insensitive_attributes",
    "identifiers",
    "unclassified",
    "algorithm",
    "suppression_limit",
    "suppressed",
    "suppressed_class",
    "missing_quasi_identifiers",
    "unknown_values",
    "identifier_action",
    "order",
    "entity",
    "keep_entity",
    "weights",
    "strip",
    "labels",
    "report_threshold",
)
MODELS: Mapping[str, Callable[..., Model]] = {
    "k_anonymity": KAnonymity,
    "k_map": KMap,
    "alpha_k_anonymity": AlphaKAnonymity,
    "l_diversity": LDiversity,
    "t_closeness": TCloseness,
    "delta_disclosure": DeltaDisclosure,
    "beta_likeness": BetaLikeness,
    "delta_presence": DeltaPresence,
}
OPTIONS = {"order": "values_in_order"}  # that say more than the name of a parameter


def policy_of(config: AnonymisationConfig, content: Callable[[str], bytes]) -> AnonymisationPolicy:
    """Return the policy that a configuration asks for.

    Args:
        config: the models, the roles of columns and what else there is to say.
        content: returns the bytes of a file that the configuration names.

    Raises:
        ConfigurationError: if it contradicts itself.
    """
    hierarchies = {
        column: hierarchy_of(declared, content) for column, declared in config.hierarchies.items()
    }
    shared = {name: getattr(config, name) for name in SHARED}
    return AnonymisationPolicy(models=models_of(config), hierarchies=hierarchies, **shared)


def refuse_population(
    policy: AnonymisationPolicy, population: str | None, columns: Sequence[str] | None
) -> None:
    """Refuse k-map without a population, and a population without the quasi-identifiers.

    Raises:
        PolicyError: if k-map has no population table.
        UnknownColumnsError: naming the columns that it lacks.
    """
    from util_services.datasets.schema import UnknownColumnsError

    if population is None and any(isinstance(model, KMap) for model in policy.models):
        raise PolicyError("k-map needs a population table; name its path as 'population'.")
    lacking = [name for name in policy.quasi_identifiers if name not in (columns or ())]
    if columns is not None and lacking:
        raise UnknownColumnsError("population", lacking, list(columns))


def models_of(config: AnonymisationConfig) -> list[Model]:
    """Return the privacy models that a configuration asks for."""
    match config:
        case AnonymiseDataframeConfig():
            return [model_of(model) for model in config.models]
        case LDiversityConfig():
            variant, c = config.variant, config.c
            return [
                KAnonymity(k=config.k),
                *(
                    LDiversity(l=config.l, attribute=name, variant=variant, c=c)
                    for name in config.sensitive_attributes
                ),
            ]
        case TClosenessConfig():
            return [
                KAnonymity(k=config.k),
                *(
                    TCloseness(
                        t=config.t,
                        attribute=name,
                        distance=config.distance,
                        order=tuple(config.values_in_order.get(name, ())),
                    )
                    for name in config.sensitive_attributes
                ),
            ]
        case KAnonymityConfig():
            return [KAnonymity(k=config.k)]
    raise AssertionError("a configuration of this package asks for models")


def hierarchy_of(config: HierarchyConfig, content: Callable[[str], bytes]) -> Hierarchy:
    """Return the hierarchy that a configuration declares."""
    match config.kind:
        case "file":
            found = content(str(config.path))
            return RowHierarchy.parse(found, delimiter=config.delimiter, pad=config.pad)
        case "mapping":
            return Hierarchy.from_rows(config.rows, pad=config.pad)
        case "intervals":
            return Hierarchy.intervals(
                config.widths,
                origin=config.origin,
                closed=config.closed,
                bottom=config.bottom,
                top=config.top,
                outside=config.outside,
            )
        case "mask":
            return Hierarchy.mask(config.keep, character=config.character)
        case "date":
            return Hierarchy.date(config.levels)
        case "rounding":
            return Hierarchy.rounding(config.bases)
        case "suppression":
            return Hierarchy.suppression()
        case "named":
            return _registered(str(config.name))
        case _:
            return Hierarchy.auto()


def model_of(config: ModelConfig) -> Model:
    """Return the model that a configuration names.

    Raises:
        PolicyError: if a parameter is missing, out of range, or belongs to another model.
    """
    make = MODELS[config.model]
    options = {
        name: OPTIONS.get(name, name)
        for name in signature(make).parameters
        if OPTIONS.get(name, name) in type(config).model_fields
    }
    needed = [name for name, one in signature(make).parameters.items() if one.default is one.empty]
    missing = [options[name] for name in needed if getattr(config, options[name]) is None]
    if missing:
        raise PolicyError(f"The model '{config.model}' needs {quoted(missing)}; give it.")
    known = {"model", *options.values()}
    idle = [name for name in type(config).model_fields if name not in known]
    strange = [name for name in idle if getattr(config, name) != _default(config, name)]
    if strange:
        raise PolicyError(f"The model '{config.model}' has no parameter {quoted(strange)}.")
    values = {name: getattr(config, option) for name, option in options.items()}
    if "order" in values:
        values["order"] = tuple(values["order"])
    return make(**values)


def _default(config: ModelConfig, name: str) -> Any:
    return type(config).model_fields[name].get_default(call_default_factory=True)


def _registered(name: str) -> Hierarchy:
    registered = plugin_manager().named("register_hierarchies")
    if name not in registered:
        raise HierarchyError(
            f"There is no hierarchy {quoted_name(name)}; known are {quoted(sorted(registered))}."
        )
    made: Hierarchy = registered[name].value()
    return made
