"""``data-services deployment``: from an image in a registry to a location proved to run it."""

from __future__ import annotations

import json
import math
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from util_services.deployment.platform import Platform
    from util_services.deployment.set_image import ImageChange, Manifest

DEFAULT_KEY = "deployments.data-services.image.tag"
DEFAULT_LOCATION = "data-services"
HEALTH_JOB = "health_check_job"


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda command: reduce(lambda done, option: option(done), reversed(options), command)


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
manifest_options = _options(
    click.option(
        "--remote",
        envvar="DATA_SERVICES_MANIFEST_REMOTE",
        required=True,
        help="The git remote with the manifest; default DATA_SERVICES_MANIFEST_REMOTE.",
    ),
    click.option(
        "--branch",
        envvar="DATA_SERVICES_MANIFEST_BRANCH",
        default="main",
        show_default=True,
        help="The branch of the remote.",
    ),
    click.option(
        "--file",
        envvar="DATA_SERVICES_MANIFEST_FILE",
        default="values.yaml",
        show_default=True,
        help="The manifest, a YAML file there.",
    ),
    click.option(
        "--key",
        envvar="DATA_SERVICES_MANIFEST_KEY",
        default=DEFAULT_KEY,
        show_default=True,
        help="The key of the tag; items of a list are found by their name.",
    ),
    as_json_option,
)
platform_options = _options(
    click.option(
        "--url",
        envvar="DATA_SERVICES_PLATFORM_URL",
        required=True,
        help="The address of Dagster's web server; default DATA_SERVICES_PLATFORM_URL.",
    ),
    click.option(
        "--location",
        envvar="DATA_SERVICES_PLATFORM_LOCATION",
        default=DEFAULT_LOCATION,
        show_default=True,
        help="The name of the code location on the platform.",
    ),
    as_json_option,
)


def _finite(_: click.Context, option: click.Parameter, seconds: float) -> float:
    """Return seconds that end; NaN passes every range."""
    if not math.isfinite(seconds):
        raise click.BadParameter("it must be a number of seconds.", param=option)
    return seconds


def _timeout_option(told: str) -> Callable[[Any], Any]:
    kind = click.FloatRange(min=0)
    return click.option(
        "--timeout", default=600.0, show_default=True, type=kind, callback=_finite, help=told
    )


from_option = click.option(
    "--from", "present", metavar="TAG", help="Only where the manifest names this tag now."
)
tag_option = click.option("--tag", help="The tag of the image, where it is not the commit itself.")


@click.group
def deployment() -> None:
    """Deploy an image, and prove that the platform runs it.

    Exit status: 0 done; 1 something is wrong with the deployment; 2 refused before anything was
    changed.

    Example: data-services deployment verify --url http://localhost:3000 --commit COMMIT
    """


@deployment.command
@manifest_options
def current(*, as_json: bool, **manifest: str) -> None:
    """Print the image that the manifest names.

    Example: data-services deployment current --remote https://HOST/OWNER/NAME.git
    """
    from util_services.deployment.set_image import named_image

    named = named_image(_manifest(manifest))
    if as_json:
        _print_json(named.to_dict())
    else:
        click.echo(f"{named.repository}:{named.tag}" if named.tag else "no image yet")


@deployment.command("set-image")
@click.option("--tag", required=True, help="The tag: the commit, or the version of a release.")
@from_option
@manifest_options
def set_image(*, tag: str, present: str | None, as_json: bool, **manifest: str) -> None:
    """Write the tag of an image into the manifest, and nothing else, by one commit.

    Refused where the registry has no such image. A manifest that names it already stays as it is.

    Example: data-services deployment set-image --remote https://HOST/OWNER/NAME.git --tag 1.2.0
    """
    from util_services.deployment.set_image import set_image

    _tell_change(set_image(_manifest(manifest), tag, present), as_json=as_json)


