"""Pseudonymisation of datasets of any size, batch by batch."""

from __future__ import annotations

import csv
import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation import findings
from field_pseudonymisation.api import PURPOSE
from field_pseudonymisation.batches import Work, apply_to_rows, whole
from field_pseudonymisation.config import DEMO, default_rules
from field_pseudonymisation.errors import (
    AppliedTwiceError,
    CellsError,
    FieldPseudonymisationError,
    PolicyError,
)
from field_pseudonymisation.frequencies import Frequency
from field_pseudonymisation.plan import compile_policy
from field_pseudonymisation.policy import PseudonymisationPolicy, make_rule
from field_pseudonymisation.recipe import Recipe
from field_pseudonymisation.renewal import compile_renewal
from field_pseudonymisation.reverse import ReversePlan, compile_recipe
from field_pseudonymisation.text.findings import limits_of, text_sections
from util_services.errors import StorageError, printable, quoted, quoted_name
from util_services.flow.beside import BESIDE_ENDINGS, RECIPE
from util_services.flow.objects import SAMPLE_SCHEME
from util_services.flow.operate import Outcome
from util_services.reports import Section, Table
from util_services.storage.patterns import names_many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from field_pseudonymisation.batches import Function, What
    from field_pseudonymisation.config import (
        AnonymisePseudonymiseStructuredConfig,
        RepseudonymiseStructuredConfig,
    )
    from field_pseudonymisation.plan import Plan
    from field_pseudonymisation.techniques.technique import Technique
    from util_services.datasets.schema import Schema
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import Dataset
    from util_services.keys.keyset import Keyset

COUNT, HASH, ONCE, TOP, VALUE = "distinct", "hash", "once", "top", "value"


def policy_of(
    config: AnonymisePseudonymiseStructuredConfig, content: Callable[[str], bytes]
) -> PseudonymisationPolicy:
    """Return the policy of a config, or of the file that it names.

    Raises:
        PolicyError: if it is none.
    """
    if config.policy_file is None:
        return PseudonymisationPolicy(
            keyset=config.keyset,
            domain=config.domain,
            rules=config.rules,
            unmatched=config.unmatched,
            policy=config.policy,
        )
    fields = type(config).model_fields
    for name in ("rules", "keyset", "domain", "policy", "unmatched"):
        given = getattr(config, name)
        if given and given != fields[name].default:
            raise PolicyError(
                f"'policy_file' and '{name}' are both given; leave one, for the file says all."
            )
    return PseudonymisationPolicy.from_yaml(content(config.policy_file))


def keyset_of(name: str) -> Keyset:
    """Return a keyset; where keysets are kept in files, that of the demonstration is made.

    Raises:
        KeysError: if there is none, or it cannot be used.
    """
    from util_services.keys.errors import KeysetExistsError, KeysetNotFoundError
    from util_services.keys.keyset import Keyset
    from util_services.keys.providers.choice import key_provider
    from util_services.keys.providers.file import FileProvider

    if not name:
        raise PolicyError("The rules need keys; name a keyset under 'keyset'.")
    try:
        return Keyset.load(name, purpose=PURPOSE)
    except KeysetNotFoundError:
        provider = key_provider()
        if name != DEMO or not isinstance(provider, FileProvider):
            raise
        with suppress(KeysetExistsError):
            provider.create(Keyset.generate(DEMO, purpose=PURPOSE))
        return Keyset.load(name, purpose=PURPOSE)


def refuse_one_process(policy: PseudonymisationPolicy) -> None:
    """Refuse techniques that want one process, where the engine has many.

    Raises:
        PolicyError: naming the first.
    """
    for rule in policy.made_rules:
        if rule.technique.is_for_one_process:
            _refuse_cluster(f"rules.{printable(rule.pattern)}", rule.technique)


def refuse_vaults(recipe: Recipe) -> None:
    """Refuse a recipe whose way back wants one process, where the engine has many.

    Raises:
        PolicyError: naming the first technique.
    """
    for column in recipe.columns:
        for rule in column.rules:
            made = make_rule("recipe", dict(rule.options), domain=rule.domain).technique
            if rule.reversible and made.is_for_one_process:
                _refuse_cluster(f"The recipe of {quoted_name(column.name)}", made)


def _refuse_cluster(place: str, technique: Technique) -> None:
    from util_services.engines.choice import chosen_engine

    engine = chosen_engine()
    if engine == "local":
        return
    why = "all rows of a column" if technique.works_on_whole_column else "a vault"
    raise PolicyError(
        f"{place}: '{technique.name}' needs {why} in one process, which the engine '{engine}' does "
        "not have; set DATA_SERVICES_ENGINE=local, or use another technique."
    )


