"""``data-services plugin``: packages of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group(no_args_is_help=True)
def plugin() -> None:
    """Make a package that extends data-services; 'data-services plugins' shows who brings what.

    Example: data-services plugin new clinic-tools
    """


@plugin.command
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where its folder is made; default this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where it is as JSON.")
def new(*, name: str, folder: Path, as_json: bool) -> None:
    """Make the package NAME with a job, a cleaning step, a technique, tests and CI that work.

    Example: data-services plugin new clinic-tools --folder ~/projects
    """
    from util_services.new_plugin.making import make_plugin

    made = make_plugin(name, folder)
    if as_json:
        click.echo(json.dumps({"schema": 1, "name": name, "folder": str(made.resolve())}))
        return
    package = name.replace("-", "_")
    click.echo(
        f"{made} holds a package with a job, a step and a technique. What to do next:\n"
        f"  cd {made}\n"
        "  uv pip install --editable .\n"
        "  data-services plugins\n"
        f"  data-services run {package}_keep_complete_job"
    )
