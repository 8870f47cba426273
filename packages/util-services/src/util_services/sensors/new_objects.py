"""Sensors that start a run of a job for each new or changed object of a place."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG

from util_services.datasets.manifest import MANIFEST
from util_services.errors import ConfigurationError, StorageError, quoted, quoted_name
from util_services.partitions.template import PathTemplate
from util_services.resources import STORAGE_KEY
from util_services.runs.op_names import READ_OP, REPORT_OP, WRITE_OP
from util_services.sensors.never_started import (
    MOST_ATTEMPTS,
    never_started,
    run_key_of_attempt,
)
from util_services.sensors.state import state_address
from util_services.storage import ObjectState, Storage
from util_services.storage.patterns import ANY, Pattern, names_many

if TYPE_CHECKING:
    from util_services.watching.changes import Known
    from util_services.watching.selection import Watched

MOST_OBJECTS = 100_000
MOST_RUNS = 50  # of a tick; the next tick asks for more
MAX_REPORT_BYTES = 64 << 20
TAG = "data_services/object"
OWN_RETRIES = {MAX_RETRIES_TAG: "0"}  # a run that never began is asked for by the next ticks
DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object for which a run is asked.

    Args:
        path: what to put into the run config of ``read_dataset``.
        below: the path below the watched folder.
        size: in bytes; of a dataset of part files that of its manifest.
        modified: seconds since the epoch, by the clock of the store.
        is_change: whether a run was asked for an earlier version of it.
        partition: the partition that it is, of a partitioned job.
    """

    path: str
    below: str
    size: int
    modified: float
    is_change: bool
    partition: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.below.rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name up to its first full stop."""
        return self.name.partition(".")[0] or self.name


def new_object_sensor(
    name: str,
    *,
    job: dg.JobDefinition,
    path: str,
    output: str | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    run_config: Callable[[NewObject], Mapping[str, Any]] | None = None,
    partitions: PathTemplate | None = None,
    ignore: Sequence[str] = (),
    include_outputs: bool = False,
    stable_seconds: float = 30.0,
    most_runs: int = MOST_RUNS,
    minimum_interval_seconds: int = 30,
    tags: Mapping[str, str] | None = None,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    description: str | None = None,
) -> dg.SensorDefinition:
    """Return a sensor that starts a run of a job for each new or changed object of a place.

    A local job watches the local storage, its twin the storage under the key ``s3``. Objects that
    are there when the sensor first looks are new. The same content uploaded again is a change.

    Args:
        name: the name of the sensor.
        job: the job to run.
        path: what to watch, as ``read_dataset`` writes it: a folder that ends in ``/``, or a
            pattern with ``*``.
        output: where a run writes, with ``{name}``, ``{stem}`` or ``{below}`` standing for the
            object's name, its name up to the first full stop, or its path below the folder.
            What a run for an earlier version of the object has written is replaced.
        config: the config of other ops by their names, with ``output``.
        run_config: returns the run config for an object, in place of ``output`` and ``config``.
        partitions: where the partitions of the job lie, if it is a partitioned one. A run is
            started for a partition, whose objects count as one; others are passed over.
        ignore: patterns below the same folder that are passed over.
        include_outputs: whether to run for what other jobs of data-services have published there.
        stable_seconds: how long an object must stay the same before it is taken.
        most_runs: how many runs to ask for in a tick; the rest follows in the next ones.
        minimum_interval_seconds: between two looks.
        tags: of the runs, besides ``data_services/object``, which is the object's path.
        default_status: whether the sensor runs from the start.
        description: what the sensor is for.

    Raises:
        ConfigurationError: if the arguments contradict each other.
    """
    if not names_many(path):
        raise ConfigurationError(
            f"The sensor '{name}' watches '{path}', which names one object; end it in '/', or use "
            "a pattern with '*'."
        )
    if run_config is None:
        nodes = {node.name for node in job.nodes}
        last = REPORT_OP if REPORT_OP in nodes else WRITE_OP
        run_config = _DatasetConfig(name, output, dict(config or {}), last)
    elif output is not None or config is not None:
        raise ConfigurationError(
            f"The sensor '{name}' has 'run_config' beside 'output' or 'config'; leave one out."
        )
    watcher = _Watcher(
        job=job,
        pattern=Pattern.of(path),
        ignored=tuple(map(Pattern.of, ignore)),
        include_outputs=include_outputs,
        stable_seconds=stable_seconds,
        most_runs=most_runs,
        run_config=run_config,
        tags=dict(tags or {}),
        partitions=partitions,
    )
    is_bound = STORAGE_KEY in job.resource_defs

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        required_resource_keys=set() if is_bound else {STORAGE_KEY},
        description=description or f"Starts {job.name} for each new or changed object of '{path}'.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with _storage(context, job) as storage:
            return watcher.tick(context, storage)

    return sensor


@contextmanager
def _storage(context: dg.SensorEvaluationContext, job: dg.JobDefinition) -> Iterator[Storage]:
    """Give the storage that a job works on: its own, or the host's."""
    if STORAGE_KEY in job.resource_defs:
        with dg.build_resources({STORAGE_KEY: job.resource_defs[STORAGE_KEY]}) as resources:
            yield getattr(resources, STORAGE_KEY)
        return
    storage = getattr(context.resources, STORAGE_KEY)
    if not hasattr(storage, "look"):
        raise ConfigurationError(
            f"The resource '{STORAGE_KEY}' is a {type(storage).__name__}, no storage; bind "
            "util_services.resources.s3_resource to it."
        )
    yield storage


