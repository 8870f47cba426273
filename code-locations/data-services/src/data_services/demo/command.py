"""``data-services demo``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), default="data-services-demo"
)
@click.option("--pause", is_flag=True, help="Wait for the Enter key before each step.")
def demo(folder: Path, *, pause: bool) -> None:
    """Take a messy sample of patients to a signed release, and explain each step.

    Everything lies in FOLDER, a new one: data, reports, configs to copy from, keys, the audit. The
    commands that are shown are those that run. Exit status: 0 done; 1 a step went wrong; 2 FOLDER
    is there already.

    Example: data-services demo
    """
    from data_services.demo.show import Demonstration

    Demonstration.prepared(folder.absolute()).show(pause=pause)