@deployment.command
@from_option
@manifest_options
def rollback(*, present: str | None, as_json: bool, **manifest: str) -> None:
    """Write the tag that the present one has replaced into the manifest.

    With '--from' it may be run again, and never undoes what others have deployed since. To go back
    to a certain image, set it: 'data-services deployment set-image --tag OLDER'.

    Example: data-services deployment rollback --remote https://HOST/OWNER/NAME.git
    """
    from util_services.deployment.image import checked_form
    from util_services.deployment.set_image import roll_back

    if present is not None:
        checked_form(present)
    change = roll_back(_manifest(manifest), present)
    if present in {None, change.before} or as_json:
        _tell_change(change, as_json=as_json)
    else:
        click.echo(f"The manifest names {change.image}, not the tag '{present}', and stays so.")


@deployment.command
@click.option("--commit", help="Wait until the location runs the image of this commit.")
@tag_option
@_timeout_option("How many seconds to wait for that.")
@platform_options
def reload(
    *, commit: str | None, tag: str | None, timeout: float, url: str, location: str, as_json: bool
) -> None:
    """Have the platform load the code location anew, and wait until it has.

    A code location that does not load is told with the text of its error; exit status 1.

    Example: data-services deployment reload --url http://localhost:3000
    """
    from util_services.deployment.image import tag_for
    from util_services.deployment.reload import reload_location

    loaded = reload_location(_platform(url, location), tag_for(commit, tag), timeout)
    if as_json:
        _print_json({"schema": 1, "location": loaded.name, "image": loaded.image})
    else:
        click.echo(f"{loaded.name} is loaded and runs {loaded.image or 'no image that it names'}.")


@deployment.command
@click.option("--commit", required=True, help="The commit in full that should be running.")
@tag_option
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="A log to search for errors, such as that of the daemon or of the code server.",
)
@click.option("--job", default=HEALTH_JOB, show_default=True, help="The job that must run.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False),
    help="Its run config; default that of the job, with '--rows' rows of its sample.",
)
@click.option(
    "--rows",
    default=100,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many rows its default reads.",
)
@_timeout_option("How many seconds the run may take.")
@platform_options
@click.pass_context
def verify(
    context: click.Context,
    *,
    commit: str,
    tag: str | None,
    logs: tuple[Path, ...],
    job: str,
    config_file: Path | None,
    rows: int,
    timeout: float,
    url: str,
    location: str,
    as_json: bool,
) -> None:
    """Check image, commit, load errors, plugins and logs, and run a job on a limited slice.

    Exit status 1 if anything is wrong; all checks are made, whatever the others find.

    Example: data-services deployment verify --url http://localhost:3000 --commit COMMIT
    """
    from util_services.cli.run_config import read_run_config
    from util_services.deployment.image import tag_for
    from util_services.deployment.verify import Expectation, verify

    expected = Expectation(
        commit=commit,
        tag=tag_for(commit, tag) or commit,
        logs=logs,
        job=job,
        run_config=read_run_config(config_file) if config_file else None,
        rows=rows,
        timeout_seconds=timeout,
    )
    verification = verify(_platform(url, location), expected)
    if as_json:
        _print_json(verification.to_dict())
    else:
        for finding in verification.findings:
            click.echo(f"{'ok ' if finding.is_ok else 'RED'} {finding.check:8} {finding.told}")
    context.exit(0 if verification.is_ok else 1)


def _platform(url: str, location: str) -> Platform:
    from util_services import settings
    from util_services.deployment.platform import Platform

    return Platform(url, location, settings.text("PLATFORM_TOKEN"))


def _manifest(options: dict[str, str]) -> Manifest:
    from util_services.deployment.set_image import Manifest

    return Manifest(**options)


def _tell_change(change: ImageChange, *, as_json: bool) -> None:
    if as_json:
        _print_json(change.to_dict())
    elif change.is_changed:
        click.echo(f"The manifest names {change.image} now (commit {change.commit}).")
    else:
        click.echo(f"The manifest names {change.image} already.")


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, sort_keys=True))
