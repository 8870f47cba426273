"""What util-services itself registers, through the same hooks as any other package.

This module imports nothing but the marker; each hook imports what it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins.markers import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click
    import dagster as dg

    from util_services.keys.providers.protocol import KeyProvider


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops that pipelines may name."""
    from util_services.location.plugin_report import plugin_report
    from util_services.ops import read_dataset, write_dataset
    from util_services.runs.audit_verify import audit_verify

    return [audit_verify, plugin_report, read_dataset, write_dataset]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs that serve all packages."""
    from util_services.location.plugin_report import plugin_report_job
    from util_services.runs.audit_verify import audit_verify_job

    return [audit_verify_job, plugin_report_job]


@hookimpl
def register_resources() -> Mapping[str, dg.ResourceDefinition]:
    """Return the storage of jobs on S3, under the key and set of the platform's guide."""
    from util_services.resources import STORAGE_KEY, s3_resource

    return {STORAGE_KEY: s3_resource.configured({"resource_name": "selfS3"})}


@hookimpl
def register_sensors() -> Iterable[dg.SensorDefinition]:
    """Return the sensors that tell of finished runs."""
    from util_services.sensors import notify_canceled, notify_failure, notify_success

    return [notify_success, notify_failure, notify_canceled]


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
