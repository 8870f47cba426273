"""Who records runs is told of them here, where the shared ops read and publish.

The order is what makes the records true. Before anything is read, it is kept that the run begins;
right before its files appear, what they are; when they have appeared, the record is made. So
nothing appears that no record knows of, and whatever ends a run in between, nothing is vouched for
that was not seen to be there.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import dagster as dg
from pydantic import BaseModel

from util_services.audit.record import digest_of_config
from util_services.datasets.schema import Schema
from util_services.errors import DataServicesError
from util_services.flow.run_files import RunFile, inputs_of, outputs_of
from util_services.logs.error_classes import error_classes
from util_services.plugins.manager import plugin_manager
from util_services.plugins.provenance import commit_of
from util_services.runs.auditing import leaves_traces
from util_services.runs.check import CHECKED_OPS, RunPlan
from util_services.runs.dead_runs import is_over
from util_services.runs.op_names import SHARED_OPS
from util_services.runs.recorders import Recorded, RecordingError, RunRecorder, RunStart
from util_services.runs.run_facts import distribution_of, versions_of
from util_services.runs.safe_parameters import safe_parameters, safe_part

OWN_TAGS = "data_services/"
LINEAGE_TAG, DATA_VERSION_TAG, SNAPSHOT_TAG = (
    f"{OWN_TAGS}{name}" for name in ("lineage", "data_version", "snapshot")
)

_reports = logging.getLogger(__name__)


def wanted_recorders() -> list[RunRecorder]:
    """Return the recorders that the settings ask for."""
    found = [one.value for one in plugin_manager().named("register_recorders").values()]
    return [one for one in found if one.is_wanted()]


def check_recorders() -> None:
    """Refuse a run that could not be recorded, before anything is read.

    Raises:
        DataServicesError: in one sentence.
    """
    for one in wanted_recorders():
        one.check()


class StepRecording:
    """What a step of a run tells its recorders; nothing is done where there are none."""

    def __init__(self, run_id: str, recorders: Sequence[RunRecorder]) -> None:
        self._run_id, self._recorders = run_id, recorders
        self._is_over = False

    @property
    def is_wanted(self) -> bool:
        """Whether anybody records the run, so that BLAKE3 digests are to be worked out."""
        return bool(self._recorders)

    @property
    def tell(self) -> Callable[[Sequence[RunFile]], None] | None:
        """What is to be told the files that are about to appear; None if nobody wants to know."""
        return self.announce if self._recorders else None

    def begin(self, start: RunStart, over: Callable[[str], bool | None]) -> None:
        """Tell that the run begins, once what others have left is settled.

        Args:
            start: what is known of the run.
            over: whether a run has ended; None where nobody knows it.

        Raises:
            DataServicesError: if that cannot be kept; nothing must be read then.
        """
        for one in self._recorders:
            one.settle(over)
            one.begin(start)

    def read(self, files: Sequence[RunFile]) -> None:
        """Tell what was read."""
        if files:
            self._each(lambda one: one.read(self._run_id, files))

    def announce(self, files: Sequence[RunFile]) -> None:
        """Tell what is about to appear.

        Raises:
            RecordingError: if that cannot be kept; nothing must appear then.
        """
        try:
            self._each(lambda one: one.announce(self._run_id, files))
        except DataServicesError as error:
            raise RecordingError(
                f"What was about to be published cannot be recorded, so it is not. {error}"
            ) from None

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Be around what makes files appear, up to their record."""
        with ExitStack() as stack:
            for one in self._recorders:
                stack.enter_context(one.publishing(self._run_id))
            yield

    def complete(self) -> tuple[Recorded, ...]:
        """Record what was published.

        Raises:
            RecordingError: if that fails; what was published stays.
        """
        try:
            recorded = tuple(one.complete(self._run_id) for one in self._recorders)
        except RecordingError:
            raise
        except DataServicesError as error:
            raise RecordingError(
                f"The output is published, but its lineage is not recorded. {error}"
            ) from None
        self._is_over = True
        return recorded

    def fail(self, error: BaseException) -> None:
        """Record that the run has failed; what made it fail says more than an error in here."""
        if self._is_over:
            return
        for one in self._recorders:
            try:
                one.fail(self._run_id, error_classes(error)[0])
            except Exception as fault:  # noqa: BLE001 - the step's own error is the one to be seen
                _reports.warning(
                    "That the run %s has failed is not in its lineage yet (%s).",
                    *(self._run_id, type(fault).__name__),
                )

    def _each(self, told: Callable[[RunRecorder], None]) -> None:
        for one in self._recorders:
            told(one)


