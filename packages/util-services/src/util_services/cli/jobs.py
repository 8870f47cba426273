"""``data-services jobs``: what can be run."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the jobs as JSON.")
def jobs(*, as_json: bool) -> None:
    """Show all jobs, with the package that brings each.

    Example: data-services jobs
    """
    from util_services.location.jobs import all_jobs

    found = [
        {
            "name": name,
            "description": job.description or "",
            "package": _metadata(job, "distribution"),
            "version": _metadata(job, "version"),
        }
        for name, job in all_jobs().items()
    ]
    if as_json:
        click.echo(json.dumps({"schema": 1, "jobs": found}, indent=2, sort_keys=True))
        return
    width = max((len(job["name"]) for job in found), default=0)
    for job in found:
        summary = job["description"].split("\n")[0]
        click.echo(f"{job['name']:<{width}}  {summary}  ({job['package']} {job['version']})")


def _metadata(job: Any, key: str) -> str:
    value = job.metadata.get(f"data_services/{key}")
    return str(value.value) if value is not None else ""
