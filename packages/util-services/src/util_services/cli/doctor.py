"""``data-services doctor``: what is missing on this machine, and how to get it."""

from __future__ import annotations

import json

import click

SHOWN = {"ok": "ok", "skipped": "absent", "failed": "WRONG"}


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Tell what this machine and these settings have, what is missing, and how to get it.

    Looks and changes nothing. What is absent is needed for what its line says, and for nothing
    else; what is wrong was asked for and does not work. 'data-services health' goes on to try
    everything for real. Exit status: 0 nothing is wrong; 1 something is.

    Example: data-services doctor
    """
    from util_services.health.checks import look_around

    found = look_around()
    if as_json:
        shown = [{**result.to_dict(), "status": SHOWN[result.status].lower()} for result in found]
        click.echo(json.dumps({"schema": 1, "found": shown}, indent=2, sort_keys=True))
    else:
        width = max((len(result.name) for result in found), default=0)
        for result in found:
            click.echo(f"{SHOWN[result.status]:<6}  {result.name:<{width}}  {result.reason}")
    context.exit(1 if any(result.status == "failed" for result in found) else 0)
