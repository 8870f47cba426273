"""``data-services check``: does every installed plugin keep the contract?"""

from __future__ import annotations

import json
from collections import Counter

import click


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> None:
    """Build the whole code location strictly; exit with status 1 if a plugin is at fault.

    Example: data-services check --json
    """
    from util_services.location import build_location
    from util_services.plugins.manager import PluginManager

    manager = PluginManager(log_failures=False)
    report = build_location(strict=False, manager=manager, thorough=True).report
    counts: Counter[str] = Counter()
    for entry in report.plugins:
        counts.update(entry.hooks)
    if as_json:
        findings = {
            "schema": 1,
            "ok": not report.failures,
            "counts": {"plugins": len(report.plugins), **counts},
            "failures": [failure.to_dict() for failure in report.failures],
        }
        click.echo(json.dumps(findings, indent=2, sort_keys=True))
    elif report.failures:
        for failure in report.failures:
            click.echo(failure.reason)
    else:
        brought = ", ".join(_counted(hook, count) for hook, count in counts.items())
        click.echo(f"{len(report.plugins)} plugins bring {brought}; all of them can be loaded.")
    if report.failures:
        context.exit(1)


def _counted(hook: str, count: int) -> str:
    """Return how many things a hook brought, in words."""
    things = hook.removeprefix("register_").replace("_", " ")
    return f"{count} {things.removesuffix('s') if count == 1 else things}"
