"""``data-services run``: one job, in this process, on the instance that ``dev`` shows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from util_services.runs.execute import FinishedRun

QUIET_CONSOLE = {"console": {"config": {"log_level": "CRITICAL"}}}  # the command speaks for itself


@click.command
@click.argument("job")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False),
    help="Run config as YAML or JSON; '-' reads it from the terminal. Default: that of the job.",
)
@click.option(
    "--set",
    "settings",
    metavar="OP.KEY=VALUE",
    multiple=True,
    help="One value of the run config, such as read_dataset.path=in.csv; VALUE is YAML.",
)
@click.option("--partition", metavar="KEY", help="The partition, of a partitioned job.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that paths start from. Default: DATA_SERVICES_ROOT, else this folder.",
)
@click.option(
    "--dry-run",
    "is_dry",
    is_flag=True,
    help="Publish nothing: show what the job would do to the first 1000 rows, in counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print how the run ended as JSON.")
@click.pass_context
def run(
    context: click.Context,
    *,
    job: str,
    config_file: Path | None,
    settings: tuple[str, ...],
    partition: str | None,
    root: Path | None,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Run JOB and show where its result and its report are.

    Exit status: 0 done; 1 the run started and failed or was cancelled; 2 refused before a row of
    data was read.

    With --dry-run status 2 also tells of rows on which the job would fail.

    Example: data-services run remove_duplicates_job --set remove_duplicates.subset=[patient_id]
    """
    from util_services.cli.refusals import refusals
    from util_services.cli.run_config import read_run_config, with_settings

    if root is not None:
        _set_root(root)
    with refusals(job, as_json=as_json):
        run_config = with_settings(read_run_config(config_file), settings)
        if is_dry:
            _try(job, run_config, partition, as_json=as_json)
            return
        start = _checked(job, run_config, partition)
    finished = start()
    if as_json:
        click.echo(json.dumps(_as_dict(finished), indent=2, sort_keys=True))
    else:
        _tell(finished)
    context.exit(0 if finished.succeeded else 1)


def _checked(
    name: str, run_config: Mapping[str, Any], partition: str | None
) -> Callable[[], FinishedRun]:
    """Return what starts a run, once all is checked that can be before its rows are read."""
    from util_services.runs.home import prepare_home

    home = prepare_home()
    import dagster as dg

    from util_services.cli.progress_bar import progress_bar
    from util_services.location.jobs import find_job
    from util_services.partitions.runs import as_partition, with_partition
    from util_services.runs.execute import check_before_run, new_run_id, open_instance, run_job
    from util_services.runs.instance_database import read_reference, require_database

    require_database(read_reference(home), home)
    job, run_id = find_job(name), new_run_id()
    given, run_config = run_config, with_partition(job, run_config, partition)
    if "loggers" not in given:
        if "console" not in job.loggers:  # Dagster would fall back on one that prints all events
            job = job.with_logger_defs({**job.loggers, "console": dg.colored_console_logger})
        run_config = {**run_config, "loggers": QUIET_CONSOLE}
    check_before_run(job, run_config, run_id)

    def start() -> FinishedRun:
        with open_instance(home) as instance, progress_bar(sys.stderr):
            tags = as_partition(job, partition, instance)
            return run_job(job, run_config, run_id, instance, tags)

    return start


def _try(name: str, run_config: Mapping[str, Any], partition: str | None, *, as_json: bool) -> None:
    """Show what a job would do."""
    from util_services.location.jobs import find_job
    from util_services.partitions.runs import with_partition
    from util_services.runs.dry_run import dry_run
    from util_services.runs.execute import new_run_id

    job = find_job(name)
    tried = dry_run(job, with_partition(job, run_config, partition), new_run_id())
    if as_json:
        click.echo(json.dumps(tried.to_dict(), indent=2, sort_keys=True))
        return
    click.echo(f"{tried.job} would read {tried.source} and publish {tried.target}.")
    click.echo(f"Of the first {_number(tried.rows, 'row')}:")
    number = 0
    for step in tried.steps:
        parts = step.facts.get("steps")
        told = (
            [(one["step"], one["rows"], one) for one in parts]
            if parts
            else [
                (
                    step.operation,
                    {
                        "in": step.rows_in,
                        "out": step.rows_out,
                        "dropped": step.rows_dropped,
                        "quarantined": step.rows_quarantined,
                    },
                    {
                        "cells_changed": step.facts.get("cells_changed", {}),
                        "warnings": step.warnings,
                    },
                )
            ]
        )
        for called, rows, facts in told:
            number += 1
            click.echo(f"  {number}. {called}: {_counts(rows)}")
            for column, cells in facts["cells_changed"].items():
                click.echo(f"     {column}: {_number(cells, 'cell')} changed")
            for what, number_of_it in facts.get("counts", {}).items():
                if number_of_it:
                    click.echo(f"     {what}: {number_of_it}")
            for warning in facts["warnings"]:
                click.echo(f"     warning: {warning}")
        for turn, one in enumerate(step.facts.get("passes", ()), start=1):
            click.echo(f"  pass {turn}, {one['pass']}: {', '.join(one['steps'])}")
    click.echo("Nothing was published.")


def _number(count: int | None, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _counts(rows: Mapping[str, Any]) -> str:
    left = [f"{rows[key]} {key}" for key in ("dropped", "quarantined") if rows.get(key)]
    out = rows["in"] if rows["out"] is None else rows["out"]
    return ", ".join([f"{_number(rows['in'], 'row')} in, {out} out", *left])


def _set_root(root: Path) -> None:
    import os

    os.environ["DATA_SERVICES_ROOT"] = str(root.resolve())


def _tell(finished: FinishedRun) -> None:
    match finished.status:
        case "SUCCESS" if finished.output is not None:
            click.echo(f"{finished.job} published {_number(finished.rows, 'row')}.")
            click.echo(f"  result: {finished.output}")
            click.echo(f"  report: {finished.report}")
            if finished.quarantine is not None:
                click.echo(f"  quarantine: {finished.quarantine}")
                count = finished.rows_quarantined
                were = "was" if count == 1 else "were"
                click.echo(
                    f"warning: {_number(count, 'record')} {were} set aside; see there.", err=True
                )
            click.echo(f"  run:    {finished.run_id}")
        case "SUCCESS" if finished.report is not None and finished.rows is not None:
            click.echo(f"{finished.job} looked at {_number(finished.rows, 'row')}.")
            click.echo(f"  report: {finished.report}")
            click.echo(f"  run:    {finished.run_id}")
        case "SUCCESS":
            click.echo(f"{finished.job} is done (run {finished.run_id}).")
        case "CANCELED":
            click.echo(cancelled(finished), err=True)
        case _:
            click.echo(f"error: {finished.reason}{published_before(finished)}", err=True)


def cancelled(finished: FinishedRun) -> str:
    """Return the sentence about a run that was cancelled, and what is out all the same."""
    out = published_before(finished)
    return f"{finished.job} was cancelled{f'.{out}' if out else '; nothing was published.'}"


def published_before(finished: FinishedRun) -> str:
    """Return, to go on with, that a run had published its dataset before it failed."""
    if finished.output is None:
        return ""
    return (
        f" Before that {_number(finished.rows, 'row')} were published at '{finished.output}', and "
        "they stay there; do by itself what was to follow."
    )


def _as_dict(finished: FinishedRun) -> dict[str, Any]:
    from dataclasses import asdict

    return {"schema": 1} | asdict(finished)