def check_pseudonymise(
    config: AnonymisePseudonymiseStructuredConfig, schema: Schema, inputs: Inputs
) -> None:
    """Refuse a config that does not go with the columns of a dataset, or whose keys are missing."""
    policy = policy_of(config, inputs.content)
    refuse_one_process(policy)
    keyset = keyset_of(policy.keyset) if policy.needs_keys else None
    compile_policy(policy, _fields(schema.arrow), keyset)


def pseudonymise_dataset(
    dataset: Dataset, config: AnonymisePseudonymiseStructuredConfig
) -> Outcome:
    """Return what the policy of a config makes of a dataset."""
    return pseudonymise_under(dataset, policy_of(config, dataset.content))


def pseudonymise_under(dataset: Dataset, policy: PseudonymisationPolicy) -> Outcome:
    """Return what a policy makes of a dataset."""
    keyset = keyset_of(policy.keyset) if policy.needs_keys else None
    engine, rows = dataset.engine, dataset.scan()
    stored = dict(_fields(dataset.schema.arrow))
    plan = compile_policy(policy, _fields(engine.arrow_schema(rows)), keyset, stored=stored)
    refuse_one_process(policy)
    _refuse_pseudonyms(dataset, plan)
    if plan.waits_for:
        chosen = engine.select(rows, {name: name for name in plan.waits_for})
        table = engine.consume(chosen, lambda reader: reader.read_all())
        plan.prepare({name: whole(table.column(name)) for name in plan.waits_for})
    work = Work(plan.apply, plan.output, (plan,), done=plan.imprint)
    frame = apply_to_rows(dataset, work)
    plan.require_met()
    return _outcome(dataset, frame, plan, plan.recipe_of_done())


def _refuse_pseudonyms(dataset: Dataset, plan: Plan) -> None:
    """Refuse columns that hold pseudonyms already, as a recipe beside the dataset tells.

    Those in the form of tokens are known by themselves; the others are not.

    Raises:
        AppliedTwiceError: naming the first.
    """
    path = dataset.staged.origin.path
    if dataset.inputs is None or path.startswith(SAMPLE_SCHEME) or names_many(path):
        return
    try:
        recipe = Recipe.from_json(dataset.content(recipe_path(path, None)))
    except StorageError:
        return  # the dataset has none
    keyed = {c.name for c in recipe.columns for rule in c.rules if rule.key_id is not None}
    for column in plan.kept:
        rules = [rule for rule in column.rules if not getattr(rule.options, "again", True)]
        if column.name in keyed and rules:
            raise AppliedTwiceError(
                column.name,
                "pseudonyms of an earlier run, as the recipe beside the dataset says",
                (),
                "use 'repseudonymise_structured', or set 'again: true' in the rule",
            )


def _outcome(dataset: Dataset, frame: nw.LazyFrame[Any], plan: Plan, recipe: Recipe) -> Outcome:
    found = _frequencies(dataset, frame, plan)
    told = findings.columns_told(plan, found)
    columns = ("column", "technique", "domain", "policy", "key_id", "rows", "nulls")
    measured = ("distinct", "top_frequency", "reversible")
    shown = [[_shown_name(one), *(one[name] for name in (*columns[1:], *measured))] for one in told]
    table = Table("What was done to each column", (*columns, *measured), tuple(map(tuple, shown)))
    text = recipe.to_json()

    def write(file: Any) -> None:
        file.write_text(text, encoding="utf-8")

    return Outcome(
        frame,
        facts={
            "columns_transformed": sum(1 for c in plan.kept if c.transform is not None),
            "columns_dropped": sum(1 for c in plan.columns if c.is_dropped),
            "columns": told,
            "keyset": plan.policy.keyset if plan.policy.needs_keys else None,
            "recipe_sha256": hashlib.sha256(text.encode()).hexdigest(),
        },
        warnings=(*findings.warnings_of(plan, found), *_demonstrations(dataset, plan)),
        limits=limits_of(plan),
        sections=(
            Section("Techniques", tables=(table,)),
            *_risk_sections(plan, found),
            *text_sections(plan),
        ),
        beside={RECIPE: write},
    )


def _risk_sections(plan: Plan, found: Mapping[str, Frequency]) -> tuple[Section, ...]:
    """Return the section on what single columns tell; none where no values stay equal."""
    told = findings.risks_told(plan, found)
    if not told:
        return ()
    rows = tuple(tuple(one.values()) for one in told)
    table = Table("Singling out, linkability, inference", tuple(told[0]), rows)
    return (Section("Risks of single columns", text=findings.RISKS, tables=(table,)),)


