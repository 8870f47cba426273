"""The hooks of the plugin contract.

No hook takes an argument. A hook returns an iterable of objects that carry their own name, or,
where its annotation says ``Mapping``, a dictionary from name to object; the manager reads that
annotation. A hook is called at most once per process. Import what you return inside the hook, and
nothing heavy (pandas, numpy, pyarrow, duckdb, cryptography, boto3) before an operation runs.

Packages add hooks of their own with ``register_hookspecs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.plugins.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.resources.abc import Traversable
    from types import ModuleType

    import click
    import dagster as dg

    from util_services.datasets.staged import StepReport
    from util_services.health.checks import HealthContext
    from util_services.notifications.channel import Notifier
    from util_services.processing_record.described import Description
    from util_services.releases.checks import ReleaseCheck
    from util_services.releases.erasure import Derived
    from util_services.reports import Report, Section
    from util_services.runs.recorders import RunRecorder


@hookspec
def register_hookspecs() -> Iterable[ModuleType]:
    """Return modules with further hookspecs; called for all plugins before any other hook."""
    raise NotImplementedError


@hookspec
def register_ops() -> Iterable[dg.OpDefinition | dg.GraphDefinition]:
    """Return the ops and graphs that pipelines may name; their names are unique in a location."""
    raise NotImplementedError


@hookspec
def register_pipelines() -> Iterable[Traversable]:
    """Return pipeline files (``pipelines.file``): ops of any packages in a row, as YAML.

    Each becomes a job with its twin on S3, named like its file. One that cannot run is left out by
    itself, and reported.
    """
    raise NotImplementedError


@hookspec
def register_partitions() -> Iterable[Traversable]:
    """Return files of partitioned jobs (``partitions.file``): a job, and where partitions lie.

    Each becomes a job with its twin on S3, named like its file, and a sensor where it says so. One
    that cannot run is left out by itself, and reported.
    """
    raise NotImplementedError


@hookspec
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return jobs; each is shown with the distribution, version and commit that brought it."""
    raise NotImplementedError


@hookspec
def register_assets() -> Iterable[dg.AssetsDefinition | dg.AssetSpec | dg.AssetChecksDefinition]:
    """Return assets, asset specs and asset checks."""
    raise NotImplementedError


@hookspec
def register_resources() -> Mapping[str, Any]:
    """Return resources by the key under which ops ask for them.

    The code location's own resources replace those of the same key in other packages; between
    any other two packages an equal key is a clash.
    """
    raise NotImplementedError


@hookspec
def register_sensors() -> Iterable[dg.SensorDefinition]:
    """Return sensors; one may target a job of its own or of another package."""
    raise NotImplementedError


@hookspec
def register_schedules() -> Iterable[dg.ScheduleDefinition]:
    """Return schedules; they share one namespace with sensors."""
    raise NotImplementedError


@hookspec
def register_loggers() -> Mapping[str, dg.LoggerDefinition]:
    """Return loggers by the name that run config selects; precedence is that of resources."""
    raise NotImplementedError


@hookspec
def register_commands() -> Iterable[click.Command]:
    """Return commands of the program ``data-services``; import nothing slow for them."""
    raise NotImplementedError


@hookspec
def register_key_providers() -> Iterable[Any]:
    """Return providers of keysets, named as ``DATA_SERVICES_KEY_PROVIDER`` selects them.

    They are classes of the kind of `util_services.keys.providers.protocol.KeyProvider`.
    """
    raise NotImplementedError


@hookspec
def register_storages() -> Iterable[Any]:
    """Return kinds of addresses, named by what stands before the colon (``workspace:raw/a.csv``).

    Each translates them to local paths for the storage of jobs on local files, as
    `util_services.storage.addresses.AddressKind` tells.
    """
    raise NotImplementedError


@hookspec
def register_notifiers() -> Iterable[Notifier]:
    """Return kinds of channels that tell somebody how a run ended (``notifications.channel``)."""
    raise NotImplementedError


@hookspec
def register_release_checks() -> Iterable[ReleaseCheck]:
    """Return checks that release policies may name; each is given what would be published."""
    raise NotImplementedError


@hookspec
def register_derivations() -> Iterable[Callable[[str], Iterable[Derived]]]:
    """Return functions that find everything derived from data, given by their SHA-256.

    They are asked before an erasure (``releases.erasure``), each named as it is to be told of.
    What was derived from something derived belongs to it.
    """
    raise NotImplementedError


@hookspec
def register_step_descriptions() -> Mapping[str, Callable[[StepReport], Description]]:
    """Return functions that read the reports of one's own operations, by the operation.

    They tell for the record of processing activities (``processing_record.described``) what columns
    are, what was done to them, and which models and risks were measured: names and numbers, never a
    cell value. Reports of former versions are read too, so what a report does not hold is left out.
    """
    raise NotImplementedError


@hookspec
def register_report_sections() -> Iterable[Callable[[Report], Iterable[Section]]]:
    """Return functions that add sections to the report of each run, called before it publishes.

    Each is given the report as it stands without them, and returns `Section` records: counts,
    names and words, the same for equal runs, never a cell value. It may import what is heavy, and
    changes nothing. Where it raises, the report says that its section is missing.
    """
    raise NotImplementedError


@hookspec
def register_health_checks() -> Iterable[Callable[[HealthContext], str]]:
    """Return functions that check whether jobs would run here, each named as its row is to be.

    Each returns a sentence on what it found, raises a `DataServicesError` whose text is the reason
    if something is wrong, and `NotApplicableError` where there is nothing to check.
    """
    raise NotImplementedError


@hookspec
def register_recorders() -> Iterable[RunRecorder]:
    """Return those who record which data and code made a file (``runs.recorders``), named.

    The runs of all jobs on datasets tell each that its settings ask for: before anything is read,
    right before files appear, and when they have.
    """
    raise NotImplementedError


@hookspec
def register_equipment() -> Iterable[Callable[[], str]]:
    """Return functions that look for what the package can use, each named as its row is to be.

    ``data-services doctor`` shows them. Each returns what it found in a sentence, raises
    `NotApplicableError` where that is absent, with what it is for and how to get it, and another
    `DataServicesError` where it was asked for and does not work. It changes nothing.
    """
    raise NotImplementedError
