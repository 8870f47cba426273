"""``data-services compare``: what differs between two runs, by their reports or their ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.reports.comparison import Difference
    from util_services.reports.record import Report

MAX_SHOWN = 40  # characters of a value in a terminal; JSON and page have it whole


@click.command
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write them to this file, as a page of the look of reports.",
)
def compare(*, first: str, second: str, as_json: bool, html: Path | None) -> None:
    """Show what differs between two runs, FIRST and SECOND.

    Each is a report ('….report.json'), or the id of a run of this Dagster instance, whole or its
    first eight characters. Told are inputs, rows, columns, configurations, and what the operations
    counted and measured, such as risks. A sign \N{EN DASH} stands for what a run does not tell.

    Example: data-services compare before.report.json after.report.json
    """
    from util_services.reports import comparison

    one, two = _read(first), _read(second)
    found = comparison.compare(one, two)
    if html is not None:
        from util_services.cli.output_file import write_whole
        from util_services.reports.html import render_comparison

        write_whole(html, render_comparison(one, two))
    if as_json:
        document = {"schema": 1, "differences": [one.to_dict() for one in found]}
        click.echo(json.dumps(document, indent=2, sort_keys=True))
    elif found:
        _print(found)
    else:
        click.echo("The runs differ in nothing but their times.")


def _read(named: str) -> Report:
    """Return the report in a file or of a run.

    Raises:
        ConfigurationError: if there is none that can be compared.
    """
    from util_services.errors import ConfigurationError, quoted_name
    from util_services.runs.published_report import is_run_id

    if Path(named).is_file():
        return _read_file(Path(named))
    if is_run_id(named):
        return _read_run(named)
    raise ConfigurationError(
        f"{quoted_name(named)} is neither a file nor the id of a run; name a '….report.json', or "
        "an id as the page of the run in the Dagster UI shows it."
    )


def _read_file(file: Path) -> Report:
    from util_services.errors import ConfigurationError, quoted_name
    from util_services.reports import Report
    from util_services.reports.plain import ReportError

    try:
        return Report.from_json(file.read_bytes())
    except (OSError, ReportError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{quoted_name(str(file))} cannot be compared: {said}") from None


def _read_run(run_id: str) -> Report:
    from util_services.runs.execute import open_instance
    from util_services.runs.home import prepare_home
    from util_services.runs.published_report import report_of_run

    with open_instance(prepare_home()) as instance:
        return report_of_run(instance, run_id)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _print(found: Sequence[Difference]) -> None:
    from util_services.reports.shown import shown, visible

    rows = [
        (visible(one.key), *(_cut(shown(value, one.key)) for value in (one.first, one.second)))
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    part = None
    for one, (key, before, after) in zip(found, rows, strict=True):
        if one.part != part:
            part = one.part
            click.echo(visible(part))
        click.echo(f"  {key:<{widths[0]}}  {before:>{widths[1]}}  {after}")
