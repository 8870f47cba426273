"""``dws report``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    complete_tag,
    counted,
    json_option,
    names_of,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.results.comparison import Comparison

NOTHING_FOUND = 1


@click.group()
@workspace_dir_option
@pass_flags
def report(flags: Flags, workspace_dir: str | None) -> None:
    """Report on resources, snapshots, results and their metrics.

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


def _comma_list(_context: click.Context, _option: click.Parameter, text: str | None) -> list[str]:
    return names_of(text) or []


@report.command()
@click.option(
    "--metric", "names", metavar="NAME", multiple=True, help="Only these, with all in them."
)
@click.option("--limit", type=click.IntRange(min=1), help="So many of the newest.")
@click.option(
    "--baseline",
    metavar="TAG|HASH",
    shell_complete=complete_tag,
    help="What to compare others with.",
)
@click.option("--maximize-metrics", metavar="A,B", callback=_comma_list, help="More is better.")
@click.option("--minimize-metrics", metavar="A,B", callback=_comma_list, help="Less is better.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page (.html) or drawings (.svg) instead.",
)
@json_option
@pass_flags
def metrics(
    flags: Flags,
    names: tuple[str, ...],
    limit: int | None,
    baseline: str | None,
    maximize_metrics: list[str],
    minimize_metrics: list[str],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Compare snapshots by their metrics, the oldest first; * marks the best.

    Whether more or less of a metric is better its name tells (less of loss, error, mse and their
    kin), unless an option does.

    Example: dws report metrics --out metrics.html
    """
    from workspace_core.commands.compare import comparison, write_comparison

    workspace = flags.workspace()
    found = comparison(
        workspace,
        names,
        limit=limit,
        baseline=baseline,
        maximise=maximize_metrics,
        minimise=minimize_metrics,
    )
    if out is not None:
        write_comparison(workspace, found, out)
        click.echo(f"Wrote {shown_path(str(out))}: {counted(len(found.entries), 'snapshot')}")
    elif as_json:
        answer([one.to_dict() for one in found.entries])
    else:
        _tell_metrics(found)


@report.command()
@click.argument("metric")
@click.option("--lowest/--highest", default=None, help="What is best; by default its name tells.")
@json_option
@pass_flags
def best(flags: Flags, metric: str, *, lowest: bool | None, as_json: bool) -> None:
    """Say which snapshot is the best by a metric, the first of equals.

    Example: dws report best accuracy
    """
    from workspace_core.commands.compare import comparison

    found = comparison(flags.workspace()).best(metric, lowest=lowest)
    if as_json:
        answer(found.to_dict())
        return
    entry = found.entry
    tags = f" ({', '.join(entry.tags)})" if entry.tags else ""
    side = f"the {'lowest' if found.is_lowest else 'highest'}"
    among = counted(found.compared, "snapshot")
    click.echo(f"{entry.number:03d} {entry.hashval[:8]}{tags}  {entry.timestamp[:19]}Z")
    click.echo(f"    {shown_path(metric)} = {found.value!r}, {side} of {among}")


def _tell_metrics(found: Comparison) -> None:
    """Print a table: a row for each snapshot, a column for each metric."""
    from workspace_core.results.comparison import shown_value

    if not found.entries:
        click.echo("No snapshot has metrics; a step writes them to 'results.json'.")
        return
    rows = [["snapshot", *map(shown_path, found.names)]]
    stars = {name: found.best(name).entry for name in found.names if found.numbers(name)}
    for place, one in enumerate(found.entries):
        tags = f" ({', '.join(one.tags)})" if one.tags else ""
        row = [f"{one.number:03d} {one.hashval[:8]}{tags}"]
        for name in found.names:
            mark = " *" if stars.get(name) is one else ""
            better = found.against_baseline(name, place)
            change = f" ({'better' if better > 0 else 'worse'})" if better else ""
            row.append(f"{shown_path(shown_value(one.values.get(name)))}{change}{mark}")
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
