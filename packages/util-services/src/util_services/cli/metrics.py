"""``data-services metrics``: what a monitoring system wants to know."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click


@click.command
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the page to this file, whole or not at all, as for node_exporter's textfile "
    "collector (….prom). Default: print it.",
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    help="Count only runs that were made in so many days. Default: all on record.",
)
def metrics(*, output: Path | None, days: int | None) -> None:
    """Print metrics of the runs of this Dagster instance in Prometheus' text format.

    Example: data-services metrics --days 30
    """
    from util_services.cli.output_file import write_whole
    from util_services.flow.staging import leftovers
    from util_services.metrics.page import render_page
    from util_services.metrics.tally import tally
    from util_services.runs.dead_runs import is_over
    from util_services.runs.execute import open_instance
    from util_services.runs.executors import staging_bases
    from util_services.runs.home import prepare_home

    with open_instance(prepare_home()) as instance:
        left = leftovers(staging_bases(), partial(is_over, instance))
        page = render_page(tally(instance, days), left)
    if output is None:
        click.echo(page, nl=False)
    else:
        write_whole(output, page)