@contextmanager
def recorded_step(context: dg.OpExecutionContext) -> Iterator[StepRecording]:
    """Be around a step of a run, and tell the recorders if it fails."""
    run_id = context.run_id
    recorders = wanted_recorders() if leaves_traces(run_id) else []
    recording = StepRecording(run_id, recorders)
    try:
        with ExitStack() as stack:
            for one in recorders:
                stack.enter_context(one.at_work(run_id))
            yield recording
    except BaseException as error:
        recording.fail(error)
        raise


def begin(context: dg.OpExecutionContext, plan: RunPlan, recording: StepRecording) -> None:
    """Tell the recorders that a run begins; first they settle what others have left.

    Raises:
        DataServicesError: if that cannot be kept; the run must not go on.
    """
    if not recording.is_wanted:
        return
    recording.begin(run_start(context, plan), partial(is_over, context.instance))


def settle_ended(run_id: str) -> None:
    """Have recorders settle a run that is over, a step of which may have been killed."""
    for one in wanted_recorders():
        try:
            one.settle(lambda known: known == run_id)
        except Exception as error:  # noqa: BLE001 - how the run ended says more
            _reports.warning(
                "The lineage of the run %s is settled later (%s).", run_id, type(error).__name__
            )


def run_start(context: dg.OpExecutionContext, plan: RunPlan) -> RunStart:
    """Return what is known of a run before anything is read."""
    if plan.read is None or plan.write is None:
        raise AssertionError("a run that is recorded reads and publishes")
    job, run = context.job_def, context.run
    operations = [node.definition.name for node in job.nodes_in_topological_order]
    distribution = distribution_of(run.tags, operations)
    config = {name: one.model_dump(mode="json") for name, one in plan.configs.items()}
    return RunStart(
        run_id=context.run_id,
        job=context.job_name,
        distribution=distribution,
        versions=versions_of(operations),
        commit=run.tags.get(f"{OWN_TAGS}commit") or commit_of(distribution),
        config_sha256=digest_of_config(config),
        parameters=_parameters(context, plan.configs, plan.read.schema),
        inputs=inputs_of(plan.read),
        outputs=outputs_of(plan.write),
        tags={name: value for name, value in run.tags.items() if name.startswith(OWN_TAGS)},
        is_slice=plan.read.origin.limit_rows is not None,
    )


def tags_of(recorded: Sequence[Recorded]) -> dict[str, str]:
    """Return the tags of a run that was recorded."""
    tags: dict[str, str] = {}
    for one in recorded:
        named = {
            LINEAGE_TAG: one.lineage,
            DATA_VERSION_TAG: one.data_version,
            SNAPSHOT_TAG: one.snapshot,
        }
        tags |= {name: value for name, value in named.items() if value is not None}
    return tags


def metadata_of(recorded: Sequence[Recorded]) -> dict[str, str]:
    """Return what the run page and the asset catalogue tell of records."""
    return {name.removeprefix(OWN_TAGS): value for name, value in tags_of(recorded).items()}


def _parameters(
    context: dg.OpExecutionContext, configs: Mapping[str, BaseModel], schema: Schema | None
) -> dict[str, dict[str, object]]:
    columns = set(schema.names) if schema is not None else set()
    found = {}
    for node in context.job_def.nodes_in_topological_order:
        config = configs.get(node.name)
        if config is None:
            continue
        operation = node.definition.name
        is_shared = operation in SHARED_OPS
        checked = CHECKED_OPS[operation]
        words = columns.union(*checked.columns(config).values())
        own = safe_parameters(config, words, with_defaults=not is_shared)
        for option, parts in checked.parts(config).items():
            own[option] = [safe_part(one, words) for one in parts]
        if is_shared:
            own.pop("path", None)  # what is read and published is told by itself
        if own or not is_shared:
            found[node.name] = own
    return found
