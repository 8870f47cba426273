"""What util-services itself registers, through the same hooks as any other package.

This module imports nothing but the marker; each hook imports what it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins.markers import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import click
    import dagster as dg

    from util_services.datasets.staged import StepReport
    from util_services.health.checks import HealthContext
    from util_services.keys.providers.protocol import KeyProvider
    from util_services.notifications.channel import Notifier
    from util_services.processing_record.described import Description
    from util_services.releases.erasure import Derived
    from util_services.reports import Report, Section


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops that pipelines may name."""
    from util_services.health.jobs import health_check
    from util_services.location.plugin_report import plugin_report
    from util_services.ops import read_dataset, write_dataset, write_report
    from util_services.releases.ops import release_gate
    from util_services.runs.audit_verify import audit_verify

    return [
        audit_verify,
        health_check,
        plugin_report,
        read_dataset,
        release_gate.op,
        write_dataset,
        write_report,
    ]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs that serve all packages."""
    from util_services.health.jobs import health_check_job
    from util_services.location.plugin_report import plugin_report_job
    from util_services.releases.jobs import RELEASE_JOBS
    from util_services.runs.audit_verify import audit_verify_job

    return [audit_verify_job, health_check_job, plugin_report_job, *RELEASE_JOBS]


@hookimpl
def register_resources() -> Mapping[str, dg.ResourceDefinition]:
    """Return the storage of jobs on S3, under the key and set of the platform's guide."""
    from util_services.resources import STORAGE_KEY, s3_resource

    return {STORAGE_KEY: s3_resource.configured({"resource_name": "selfS3"})}


@hookimpl
def register_sensors() -> Iterable[dg.SensorDefinition]:
    """Return the sensors that tell of finished runs."""
    from util_services import sensors

    return [
        sensors.notify_success,
        sensors.notify_failure,
        sensors.notify_canceled,
        sensors.deliver_notifications,
    ]


@hookimpl
def register_notifiers() -> Iterable[Notifier]:
    """Return the channels file, mail and webhook."""
    from util_services.notifications.environment import built_in_notifiers

    return built_in_notifiers()


@hookimpl
def register_loggers() -> Mapping[str, dg.LoggerDefinition]:
    """Return the platform's JSON logger."""
    from util_services.custom_json_logger import simpl_json_logger

    return {"simpl": simpl_json_logger}


@hookimpl
def register_key_providers() -> Iterable[type[KeyProvider]]:
    """Return the keepers of keysets: the environment, files, and files under a key of AWS KMS."""
    from util_services.keys.providers.environment import EnvironmentProvider
    from util_services.keys.providers.file import FileProvider
    from util_services.keys.providers.kms import KmsProvider

    return [EnvironmentProvider, FileProvider, KmsProvider]


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """Return the built-in commands of ``data-services``."""
    from util_services.cli.commands import built_in_commands

    return built_in_commands().values()


@hookimpl
def register_report_sections() -> Iterable[Callable[[Report], Iterable[Section]]]:
    """Return what every report says of itself."""
    from util_services.reports.reading_aid import how_to_read

    return [how_to_read]


@hookimpl
def register_derivations() -> Iterable[Callable[[str], Iterable[Derived]]]:
    """Return what finds in the audit what runs made of data."""
    from util_services.releases.derived import published_by_runs

    return [published_by_runs]


@hookimpl
def register_step_descriptions() -> Mapping[str, Callable[[StepReport], Description]]:
    """Return what reads the roles of columns in the reports of the release gate."""
    from util_services.processing_record.described import describe_release_gate

    return {"release_gate": describe_release_gate}


@hookimpl
def register_health_checks() -> Iterable[Callable[[HealthContext], str]]:
    """Return what is checked of every deployment, what the others need first."""
    from util_services.health import keysets, notifying, software, storages

    return [
        software.plugins,
        software.dagster_storage,
        storages.local_storage,
        storages.s3_storage,
        storages.staging,
        keysets.keysets,
        notifying.sensor_state,
        notifying.notification_channels,
        software.audit,
        software.engine,
        software.slice_on_local_files,
        software.slice_on_s3,
    ]


@hookimpl
def register_equipment() -> Iterable[Callable[[], str]]:
    """Return what is looked for on every machine."""
    from util_services.health import equipment

    return [
        equipment.python,
        equipment.working_folder,
        equipment.dagster_home,
        equipment.s3,
        equipment.keysets,
        equipment.release_key,
        equipment.notifications,
        equipment.avro,
        equipment.spark,
    ]
