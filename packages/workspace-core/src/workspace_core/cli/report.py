"""``dws report``."""

from __future__ import annotations

import json
import sys

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    complete_tag,
    json_option,
    pass_flags,
    workspace_dir_option,
)

NOTHING_FOUND = 1


@click.group()
@workspace_dir_option
@pass_flags
def report(flags: Flags, workspace_dir: str | None) -> None:
    """Report on resources, snapshots and results.

    Example: dws report status
    """
    flags.workspace_dir = workspace_dir


@report.command()
@json_option
@pass_flags
def status(flags: Flags, *, as_json: bool) -> None:
    """List the resources, and what has changed in them.

    Example: dws report status
    """
    from workspace_core.cli.status import show_status

    show_status(flags.workspace(), as_json=as_json)


@report.command()
@click.option("--limit", type=click.IntRange(min=1), help="How many to list.")
@json_option
@pass_flags
def history(flags: Flags, limit: int | None, *, as_json: bool) -> None:
    """List the snapshots, the newest first.

    Example: dws report history --limit 5
    """
    from workspace_core.cli.log import as_record, tell_history

    found = flags.workspace().list_snapshots(max_count=limit)
    if as_json:
        answer([as_record(one) for one in found])
    else:
        tell_history(found)


@report.command()
@click.option("--snapshot", metavar="TAG|HASH", shell_complete=complete_tag, help="By default now.")
@json_option
@pass_flags
def lineage(flags: Flags, snapshot: str | None, *, as_json: bool) -> None:
    """List what steps have made, of what, and whether it is out of date.

    Example: dws report lineage --snapshot first
    """
    from workspace_core.cli.lineage import show_table

    show_table(flags.workspace(), snapshot, as_json=as_json)


@report.command()
@click.option("--snapshot", metavar="TAG|HASH", shell_complete=complete_tag, help="By default now.")
@click.option("--resource", metavar="NAME", shell_complete=complete_resource)
@json_option
@pass_flags
def results(flags: Flags, snapshot: str | None, resource: str | None, *, as_json: bool) -> None:
    """Show results and their metrics: those of a snapshot, or those that are in none yet.

    Example: dws report results --snapshot first
    """
    from workspace_core.commands.results import results as results_of

    found = results_of(flags.workspace(), snapshot, resource)
    if found is None:
        click.echo("There are no results.", err=True)
        sys.exit(NOTHING_FOUND)
    if as_json:
        answer(found.to_dict())
    else:
        click.echo(f"{found.resource}:/{found.path}")
        click.echo(json.dumps(found.content, indent=2, sort_keys=True))
