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
@click.option("--json", "as_json", is_flag=True, help="Print the config, or the finding, as JSON.")
def config(*, job: str, config_file: Path | None, as_json: bool) -> None:
    """Print the default run config of JOB with a comment on each key, or check another one.

    Example: data-services config remove_duplicates_job > run.yaml
    """
    from util_services.cli.refusals import refusals
    from util_services.cli.run_config import read_run_config
    from util_services.location.config_text import default_config, default_config_yaml
    from util_services.location.jobs import find_job
    from util_services.runs.execute import check_before_run, new_run_id

    if config_file is not None:
        with refusals(job, as_json=as_json):
            check_before_run(find_job(job), read_run_config(config_file), new_run_id())
        if as_json:
            accepted = {"schema": 1, "status": "ACCEPTED", "job": job}
            click.echo(json.dumps(accepted, indent=2, sort_keys=True))
        else:
            click.echo(f"{job} would run with this config.")
    elif as_json:
        click.echo(json.dumps(default_config(find_job(job)), indent=2, sort_keys=True))
    else:
        click.echo(default_config_yaml(find_job(job)), nl=False)
