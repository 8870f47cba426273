"""``dws deploy``: a command of the original that is refused, with what stands in for it."""

from __future__ import annotations

import click

INSTEAD = (
    "'dws deploy {name}' is not supported: images are built and run by the tools made for that. "
    "Write a Dockerfile that installs the code, and bring the workspace into the container with "
    "'dws clone' or as a volume."
)
ANY = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}


@click.group(hidden=True)
@click.option("--workspace-dir", hidden=True)
def deploy(workspace_dir: str | None) -> None:
    """Say what replaces the images of the original.

    Example: dws deploy build
    """
    del workspace_dir


@deploy.command(context_settings=ANY)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(arguments: tuple[str, ...]) -> None:
    """Refuse to build an image, and say what to do instead.

    Example: dws deploy build
    """
    _refuse("build", arguments)


@deploy.command(context_settings=ANY)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Refuse to run an image, and say what to do instead.

    Example: dws deploy run
    """
    _refuse("run", arguments)


def _refuse(name: str, arguments: tuple[str, ...]) -> None:
    from workspace_core.errors import NotSupportedError

    del arguments
    raise NotSupportedError(INSTEAD.format(name=name))
