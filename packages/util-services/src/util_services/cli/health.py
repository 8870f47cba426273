"""``data-services health``: would jobs run here?"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import DagsterInstance

    from util_services.health.checks import Health


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the results as JSON to this file, whole or not at all.",
)
@click.option("--check", "checks", metavar="NAME", multiple=True, help="Run this check alone.")
@click.option("--job", help="The job on local files of which a slice is run, and its twin on S3.")
@click.option("--s3-resource-name", help="The credential set of the S3 store. Default: selfS3.")
@click.pass_context
def health(
    context: click.Context,
    *,
    as_json: bool,
    output: Path | None,
    checks: tuple[str, ...],
    job: str | None,
    s3_resource_name: str | None,
) -> None:
    """Check storage, staging, engine and plugins, and run a slice of a real job.

    All checks are run, whatever they find. Exit status: 0 nothing is wrong; 1 a check failed;
    2 there is no check of a name.

    Example: data-services health --check local_storage
    """
    from util_services.cli.output_file import write_whole
    from util_services.health.checks import (
        DEFAULT_JOB,
        DEFAULT_RESOURCE,
        HealthContext,
        check_health,
    )
    from util_services.runs.execute import new_run_id

    with _instance() as (instance, instance_error):
        asked = HealthContext(
            run_id=new_run_id(),
            job=job or DEFAULT_JOB,
            s3_resource_name=s3_resource_name or DEFAULT_RESOURCE,
            instance=instance,
            instance_error=instance_error,
        )
        found = check_health(asked, checks)
    text = json.dumps(found.to_dict(), indent=2, sort_keys=True)
    if output is not None:
        write_whole(output, text + "\n")
    if as_json:
        click.echo(text)
    else:
        _tell(found)
    context.exit(0 if found.is_ok else 1)


@contextmanager
def _instance() -> Iterator[tuple[DagsterInstance | None, str | None]]:
    """Give the Dagster instance, or the sentence that says why it cannot be opened."""
    from util_services.errors import DataServicesError
    from util_services.health.software import unusable
    from util_services.runs.execute import open_instance
    from util_services.runs.home import prepare_home

    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_instance(prepare_home()))
        except DataServicesError as error:
            yield None, str(error)
        except Exception as error:  # noqa: BLE001 - one of the checks tells
            yield None, unusable(error)
        else:
            yield opened, None


def _tell(found: Health) -> None:
    width = max((len(result.name) for result in found.checks), default=0)
    for result in found.checks:
        shown = f"{result.status:<7}  {result.name:<{width}}  {result.reason}"
        click.echo(f"{shown} ({result.seconds:.1f} s)")
    if not found.is_ok:
        click.echo(f"error: {found.sentence()}", err=True)