@dataclass(frozen=True, slots=True)
class _DatasetConfig:
    """Makes the run config of a job that reads a dataset and writes one, or a report of it."""

    sensor: str
    output: str | None
    ops: Mapping[str, Mapping[str, Any]]
    last: str  # the op that writes

    def __post_init__(self) -> None:
        if self.output is None:
            raise ConfigurationError(
                f"The sensor '{self.sensor}' does not know where its runs write; name it under "
                "'output', or make run configs with 'run_config'."
            )
        try:
            self.output.format(name="", stem="", below="")
        except (LookupError, ValueError, AttributeError):
            raise ConfigurationError(
                f"The output '{self.output}' of the sensor '{self.sensor}' holds other fields than "
                "{name}, {stem} and {below}; correct it."
            ) from None

    def __call__(self, new: NewObject) -> dict[str, Any]:
        output = str(self.output).format(name=new.name, stem=new.stem, below=new.below)
        written = {"path": output, "overwrite": new.is_change}
        ops = {op: dict(config) for op, config in self.ops.items()}
        ops[READ_OP] = {**ops.get(READ_OP, {}), "path": new.path}
        ops[self.last] = {**written, **ops.get(self.last, {})}
        return {"ops": {op: {"config": config} for op, config in ops.items()}}


@dataclass(frozen=True, slots=True)
class _Watcher:
    """Looks at a place and asks for runs."""

    job: dg.JobDefinition
    pattern: Pattern
    ignored: tuple[Pattern, ...]
    include_outputs: bool
    stable_seconds: float
    most_runs: int
    run_config: Callable[[NewObject], Mapping[str, Any]]
    tags: Mapping[str, str]
    partitions: PathTemplate | None = None

    def tick(self, context: dg.SensorEvaluationContext, storage: Storage) -> dg.SensorResult:
        """Ask for the runs that are due."""
        from util_services.watching.memory import Memory
        from util_services.watching.selection import Place, grouped, select

        place = Place.of(storage, self.pattern, self.ignored, outputs=self.include_outputs)
        watched = select(self._listing(storage), place)
        if self.partitions is not None:
            watched = grouped(watched, place, self._partition_below)
        memory = Memory(state_address(context.instance), _name_of(context))
        last_round = int(context.cursor or 0)
        changes = memory.update(
            {address: one.version if one.is_whole else None for address, one in watched.items()},
            place.holds,
            stable_seconds=self.stable_seconds,
            last_round=last_round,
        )
        _log_gone(context, changes.gone)
        requests: dict[str, dg.RunRequest | None] = {}
        for address, known in changes.due.items():
            one = watched[address]
            if len(requests) == self.most_runs:
                break
            if not self._is_nameable(context, storage, one):
                requests[address] = None
            elif not self._is_claimed(storage, one):
                requests[address] = self._request(storage, one, known)
        memory.ask({address: changes.due[address] for address in requests}, last_round + 1)
        runs = [request for request in requests.values() if request is not None]
        runs += self._once_more(context, storage, watched, self.most_runs - len(requests))
        waiting = len(changes.due) - len(requests)
        return dg.SensorResult(
            run_requests=runs,
            skip_reason=None if runs else f"Objects: {len(watched)}; due later: {waiting}.",
            dynamic_partitions_requests=self._new_partitions(runs),
            cursor=str(last_round + 1) if requests else context.cursor,
        )

    def _partition_below(self, below: str) -> str | None:
        """Return the path below the folder of the partition that an object belongs to."""
        if self.partitions is None:
            return below
        key = self.partitions.key_of(self.pattern.folder + below)
        if key is None:
            return None
        return self.partitions.path_of(key).removeprefix(self.pattern.folder)

    def _partition_of(self, one: "Watched") -> str | None:
        if self.partitions is None:
            return None
        return self.partitions.key_of(self.pattern.folder + one.below)

    def _new_partitions(
        self, runs: Sequence[dg.RunRequest]
    ) -> list[dg.AddDynamicPartitionsRequest] | None:
        """Return the request for the partitions of runs, where they are made as they arrive."""
        definition = self.job.partitions_def
        keys = [run.partition_key for run in runs if run.partition_key is not None]
        if not keys or not isinstance(definition, dg.DynamicPartitionsDefinition):
            return None
        return [definition.build_add_request(keys)]

    def _listing(self, storage: Storage) -> list[ObjectState]:
        listing = list(itertools.islice(storage.look(self.pattern), MOST_OBJECTS + 1))
        if len(listing) > MOST_OBJECTS:
            raise StorageError(
                f"There are more than {MOST_OBJECTS} objects in '{self.pattern.folder}', more than "
                "a sensor watches; watch a folder below it, or move away what is done."
            )
        return listing

    def _is_nameable(
        self, context: dg.SensorEvaluationContext, storage: Storage, one: "Watched"
    ) -> bool:
        """Return whether a run config can name an object, and log where it cannot."""
        from util_services.flow.objects import SAMPLE_SCHEME

        path = self.pattern.folder + one.below
        with suppress(StorageError):
            storage.resolve(path.rstrip("/"))
            if ANY not in path and not path.startswith(SAMPLE_SCHEME):
                return True
        context.log.warning(f"{quoted_name(path)} cannot be named in a run config; rename it.")
        return False

    def _is_claimed(self, storage: Storage, one: "Watched") -> bool:
        """Return whether a run publishes there right now."""
        path = one.below + MANIFEST if one.below.endswith("/") else one.below
        return storage.is_claimed(storage.resolve(self.pattern.folder + path))

    def _request(self, storage: Storage, one: "Watched", known: "Known") -> dg.RunRequest | None:
        """Return the request for a run on an object, None for the job's own output."""
        if one.is_output and self._is_own(storage, one):
            return None
        path = self.pattern.folder + one.below
        key = self._partition_of(one)
        new = NewObject(path, one.below, one.size, one.modified, known.runs > 0, key)
        return dg.RunRequest(
            run_key=self._run_key(one),
            run_config=dict(self.run_config(new)),
            tags={**OWN_RETRIES, **self.tags, TAG: path},
            partition_key=key,
        )

    def _run_key(self, one: "Watched") -> str:
        """Return the key of the run on a version of an object."""
        digest = hashlib.sha256(one.version.encode()).hexdigest()[:DIGEST_CHARACTERS]
        return f"{self.pattern.folder}{one.below}@{digest}"

    def _once_more(
        self,
        context: dg.SensorEvaluationContext,
        storage: Storage,
        watched: Mapping[str, "Watched"],
        most: int,
    ) -> list[dg.RunRequest]:
        """Return requests for runs that never began, on objects that are still the same."""
        lost = never_started(context, self.job)
        if not lost or most <= 0:
            return []
        requests = []
        for one in watched.values():
            key = self._run_key(one)
            if key not in lost or self._is_claimed(storage, one):
                continue
            attempt = lost[key].attempt + 1
            path = self.pattern.folder + one.below
            context.log.warning(
                f"The run {lost[key].run_id} for {quoted_name(path)} failed before it began; it is "
                f"asked for again (attempt {attempt} of {MOST_ATTEMPTS})."
            )
            requests.append(
                dg.RunRequest(
                    run_key=run_key_of_attempt(key, attempt),
                    run_config=lost[key].run_config,
                    tags={**OWN_RETRIES, **self.tags, TAG: path},
                    partition_key=self._partition_of(one),
                )
            )
        return requests[:most]

    def _is_own(self, storage: Storage, one: "Watched") -> bool:
        """Return whether this sensor's job, or its twin, has published an output.

        One whose report says nothing of it counts as its own, lest runs go round in circles.
        """
        with storage.open(storage.resolve(self.pattern.folder + one.report)) as file:
            content = file.read(MAX_REPORT_BYTES)
        try:
            job = str(json.loads(content)["run"]["job"])
        except (ValueError, LookupError, TypeError):
            return True
        return job.removesuffix("_s3") == self.job.name.removesuffix("_s3")


def _log_gone(context: dg.SensorEvaluationContext, gone: Sequence[str]) -> None:
    if gone:
        context.log.warning(f"Objects that are gone: {quoted(gone)}.")


def _name_of(context: dg.SensorEvaluationContext) -> str:
    """Return a name that no other sensor of the instance has."""
    location = context.code_location_origin
    place = (location.location_name if location else "", context.repository_name or "")
    return "/".join((*place, context.sensor_name))