def _demonstrations(dataset: Dataset, plan: Plan) -> list[str]:
    """Return a warning where real data are under what is for the bundled sample."""
    if dataset.staged.origin.path.startswith(SAMPLE_SCHEME) or not plan.policy.needs_keys:
        return []
    rules = (rule for column in plan.recipe().columns for rule in column.rules if rule.key_id)
    used = {name for rule in rules for name in (rule.keyset, rule.domain)}
    if DEMO not in used:
        return []
    return [
        f"The keyset or domain {quoted_name(DEMO)} is for the bundled sample, and everybody who "
        "tries the jobs uses it; name your own for other data."
    ]


def _shown_name(told: Mapping[str, Any]) -> str:
    return told["column"] if told["path"] is None else f"{told['column']} -> {told['path']}"


def _frequencies(dataset: Dataset, frame: nw.LazyFrame[Any], plan: Plan) -> dict[str, Frequency]:
    """Return how often values stand in the columns that keep equality.

    They are counted by their 64-bit hashes, which take a fraction of the memory; a collision, to be
    expected once in thousands of columns of 10^6 values, is one value less.
    """
    engine, found = dataset.engine, {}
    for name in findings.leaks(plan):
        values = engine.select(frame, {VALUE: name}).filter(~nw.col(VALUE).is_null())
        hashes = engine.row_hash(values, (VALUE,), HASH).select(HASH)
        counts = hashes.group_by(HASH).agg(nw.len().alias(COUNT))
        alone = (nw.col(COUNT) == 1).cast(nw.Int64).sum()
        reduced = counts.select(
            nw.len().alias(COUNT), nw.col(COUNT).max().alias(TOP), alone.alias(ONCE)
        )
        (row,) = engine.rows(reduced)
        found[name] = Frequency(int(row[COUNT]), int(row[TOP] or 0), int(row[ONCE] or 0))
    return found


def _fields(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(one.name, one.type) for one in schema]


