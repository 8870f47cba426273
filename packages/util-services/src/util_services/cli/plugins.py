"""``data-services plugins``: who brings what, and what was left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from util_services.plugins.records import PluginReport


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--strict", is_flag=True, help="Exit with status 1 if a plugin was left out.")
@click.pass_context
def plugins(context: click.Context, *, as_json: bool, strict: bool) -> None:
    """Show which packages bring what, and which were left out and why.

    Example: data-services plugins --json
    """
    from util_services.location import build_location
    from util_services.plugins.manager import PluginManager

    report = build_location(strict=False, manager=PluginManager(log_failures=False)).report
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2, sort_keys=True))
    else:
        _print(report)
    if strict and report.failures:
        context.exit(1)


def _print(report: PluginReport) -> None:
    for entry in report.plugins:
        jobs = f"{entry.jobs} job{'' if entry.jobs == 1 else 's'}"
        commit = f" at {entry.commit[:12]}" if entry.commit else ""
        click.echo(f"{entry.plugin}{commit}: {jobs}")
        for hook, count in entry.hooks.items():
            click.echo(f"  {hook}: {count}")
    for plugin in report.blocked:
        click.echo(f"{plugin} is left out by DATA_SERVICES_PLUGINS or DATA_SERVICES_PLUGINS_BLOCK.")
    for failure in report.failures:
        what = "A pipeline of " if failure.kind == "pipeline" else ""
        click.echo(f"{what}{failure.plugin} is left out: {failure}")
