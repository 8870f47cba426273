"""What this package brings to data-services; imports nothing heavy.

A deployment that sets ``DATA_SERVICES_REIDENTIFICATION`` to ``false`` gets neither the jobs that
bring originals back nor the resource that gives them keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    import click
    import dagster as dg

    from field_pseudonymisation.detectors.detector import Detector
    from field_pseudonymisation.techniques.technique import Technique
    from util_services.datasets.staged import StepReport
    from util_services.processing_record.described import Description
    from util_services.releases.checks import ReleaseCheck


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    """Return the hooks for techniques and detectors."""
    from field_pseudonymisation import specs

    return [specs]


@hookimpl
def register_techniques() -> Iterable[Technique]:
    """Return the built-in techniques."""
    from field_pseudonymisation.techniques.catalogue import built_in_techniques
    from field_pseudonymisation.text.options import text_techniques

    return (*built_in_techniques(), *text_techniques())


@hookimpl
def register_detectors() -> Iterable[Detector]:
    """Return the built-in detectors of personal data in texts."""
    from field_pseudonymisation.detectors.catalogue import built_in_detectors

    return built_in_detectors()


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops, for pipelines."""
    from field_pseudonymisation import ops
    from field_pseudonymisation.text import ops as text_ops

    return [
        ops.anonymise_pseudonymise_structured.op,
        ops.remove_objections.op,
        ops.repseudonymise_structured.op,
        text_ops.anonymise_pseudonymise_unstructured.op,
        text_ops.detect_personal_data.op,
    ]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs with their twins on S3."""
    from field_pseudonymisation.jobs import JOBS, REIDENTIFYING_JOBS
    from field_pseudonymisation.reidentification import may_reidentify

    return (*JOBS, *REIDENTIFYING_JOBS) if may_reidentify() else JOBS


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """Return the command on token vaults."""
    from field_pseudonymisation.commands import vaults

    return [vaults]


@hookimpl
def register_resources() -> Mapping[str, Any]:
    """Return the resource that gives keys to jobs that bring originals back."""
    from field_pseudonymisation.reidentification import (
        KEYS_RESOURCE,
        may_reidentify,
        reidentification_keys_resource,
    )

    return {KEYS_RESOURCE: reidentification_keys_resource} if may_reidentify() else {}


@hookimpl
def register_release_checks() -> Iterable[ReleaseCheck]:
    """Return what release policies may want of pseudonyms and of all other cells."""
    from field_pseudonymisation.releasing import CHECKS

    return CHECKS


@hookimpl
def register_step_descriptions() -> Mapping[str, Callable[[StepReport], Description]]:
    """Return what reads the reports of the operations for a record of processing activities."""
    from field_pseudonymisation.describing import descriptions

    return descriptions()


@hookimpl
def register_equipment() -> Iterable[Callable[[], str]]:
    """Return what the package looks for on a machine."""
    from field_pseudonymisation import equipment

    return [equipment.presidio]