@dataclass
class RowSelection:
    """The rows that a file names, by the values of one column as they stand in the dataset."""

    column: str
    values: pa.Array
    sha256: str
    seen: int = 0
    selected: int = 0
    found: set[str] = field(default_factory=set)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(pc.unique(self.values).to_pylist())}

    def tally(self) -> dict[What, int]:
        """Return rows seen and selected, and which values were found, by their places."""
        told: dict[What, int] = {("seen",): self.seen, ("selected",): self.selected}
        return told | {("found", self._places[value]): 1 for value in self.found}

    def add_tally(self, counted: Mapping[What, int]) -> None:
        """Add what was seen and found elsewhere."""
        self.seen += counted.get(("seen",), 0)
        self.selected += counted.get(("selected",), 0)
        self.found |= {value for value, n in self._places.items() if counted.get(("found", n))}

    @classmethod
    def read(cls, content: bytes, names: list[str]) -> RowSelection:
        """Return the rows that the content of a file names.

        Raises:
            PolicyError: if it is no such file, or names another column.
        """
        try:
            lines = [line for line in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if line]
        except (UnicodeDecodeError, csv.Error):
            lines = []
        if not lines or any(len(line) != 1 for line in lines):
            raise PolicyError(
                "The file under 'rows' must be CSV with one column, whose name is one of the "
                "dataset's; correct it."
            )
        ((column,), *values) = lines
        if column not in names:
            raise PolicyError(
                f"The file under 'rows' names the column {quoted_name(column)}, which the dataset "
                f"does not have; it has {quoted(names)}."
            )
        if not values:
            raise PolicyError("The file under 'rows' names no row; add one below the header.")
        digest = hashlib.sha256(content).hexdigest()
        return cls(column, pa.array([value for (value,) in values], pa.string()), digest)

    def apply(self, function: Function, batch: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Return what a function makes of the rows of a batch that are named, and of no others.

        Raises:
            CellsError: with numbers of rows of the dataset.
        """
        texts = batch[self.column].cast(pa.string())
        mask = pc.fill_null(pc.is_in(texts, value_set=self.values), False)
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        before, seen = self.selected, self.seen
        self.selected += len(places)
        self.seen += len(texts)
        self.found |= set(pc.unique(texts.filter(mask)).to_pylist())
        chosen = {name: array.filter(mask) for name, array in batch.items()}
        try:
            return function(chosen, len(places))
        except CellsError as error:
            rows = [seen + places[position - before] for position in error.positions]
            raise type(error)(error.column, error.reason, rows, error.cure) from None


def recipe_path(dataset_path: str, named: str | None) -> str:
    """Return where the recipe of a dataset is.

    Raises:
        PolicyError: if it must be named.
    """
    if named is not None:
        return named
    if "*" in dataset_path:
        raise PolicyError("Several datasets are read, so name their recipe under 'recipe'.")
    return dataset_path.rstrip("/") + BESIDE_ENDINGS[RECIPE]


def restore_dataset(
    dataset: Dataset, plan: ReversePlan, selection: RowSelection | None, *, is_other: bool = False
) -> Outcome:
    """Return a dataset with columns as they were.

    ``is_other`` lets one through that is not the one that the recipe was written for.

    Raises:
        PolicyError: if it is another dataset.
        TokenError: if a value is not as it was written.
        FieldPseudonymisationError: if no row is one of those that were named.
    """

    def apply(batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        if selection is None:
            return plan.apply(batch, rows)
        return selection.apply(plan.apply, batch)

    counting = () if selection is None else (selection,)
    frame = apply_to_rows(dataset, Work(apply, plan.output, counting, given=plan.imprint))
    if not is_other:
        plan.require_same()
    dropped, warnings = 0, []
    if selection is not None:
        dropped = selection.seen - selection.selected
        missed = len(pc.unique(selection.values)) - len(selection.found)
        if not selection.selected:
            raise FieldPseudonymisationError(
                "No row of the dataset is one that the file under 'rows' names; check its values."
            )
        if missed:
            warnings.append(f"{missed} values of the file under 'rows' are in no row.")
    kept = [column.name for column in plan.columns if column.name not in plan.restored]
    return Outcome(
        frame,
        dropped=dropped,
        types={column.name: column.output for column in plan.columns if column.is_restored},
        facts={"columns_restored": list(plan.restored), "columns_kept": kept},
        warnings=tuple(warnings),
        limits=(
            "The output holds personal data in clear; publish it to nobody but the requester.",
            "What was hashed, masked, generalised, redacted or dropped cannot be brought back.",
        ),
    )


def restoring_plan(
    dataset: Dataset, recipe: Recipe, keyset: Keyset | None, columns: list[str], domain: str
) -> ReversePlan:
    """Return how columns of a dataset are brought back."""
    fields = _fields(dataset.engine.arrow_schema(dataset.scan()))
    return compile_recipe(recipe, fields, keyset, columns=columns or None, domain=domain or None)


def check_repseudonymise(
    config: RepseudonymiseStructuredConfig, content: Callable[[str], bytes]
) -> None:
    """Refuse what is known to be wrong without the dataset."""
    for name, rule in config.rules.items():
        made = make_rule(name, rule).technique
        if made.is_for_one_process:
            _refuse_cluster(f"rules.{printable(name)}", made)
    if config.recipe is not None:
        refuse_vaults(Recipe.from_json(content(config.recipe)))
    if config.keyset:
        keyset_of(config.keyset)


def repseudonymise_dataset(
    dataset: Dataset,
    config: RepseudonymiseStructuredConfig,
    require_approval: Callable[[], None],
) -> Outcome:
    """Return a dataset under other keys, rules or domains, in one pass without its originals.

    ``require_approval`` is called before it is moved to another keyset.
    """
    scanned = dataset.engine.arrow_schema(dataset.scan())
    given = _given(dataset, config, scanned)
    former, fields = given.recipe, given.fields
    refuse_vaults(former)
    if config.keyset not in {"", former.keyset}:
        require_approval()
    renewal = compile_renewal(
        former,
        fields,
        keyset_of,
        keyset_of,
        rules=config.rules,
        keyset=config.keyset,
        domain=config.domain,
        policy=config.policy,
    )
    back, plan = renewal.back, renewal.plan
    refuse_one_process(plan.policy)

    def apply(batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        return renewal.apply(given.prepared(batch, rows), rows)

    frame = apply_to_rows(
        dataset,
        Work(
            apply,
            plan.output,
            (plan,),
            given=None if former.dataset is None else back.imprint,  # the sample has none
            done=plan.imprint,
        ),
    )
    if not config.other_dataset:
        back.require_same()
    outcome = _outcome(dataset, frame, plan, renewal.recipe())
    return replace(outcome, facts={**outcome.facts, "columns_kept": renewal.kept})


@dataclass(frozen=True, slots=True)
class _Given:
    """A pseudonymised dataset: its recipe, its columns, and how its batches come about."""

    recipe: Recipe
    fields: list[tuple[str, pa.DataType]]
    prepared: Callable[[Mapping[str, pa.Array], int], Mapping[str, pa.Array]]


def _given(dataset: Dataset, config: RepseudonymiseStructuredConfig, scanned: pa.Schema) -> _Given:
    """Return the dataset of a run; the bundled sample is pseudonymised on the way, to show it."""
    path = dataset.staged.origin.path
    if config.recipe is None and path.startswith(SAMPLE_SCHEME):
        policy = PseudonymisationPolicy(DEMO, DEMO, default_rules())
        plan = compile_policy(policy, _fields(scanned), keyset_of(DEMO))
        return _Given(plan.recipe(), _fields(plan.output), plan.apply)
    recipe = Recipe.from_json(dataset.content(recipe_path(path, config.recipe)))
    return _Given(recipe, _fields(scanned), lambda batch, _: batch)
