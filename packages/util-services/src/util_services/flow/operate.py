"""One operation on one dataset: what its author sees, and the bookkeeping around it.

Discovery reads this module, so what is heavy is imported where it is used.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from util_services.datasets.schema import Schema
from util_services.datasets.staged import StagedDataset, StepReport
from util_services.engines.failures import EngineError
from util_services.errors import ConfigurationError, DataServicesError, DatasetError
from util_services.flow.changes import SourceChangedError, file_state
from util_services.flow.quarantine import extend
from util_services.reports.plain import ReportError, plain
from util_services.reports.section import Section, only, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import narwhals as nw
    import pyarrow as pa

    from util_services.datasets.layout import Layout
    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import Engine
    from util_services.flow.encode import Target
    from util_services.flow.inputs import Inputs
    from util_services.flow.staging import Staging


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset on an engine, as the author of an operation sees it."""

    engine: Engine
    staged: StagedDataset
    inputs: Inputs | None = None

    @property
    def schema(self) -> Schema:
        """The columns."""
        return self.staged.schema

    def scan(self, row_number: str | None = None) -> nw.LazyFrame[Any]:
        """Return the rows, with their numbers from 0 in a column if one is named."""
        return self.engine.scan(self.staged, row_number)

    def other(self, path: str) -> Dataset:
        """Return another dataset, by its path in the storage of this one."""
        return Dataset(self.engine, self._inputs().dataset(path), self.inputs)

    def content(self, path: str) -> bytes:
        """Return the bytes of a file beside datasets, such as a recipe."""
        return self._inputs().content(path)

    def _inputs(self) -> Inputs:
        if self.inputs is None:
            raise AssertionError("this dataset was opened without a storage")
        return self.inputs


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the written files adds to what an operation tells."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation makes of a dataset, and what it tells of it in the report.

    What is told is counts and names, never a cell value.

    Args:
        frame: the rows of the result; None for an operation that looks at the dataset and leaves it
            as it is.
        dropped: how many rows of the dataset are not among them.
        facts: counts and names by key; see `Section` for keys that tell a unit.
        warnings: sentences that a reader should act on.
        limits: sentences that say what the operation does not do, measure or promise.
        sections: whatever else belongs into the report: tables, figures, definitions.
        quarantined: how many rows were set aside.
        set_aside: frames with one text column, JSON of a row that was set aside in each cell.
        is_selection: whether the rows of the result are some of the dataset's; a step that makes
            or merges rows accounts for them in its facts.
        beside: writers of further files of the output by their kinds, which are published with it.
        verify: reads the written files, in the layout that is published, and returns what it finds;
            it raises if they are not as they must be, and then nothing is published.
        types: what columns are to be in a format that knows types, where an engine computes them as
            a wider one or in another zone.
    """

    frame: nw.LazyFrame[Any] | None
    dropped: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    quarantined: int = 0
    set_aside: tuple[nw.LazyFrame[Any], ...] = ()
    is_selection: bool = True
    beside: Mapping[str, Callable[[AnyPath], None]] = field(default_factory=dict)
    verify: Callable[[Sequence[AnyPath], Layout], Verified] | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)


class FindingsError(DatasetError):
    """Raised by an operation for what it found; the run fails, and leaves a report that says what.

    Args:
        sentence: why the run must fail.
        told: what the report tells: the arguments of an `Outcome`, among them no rows.
    """

    def __init__(self, sentence: str, **told: Any) -> None:
        super().__init__(sentence)
        self.sentence, self.found = sentence, Outcome(None, **told)

    @classmethod
    def of(cls, sentence: str, found: Outcome) -> FindingsError:
        """Return the error for an outcome whose rows must not be published."""
        error = cls(sentence)
        error.found = replace(found, frame=None)
        return error


class StepFailedError(DatasetError):
    """Raised where an operation fails for what it found.

    Attributes:
        sentence: why.
        dataset: what it was given, with its report as the last step's.
    """

    def __init__(self, sentence: str, dataset: StagedDataset) -> None:
        super().__init__(sentence, dataset)
        self.sentence, self.dataset = sentence, dataset

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


class OutcomeError(DataServicesError, TypeError):
    """Raised when the function of an operation returns something else than it declares."""


def operate(
    name: str,
    function: Callable[[Dataset], Outcome],
    dataset: Dataset,
    target: Target,
    configuration: Mapping[str, Any],
) -> StagedDataset:
    """Run an operation and write its result; the input must be the same before and after.

    What an operation before it has written in staging is removed then. An operation that leaves its
    dataset as it is has nothing to write, unless its rows are to be published and are not yet as
    they are published.

    Raises:
        SourceChangedError: if it is not.
        DatasetError: if the input is damaged.
        StepFailedError: if the operation fails for what it found.
        OutcomeError: if the function returns no outcome.
    """
    staged = dataset.staged
    _refuse_changed(staged, target.staging)
    with _damage_told(dataset):
        try:
            outcome = _checked(name, function(dataset))
            result = staged
            if outcome.frame is not None or (target.is_published and not staged.is_output):
                frame = dataset.scan() if outcome.frame is None else outcome.frame
                outcome = replace(outcome, frame=frame)
                outcome, result = _written(name, dataset, outcome, target)
        except FindingsError as error:
            step = _step(name, dataset, _checked(name, error.found), configuration)
            _refuse_changed(staged, target.staging)
            failed = replace(staged, steps=(*staged.steps, replace(step, rows_out=0)))
            raise StepFailedError(error.sentence, failed) from None
        quarantine = _set_aside(dataset, outcome, target.staging)
        beside = _beside(staged, outcome, target.staging)
    _refuse_changed(staged, target.staging)
    if staged.steps and result is not staged:
        _remove(staged, target.staging)
    step = _step(name, dataset, outcome, configuration, result)
    return replace(result, steps=(*staged.steps, step), quarantine=quarantine, beside=beside)


def _written(
    name: str, dataset: Dataset, outcome: Outcome, target: Target
) -> tuple[Outcome, StagedDataset]:
    """Write the rows of an outcome; return it with what a look at the files adds, and the files."""
    from util_services.flow.encode import encode

    if outcome.frame is None:
        raise AssertionError("an outcome without rows is not written")
    fields = _fields(dataset, outcome.frame, outcome.types, target.staging)
    files, rows = encode(dataset.engine, outcome.frame, target, dataset.staged, fields)
    if outcome.verify is not None:
        found = outcome.verify(files, target.layout)
        facts, sections = {**outcome.facts, **found.facts}, (*outcome.sections, *found.sections)
        outcome = _checked(name, replace(outcome, facts=facts, sections=sections))
    written = replace(
        dataset.staged,
        files=tuple(map(str, files)),
        format=target.layout.format,
        schema=Schema.of(fields),
        file_rows=tuple(rows),
        fingerprints=tuple(map(file_state, files)),
        is_output=target.is_published,
    )
    return outcome, written


def _step(
    name: str,
    dataset: Dataset,
    outcome: Outcome,
    configuration: Mapping[str, Any],
    result: StagedDataset | None = None,
) -> StepReport:
    """Return what is reported of an operation; without a result its rows are those given."""
    staged = dataset.staged
    result = result or staged
    left = outcome.dropped + outcome.quarantined
    return StepReport(
        operation=name,
        rows_in=staged.rows,
        rows_out=result.rows,
        rows_dropped=outcome.dropped,
        configuration=configuration,
        facts=outcome.facts,
        warnings=outcome.warnings,
        engine=dataset.engine.name,
        columns=result.schema.changes_from(staged.schema),
        limits=outcome.limits,
        sections=outcome.sections,
        rows_quarantined=outcome.quarantined,
        rows_made=0 if outcome.is_selection else result.rows + left - staged.rows,
        inputs=() if dataset.inputs is None else tuple(i.to_dict() for i in dataset.inputs.used),
    )


def _set_aside(dataset: Dataset, outcome: Outcome, staging: Staging) -> str | None:
    """Add the rows that an operation set aside to the quarantine of its dataset.

    Raises:
        OutcomeError: if they are not as many as the operation says.
    """
    staged = dataset.staged
    if not outcome.set_aside and not outcome.quarantined:
        return staged.quarantine
    file = staging.file(f"quarantine-{len(staged.steps)}.jsonl")
    former = None if staged.quarantine is None else staging.path(staged.quarantine)
    added = extend(file, former, dataset.engine, outcome.set_aside)
    if added != outcome.quarantined:
        raise OutcomeError(
            f"The operation counts {outcome.quarantined} rows that it set aside, but tells of "
            f"{added}; report this as a defect."
        )
    return str(file)


def _beside(staged: StagedDataset, outcome: Outcome, staging: Staging) -> dict[str, str]:
    """Write the further files of an output, and return them by kind."""
    beside = dict(staged.beside)
    for kind, write in outcome.beside.items():
        if kind in beside:
            raise ConfigurationError(
                f"Two operations of the run leave a file of the kind '{kind}' beside the output; "
                "let one of them alone do so, or run them one after the other."
            )
        file = staging.file(f"beside-{len(staged.steps)}-{kind}")
        write(file)
        beside[kind] = str(file)
    return beside


def _fields(
    dataset: Dataset,
    frame: nw.LazyFrame[Any],
    types: Mapping[str, pa.DataType],
    staging: Staging,
) -> pa.Schema:
    """Return the fields of a result: those of the source where the operation left their type."""
    from util_services.engines.fields import common_fields, kept_fields, nullable

    engine, staged = dataset.engine, dataset.staged
    scanned = engine.arrow_schema(dataset.scan())
    is_parquet = staged.format == "parquet"
    stored = common_fields(map(staging.path, staged.files)) if is_parquet else nullable(scanned)
    found = engine.arrow_schema(frame)
    kept = kept_fields(found, scanned, stored, keep_nan=staged.keep_nan)
    for name, kind in types.items():
        place = kept.get_field_index(name)
        kept = kept.set(place, kept.field(place).with_type(kind))
    return kept


def _checked(name: str, outcome: Any) -> Outcome:
    """Return what an operation returned, if it is an outcome as declared."""
    if not isinstance(outcome, Outcome):
        found = type(outcome).__name__
        raise OutcomeError(
            f"The operation '{name}' returned {found} instead of an Outcome; return "
            "Outcome(frame) from its function."
        )
    try:
        return replace(
            outcome,
            facts=plain(outcome.facts, "facts"),
            warnings=sentences(outcome.warnings, "warnings"),
            limits=sentences(outcome.limits, "limits"),
            sections=only(Section, outcome.sections, "sections"),
        )
    except ReportError as error:
        raise OutcomeError(
            f"The operation '{name}' returned an Outcome that no report can hold: {error}"
        ) from None


@contextmanager
def _damage_told(dataset: Dataset) -> Iterator[None]:
    """Say what is wrong with the input where an engine fails for that."""
    try:
        yield
    except EngineError as error:
        raise dataset.engine.damage(dataset.staged) or error from None


def _remove(staged: StagedDataset, staging: Staging) -> None:
    """Remove the files of a dataset, as far as they are of this run and not a source."""
    for file in map(staging.path, staged.files):
        if staging.holds(file):
            file.unlink(missing_ok=True)


def _refuse_changed(staged: StagedDataset, staging: Staging) -> None:
    for file, fingerprint in zip(map(staging.path, staged.files), staged.fingerprints, strict=True):
        if not file.exists() or file_state(file) != fingerprint:
            raise SourceChangedError(staged.origin.path)
