"""``data-services config``: the run config of a job, and whether one would be accepted."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command
@click.argument("job")
@click.option(
    "--check",
    "config_file",
    type=click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False),
    help="Check this run config as a run would, without running; exit with status 2 if refused.",
)
@click.option("--partition", metavar="KEY", help="The partition, of a partitioned job.")
@click.option("--json", "as_json", is_flag=True, help="Print the config, or the finding, as JSON.")
def config(*, job: str, config_file: Path | None, partition: str | None, as_json: bool) -> None:
    """Print the default run config of JOB with a comment on each key, or check another one.

    Example: data-services config remove_duplicates_job > run.yaml
    """
    from util_services.cli.refusals import refusals
    from util_services.cli.run_config import read_run_config
    from util_services.location.config_text import default_config, default_config_yaml
    from util_services.location.jobs import find_job
    from util_services.partitions.runs import with_partition
    from util_services.runs.execute import check_before_run, new_run_id

    if config_file is not None:
        with refusals(job, as_json=as_json):
            found, given = find_job(job), read_run_config(config_file)
            check_before_run(found, with_partition(found, given, partition), new_run_id())
        if as_json:
            accepted = {"schema": 1, "status": "ACCEPTED", "job": job}
            click.echo(json.dumps(accepted, indent=2, sort_keys=True))
        else:
            click.echo(f"{job} would run with this config.")
        return
    with refusals(job, as_json=as_json):
        found = find_job(job)
        whole = with_partition(found, {}, partition)
    if as_json:
        click.echo(json.dumps(default_config(found, whole), indent=2, sort_keys=True))
    else:
        click.echo(default_config_yaml(found, whole), nl=False)
