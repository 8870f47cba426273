"""What is to be reached, and what each column is: the whole of an anonymisation in one record."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from dataframe_anonymisation.errors import PolicyError
from dataframe_anonymisation.models import Model, TCloseness
from dataframe_anonymisation.models.base import whole
from dataframe_anonymisation.search.choose import ALGORITHMS, Algorithm
from dataframe_anonymisation.search.own_labels import LabelStyle
from dataframe_anonymisation.small_counts import THRESHOLD
from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.hierarchies import Hierarchy

Unclassified = Literal["error", "drop", "keep"]
Suppressed = Literal["drop", "mask"]
SuppressedClass = Literal["exempt", "tested"]
MissingQuasi = Literal["value", "suppress", "error"]
UnknownValues = Literal["error", "own_leaf", "suppress"]
Identifiers = Literal["mask", "drop"]
Order = Literal["canonical", "preserve"]

CHOICES: dict[str, tuple[str, ...]] = {
    "algorithm": ALGORITHMS,
    "unclassified": get_args(Unclassified),
    "suppressed": get_args(Suppressed),
    "suppressed_class": get_args(SuppressedClass),
    "missing_quasi_identifiers": get_args(MissingQuasi),
    "unknown_values": get_args(UnknownValues),
    "identifier_action": get_args(Identifiers),
    "order": get_args(Order),
}
ROLES = (
    "identifiers",
    "quasi_identifiers",
    "sensitive_attributes",
    "insensitive_attributes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymisationPolicy:
    """Privacy models, the role of every column, and what becomes of rows that do not fit.

    Args:
        models: the privacy models; every class satisfies all of them.
        quasi_identifiers: columns that are generalised.
        sensitive_attributes: columns that models protect; published as they are.
        insensitive_attributes: columns that are published as they are.
        identifiers: columns that are masked or dropped.
        hierarchies: of quasi-identifiers by column; chosen by the values where there is none.
        algorithm: ``optimal``, ``local``, ``mondrian``, or ``auto``.
        suppression_limit: the share of the original rows that may be suppressed, 0 to 1.
        unclassified: what becomes of columns without a role: ``error``, ``drop`` or ``keep``.
        suppressed: whether suppressed rows are dropped, or published as ``*`` (``mask``).
        suppressed_class: whether masked rows are exempt from the models, or tested as one class.
        missing_quasi_identifiers: whether a missing value is a ``value`` of its own, lets its row
            be suppressed, or is an ``error``.
        unknown_values: what becomes of values that a hierarchy lacks: ``error``, ``own_leaf`` below
            the root, or their rows are suppressed.
        identifier_action: whether identifiers are published as ``*`` or dropped.
        order: ``canonical``, sorted by what is published, or ``preserve``, which is never safe.
        entity: a column that says whose rows these are; k then counts persons. It is an identifier,
            named as one or not.
        keep_entity: whether that column is published as it is, which only pseudonyms may be, and
            has no other role.
        weights: of quasi-identifiers in the loss; 1 where there is none.
        strip: whether blanks around the values of quasi-identifiers are ignored.
        labels: of quasi-identifiers: ``hierarchy``, or ``values`` for the range or set of the
            values of each class, or ``mean`` for the mean of its numbers (microaggregation).
        report_threshold: reports do not tell counts of fewer rows of the original table; 0
            tells all.

    Raises:
        PolicyError: if it contradicts itself.
    """

    models: Sequence[Model]
    quasi_identifiers: Sequence[str]
    sensitive_attributes: Sequence[str] = ()
    insensitive_attributes: Sequence[str] = ()
    identifiers: Sequence[str] = ()
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)
    algorithm: Algorithm = "auto"
    suppression_limit: float = 0.05
    unclassified: Unclassified = "error"
    suppressed: Suppressed = "drop"
    suppressed_class: SuppressedClass = "exempt"
    missing_quasi_identifiers: MissingQuasi = "value"
    unknown_values: UnknownValues = "error"
    identifier_action: Identifiers = "mask"
    order: Order = "canonical"
    entity: str | None = None
    keep_entity: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    strip: bool = False
    labels: Mapping[str, LabelStyle] = field(default_factory=dict)
    report_threshold: int = THRESHOLD

    def __post_init__(self) -> None:
        """Refuse a policy that contradicts itself."""
        for role in ROLES:
            object.__setattr__(self, role, _names(role, getattr(self, role)))
        if not isinstance(self.entity, str | None):
            raise PolicyError("'entity' must be the name of a column.")
        _refuse_no_entity(self)
        is_hidden = self.entity is not None and not self.keep_entity
        if is_hidden and self.entity not in self.identifiers:
            object.__setattr__(self, "identifiers", (*self.identifiers, self.entity))
        if isinstance(self.models, Model):
            raise PolicyError("'models' must be a list, such as [KAnonymity(k=5)].")
        object.__setattr__(self, "models", tuple(self.models))
        for option, choices in CHOICES.items():
            if getattr(self, option) not in choices:
                raise PolicyError(f"'{option}' must be one of {', '.join(choices)}.")
        _refuse_share(self.suppression_limit)
        whole("report_threshold", self.report_threshold, 0)
        if not self.models or not all(isinstance(model, Model) for model in self.models):
            raise PolicyError(
                "'models' must name at least one privacy model, such as KAnonymity(k=5)."
            )
        if not self.quasi_identifiers:
            raise PolicyError("'quasi_identifiers' must name at least one column.")
        _refuse_double_roles(self)
        _refuse_no_hierarchies(self.hierarchies)
        _refuse_strangers("hierarchies", self.hierarchies, self._with_hierarchy())
        _refuse_strangers("weights", self.weights, self.quasi_identifiers)
        _refuse_strangers("labels", self.labels, self.quasi_identifiers)
        if any(style not in get_args(LabelStyle) for style in self.labels.values()):
            raise PolicyError(f"'labels' must be one of {', '.join(get_args(LabelStyle))}.")
        if self.algorithm == "optimal" and set(self.labels.values()) - {"hierarchy"}:
            raise PolicyError(
                "The algorithm 'optimal' is about the labels of hierarchies; use 'local' or "
                "'mondrian' for labels of the values of a class."
            )
        if not all(map(_is_weight, self.weights.values())):
            raise PolicyError("'weights' must be finite numbers above 0.")
        object.__setattr__(self, "models", tuple(map(self._with_attribute, self.models)))
        _refuse_no_distances(self)

    @property
    def protected(self) -> tuple[str, ...]:
        """The columns whose distribution in classes is counted."""
        named = [model.attribute for model in self.models if model.attribute is not None]
        extra = [self.entity] if self.entity is not None else []
        return tuple(dict.fromkeys([*self.sensitive_attributes, *named, *extra]))

    @property
    def hides_sensitive(self) -> bool:
        """Whether masked rows are published without sensitive values, since nothing tests them."""
        return self.suppressed == "mask" and self.suppressed_class == "exempt"

    def _with_hierarchy(self) -> list[str]:
        return [*self.quasi_identifiers, *self.sensitive_attributes]

    def _with_attribute(self, model: Model) -> Model:
        """Return a model with the attribute that it is about."""
        if "attribute" not in {part.name for part in fields(model)}:  # type: ignore[arg-type]
            return model
        if model.attribute is None:
            if len(self.sensitive_attributes) != 1:
                raise PolicyError(
                    f"{model.name} needs 'attribute', for the policy names "
                    f"{len(self.sensitive_attributes)} sensitive attributes; name one."
                )
            return replace(model, attribute=self.sensitive_attributes[0])  # type: ignore[type-var]
        if model.attribute in self.sensitive_attributes:
            return model
        raise PolicyError(
            f"{model.name} is about {quoted_name(str(model.attribute))}, which is none of "
            "'sensitive_attributes'; add it there."
        )


def _names(role: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise PolicyError(f"'{role}' must be a list of columns, such as ['age'].")
    if len(set(names)) < len(tuple(names)):
        raise PolicyError(f"'{role}' names a column twice; name each once.")
    return tuple(names)


def _is_weight(weight: Any) -> bool:
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    return is_number and 0 < weight < float("inf")


def _refuse_share(limit: Any) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit <= 1:
        raise PolicyError(
            "'suppression_limit' is a share from 0 to 1, not a percentage; 0.05 means 5 %."
        )


def _refuse_no_entity(policy: AnonymisationPolicy) -> None:
    if not isinstance(policy.keep_entity, bool):
        raise PolicyError("'keep_entity' must be true or false.")
    if policy.keep_entity and policy.entity is None:
        raise PolicyError("'keep_entity' is about the column 'entity'; name that, or leave it out.")


def _refuse_double_roles(policy: AnonymisationPolicy) -> None:
    roles = {str(policy.entity): "entity"} if policy.keep_entity else {}
    for role in ROLES:
        for name in getattr(policy, role):
            if name in roles and name == policy.entity:
                what = "is published" if policy.keep_entity else "is an identifier"
                cure = "" if policy.keep_entity else ", or set 'keep_entity' if it is a pseudonym"
                raise PolicyError(
                    f"The entity column {quoted_name(name)} says whose rows these are and {what}; "
                    f"take it out of '{role}'{cure}."
                )
            if name in roles:
                raise PolicyError(
                    f"{quoted_name(name)} is named in '{roles[name]}' and in '{role}'; a column "
                    "has one role."
                )
            roles[name] = role


def _refuse_no_distances(policy: AnonymisationPolicy) -> None:
    for model in policy.models:
        wants_tree = isinstance(model, TCloseness) and model.distance == "hierarchical"
        if wants_tree and model.attribute not in policy.hierarchies:
            raise PolicyError(
                "The hierarchical distance needs a hierarchy of "
                f"{quoted([str(model.attribute)])}; add one to 'hierarchies'."
            )


def _refuse_no_hierarchies(hierarchies: Mapping[str, Any]) -> None:
    from dataframe_anonymisation.hierarchies import Hierarchy

    wrong = [name for name, given in hierarchies.items() if not isinstance(given, Hierarchy)]
    if wrong:
        raise PolicyError(
            f"'hierarchies' of {quoted(wrong)} must be made by Hierarchy, such as "
            "Hierarchy.intervals([10])."
        )


def _refuse_strangers(option: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    strangers = [name for name in given if name not in known]
    if strangers:
        raise PolicyError(
            f"'{option}' names columns that are no quasi-identifiers: {quoted(strangers)}; correct "
            "the names or their roles."
        )


def classified(policy: AnonymisationPolicy, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the columns that are published, and those of them that have no role.

    Raises:
        PolicyError: if columns lack a role and the policy does not say what becomes of them.
        UnknownColumnsError: if roles name columns that there are not.
    """
    from util_services.datasets.schema import UnknownColumnsError

    named = [name for role in ROLES for name in getattr(policy, role)]
    entity = [] if policy.entity is None else [policy.entity]
    for role, names in [("entity", entity), *((role, getattr(policy, role)) for role in ROLES)]:
        unknown = [name for name in names if name not in columns]
        if unknown:
            raise UnknownColumnsError(role, unknown, list(columns))
    strangers = [name for name in columns if name not in (*named, *entity)]
    if strangers and policy.unclassified == "error":
        raise PolicyError(
            f"Columns have no role: {quoted(strangers)}; name each under one of "
            f"{', '.join(ROLES)}, or set 'unclassified' to 'drop' or 'keep'."
        )
    dropped = set(policy.identifiers) if policy.identifier_action == "drop" else set()
    if policy.unclassified == "drop":
        dropped |= set(strangers)
    return [name for name in columns if name not in dropped], strangers
