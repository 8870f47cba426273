"""Run-config classes of the operations of this package."""

from typing import Any, Literal

import dagster as dg
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

KINDS = Literal[
    "auto", "file", "intervals", "mask", "date", "rounding", "mapping", "suppression", "named"
]
USED = {
    "file": {"path", "delimiter", "pad"},
    "intervals": {"widths", "origin", "closed", "bottom", "top", "outside"},
    "mask": {"keep", "character"},
    "date": {"levels"},
    "rounding": {"bases"},
    "mapping": {"rows", "pad"},
    "named": {"name"},
}
NEEDED = {
    "file": "path",
    "intervals": "widths",
    "mask": "keep",
    "date": "levels",
    "rounding": "bases",
    "mapping": "rows",
    "named": "name",
}


class HierarchyConfig(dg.Config):
    """How the values of a quasi-identifier are generalised."""

    kind: KINDS = Field(
        default="auto",
        description=(
            "'file' (a row per value), 'intervals', 'mask' (prefixes), 'date', 'rounding', "
            "'mapping' (rows in the configuration), 'suppression', 'named' (of a plugin), or "
            "'auto' by the values."
        ),
    )
    path: str | None = Field(default=None, description="file: where it is, in the input's storage.")
    delimiter: str | None = Field(
        default=None, description="file: ';' or ','; default the one that the first line holds."
    )
    pad: bool = Field(default=False, description="file, mapping: repeat the value of short rows.")
    widths: list[float] = Field(
        default_factory=list, description="intervals: widths by level, such as [5, 10, 20]."
    )
    origin: float = Field(default=0, description="intervals: a bound of an interval.")
    closed: Literal["left", "right"] = Field(
        default="left", description="intervals: the side that belongs to them."
    )
    bottom: float | None = Field(
        default=None, description="intervals: smaller values share a class."
    )
    top: float | None = Field(
        default=None, description="intervals: values from it on share a class."
    )
    outside: Literal["class", "error"] = Field(
        default="class", description="intervals: whether values beyond bottom and top are an error."
    )
    keep: list[int] = Field(
        default_factory=list, description="mask: how many characters each level keeps."
    )
    character: str = Field(default="*", description="mask: what stands for the others.")
    levels: list[str] = Field(
        default_factory=list, description="date: some of day, month, quarter, year, decade."
    )
    bases: list[float] = Field(default_factory=list, description="rounding: bases by level.")
    rows: list[list[str]] = Field(
        default_factory=list, description="mapping: [value, label, …, '*'] for each value."
    )
    name: str | None = Field(default=None, description="named: what a plugin has registered.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "HierarchyConfig":
        used = USED.get(self.kind, set())
        idle = {key for key in self.model_fields_set if key != "kind"} - used
        given = [key for key in sorted(idle) if getattr(self, key) != _default(key)]
        if given:
            raise ValueError(
                f"'{given[0]}' has no meaning for a hierarchy of the kind '{self.kind}'"
            )
        needed = NEEDED.get(self.kind)
        if needed is not None and not getattr(self, needed):
            raise ValueError(f"a hierarchy of the kind '{self.kind}' needs '{needed}'")
        return self

    @model_serializer(mode="wrap")
    def _of_its_kind(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what has no meaning for this kind, in reports among others."""
        kept = {"kind", *USED.get(self.kind, ())}
        return {key: value for key, value in written(self).items() if key in kept}


def _default(key: str) -> Any:
    return HierarchyConfig.model_fields[key].get_default(call_default_factory=True)


class AnonymisationConfig(dg.Config):
    """The role of every column, and what becomes of rows that do not fit."""

    quasi_identifiers: list[str] = Field(
        default_factory=list, description="Columns that are generalised."
    )
    sensitive_attributes: list[str] = Field(
        default_factory=list, description="Columns that models protect; published as they are."
    )
    insensitive_attributes: list[str] = Field(
        default_factory=list, description="Columns that are published as they are."
    )
    identifiers: list[str] = Field(
        default_factory=list, description="Columns that are masked or dropped."
    )
    unclassified: Literal["error", "drop", "keep"] = Field(
        default="error", description="What becomes of columns without a role."
    )
    hierarchies: dict[str, HierarchyConfig] = Field(
        default_factory=dict, description="How quasi-identifiers are generalised, by column."
    )
    algorithm: Literal["auto", "optimal", "local", "mondrian"] = Field(
        default="auto",
        description=(
            "The search: one generalisation for all rows with proven least loss ('optimal'), the "
            "most specific labels for each row ('local'), or repeated cuts ('mondrian')."
        ),
    )
    suppression_limit: float = Field(
        default=0.05,
        description="Which share of the rows may be suppressed, 0 to 1; 0.05 is 5 %.",
    )
    suppressed: Literal["drop", "mask"] = Field(
        default="drop", description="Whether suppressed rows are left out, or published as '*'."
    )
    suppressed_class: Literal["exempt", "tested"] = Field(
        default="exempt", description="Whether masked rows must satisfy the models as a class."
    )
    missing_quasi_identifiers: Literal["value", "suppress", "error"] = Field(
        default="value",
        description="Whether a missing value is one of its own, suppresses its row, or an error.",
    )
    unknown_values: Literal["error", "own_leaf", "suppress"] = Field(
        default="error", description="What becomes of values that a hierarchy lacks."
    )
    identifier_action: Literal["mask", "drop"] = Field(
        default="mask", description="Whether identifiers are published as '*' or left out."
    )
    order: Literal["canonical", "preserve"] = Field(
        default="canonical",
        description="Rows sorted by what is published, or in the input's order, which can leak.",
    )
    entity: str | None = Field(
        default=None,
        description="A column that says whose rows these are, masked or dropped: k counts persons.",
    )
    keep_entity: bool = Field(
        default=False,
        description="Publish the column 'entity' as it is, which holds pseudonyms then.",
    )
    weights: dict[str, float] = Field(
        default_factory=dict, description="Weights of quasi-identifiers in the loss; default 1."
    )
    strip: bool = Field(
        default=False, description="Ignore blanks around the values of quasi-identifiers."
    )
    population: str | None = Field(
        default=None,
        description=(
            "The path of a table of all people that rows may be of, with the quasi-identifiers as "
            "columns: for k-map, and for the journalist's and the marketer's risk."
        ),
    )
    labels: dict[str, Literal["hierarchy", "values", "mean"]] = Field(
        default_factory=dict,
        description=(
            "Labels of quasi-identifiers: of the hierarchy, the range or set of the values of each "
            "class ('values'), or the mean of its numbers (microaggregation); not for 'optimal'."
        ),
    )
    report_threshold: int = Field(
        default=10,
        description="Reports do not tell counts of fewer rows of the original table; 0 tells all.",
    )


class KAnonymityConfig(AnonymisationConfig):
    """Each published combination of quasi-identifiers has at least k rows."""

    k: int = Field(default=5, ge=1, description="How many rows each class has at least.")


def refuse_idle_orders(config: Any) -> None:
    """Refuse orders of values that nothing asks for.

    Raises:
        ValueError: naming the column, or the distance.
    """
    strangers = [n for n in config.values_in_order if n not in config.sensitive_attributes]
    if strangers:
        raise ValueError(f"'values_in_order' names '{strangers[0]}', no sensitive attribute")
    if config.values_in_order and config.distance != "ordered":
        raise ValueError("'values_in_order' belongs to the distance 'ordered', and to no other")


class SensitiveConfig(KAnonymityConfig):
    """k-anonymity, and a model on every sensitive attribute."""

    @model_validator(mode="after")
    def _has_sensitive_attributes(self) -> "SensitiveConfig":
        if not self.sensitive_attributes:
            raise ValueError("'sensitive_attributes' must name at least one column")
        return self


class LDiversityConfig(SensitiveConfig):
    """k-anonymity, and each class has l well-represented values of every sensitive attribute."""

    l: float = Field(  # noqa: E741
        default=3, ge=1, description="How many values; whole but for 'entropy'."
    )
    variant: Literal["distinct", "entropy", "recursive"] = Field(
        default="distinct", description="What well represented means."
    )
    c: float | None = Field(default=None, gt=0, description="recursive: the constant c.")

    @model_validator(mode="after")
    def _has_c_where_it_belongs(self) -> "LDiversityConfig":
        if (self.c is None) == (self.variant == "recursive"):
            raise ValueError("'c' belongs to the variant 'recursive', and to no other")
        if self.variant != "entropy" and not float(self.l).is_integer():
            raise ValueError("'l' must be a whole number but for the variant 'entropy'")
        return self


class TClosenessConfig(SensitiveConfig):
    """k-anonymity, and every sensitive attribute is distributed as in the whole table, up to t."""

    t: float = Field(default=0.2, ge=0, le=1, description="The largest earth mover's distance.")
    distance: Literal["equal", "ordered", "hierarchical"] = Field(
        default="equal", description="The distance between two values."
    )
    values_in_order: dict[str, list[str]] = Field(
        default_factory=dict, description="ordered: the values of each column that has no numbers."
    )

    @model_validator(mode="after")
    def _has_orders_of_sensitive_attributes(self) -> "TClosenessConfig":
        refuse_idle_orders(self)
        return self


class ModelConfig(dg.Config):
    """A privacy model with its parameters; others are left out."""

    model: Literal[
        "k_anonymity",
        "k_map",
        "alpha_k_anonymity",
        "l_diversity",
        "t_closeness",
        "delta_disclosure",
        "beta_likeness",
        "delta_presence",
    ] = Field(description="Which model.")
    attribute: str | None = Field(
        default=None, description="The sensitive attribute; the only one if not given."
    )
    k: int | None = Field(default=None, description="k_anonymity, k_map, alpha_k_anonymity.")
    alpha: float | None = Field(default=None, description="alpha_k_anonymity.")
    l: float | None = Field(default=None, description="l_diversity.")  # noqa: E741
    variant: Literal["distinct", "entropy", "recursive"] = Field(
        default="distinct", description="l_diversity."
    )
    c: float | None = Field(default=None, description="l_diversity, recursive.")
    missing_counts: bool = Field(
        default=False, description="l_diversity, distinct: whether missing is a value."
    )
    t: float | None = Field(default=None, description="t_closeness.")
    distance: Literal["equal", "ordered", "hierarchical"] = Field(
        default="equal", description="t_closeness."
    )
    values_in_order: list[str] = Field(
        default_factory=list, description="t_closeness, ordered: the values, where no numbers."
    )
    delta: float | None = Field(default=None, description="delta_disclosure.")
    zero: Literal["pass", "fail"] = Field(
        default="pass", description="delta_disclosure: a value that a class lacks."
    )
    beta: float | None = Field(default=None, description="beta_likeness.")
    enhanced: bool = Field(default=False, description="beta_likeness.")
    minimum: float | None = Field(default=None, description="delta_presence.")
    maximum: float | None = Field(default=None, description="delta_presence.")
    value: str = Field(default="1", description="delta_presence: the text that flags a row.")

    @model_serializer(mode="wrap")
    def _without_idle(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out parameters that are as if not given, in reports among others."""
        return {key: value for key, value in written(self).items() if value not in (None, [])}


class AnonymiseDataframeConfig(AnonymisationConfig):
    """Any combination of privacy models, tested jointly."""

    models: list[ModelConfig] = Field(
        default_factory=list, description="The models; every class satisfies all of them."
    )

    @field_validator("models")
    @classmethod
    def _at_least_one(cls, models: list[ModelConfig]) -> list[ModelConfig]:
        if not models:
            raise ValueError("name at least one model, such as {model: k_anonymity, k: 5}")
        return models


class KnownColumnsConfig(dg.Config):
    """Columns whose combination may single people out."""

    quasi_identifiers: list[str] = Field(
        default_factory=list, description="Columns that are known of people from elsewhere."
    )

    @field_validator("quasi_identifiers")
    @classmethod
    def _at_least_one(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError("name at least one column")
        return names


class AssessRiskConfig(KnownColumnsConfig):
    """What is measured, and whose rows these are."""

    threshold: float = Field(
        default=0.2, gt=0, le=1, description="The risk above which a row counts as at risk."
    )
    entity: str | None = Field(
        default=None,
        description="A column that says whose rows these are; risks are then those of persons.",
    )


class ClaimedModelsConfig(dg.Config):
    """The models that a published table is to satisfy, each on every sensitive attribute."""

    k: int = Field(default=5, ge=1, description="How many rows each class is to have.")
    l: float | None = Field(default=None, ge=1, description="How many values.")  # noqa: E741
    variant: Literal["distinct", "entropy", "recursive"] = Field(
        default="distinct", description="l: what well represented means."
    )
    c: float | None = Field(default=None, gt=0, description="l, recursive: the constant c.")
    t: float | None = Field(default=None, ge=0, le=1, description="The largest distance.")
    distance: Literal["equal", "ordered"] = Field(
        default="equal", description="t: the distance between two values."
    )
    values_in_order: dict[str, list[str]] = Field(
        default_factory=dict, description="ordered: the values of each column that has no numbers."
    )
    suppressed_class: Literal["exempt", "tested"] = Field(
        default="exempt",
        description="Whether rows with '*' and without sensitive values are left out, or a class.",
    )
    entity: str | None = Field(
        default=None,
        description="A column that says whose rows these are; k and values then count persons.",
    )


class VerifyAnonymityConfig(ClaimedModelsConfig, KnownColumnsConfig):
    """What is claimed of a published table; each model on every sensitive attribute."""

    sensitive_attributes: list[str] = Field(
        default_factory=list, description="Columns that l-diversity and t-closeness are about."
    )
    fail_if_untrue: bool = Field(default=True, description="Fail the run if a claim does not hold.")

    @model_validator(mode="after")
    def _has_sensitive_attributes(self) -> "VerifyAnonymityConfig":
        if (self.l is not None or self.t is not None) and not self.sensitive_attributes:
            raise ValueError("'l' and 't' are about 'sensitive_attributes'; name at least one")
        refuse_idle_orders(self)
        return self


class SumConfig(dg.Config):
    """A sum of numbers that are moved into a range and rounded to multiples of a step."""

    lower: float = Field(description="What smaller sums of a person count as.")
    upper: float = Field(description="What larger sums of a person count as.")
    step: float = Field(default=1, gt=0, description="Noise and sums are multiples of it.")


class PrivateCountsConfig(dg.Config):
    """Which groups are counted, and how much that may tell of a person."""

    groups: dict[str, list[str]] = Field(
        default_factory=dict,
        description="The values of each column that make groups; all combinations are counted.",
    )
    epsilon: float = Field(
        default=1,
        gt=0,
        description="The privacy budget of all counts and sums together; smaller tells less.",
    )
    sums: dict[str, SumConfig] = Field(
        default_factory=dict, description="What is summed in each group, by column."
    )
    entity: str | None = Field(
        default=None,
        description="A column that says whose rows these are; each row is one's if not given.",
    )
    max_groups: int = Field(
        default=1, ge=1, description="entity: in how many groups a person counts at most."
    )
    non_negative: bool = Field(
        default=False, description="Publish counts below 0 as 0, which makes small ones too large."
    )

    @field_validator("groups")
    @classmethod
    def _at_least_one(cls, groups: dict[str, list[str]]) -> dict[str, list[str]]:
        if not groups:
            raise ValueError("name at least one column with its values")
        return groups
