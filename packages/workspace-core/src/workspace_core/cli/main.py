"""The program ``dws``. Exit status: 0 done; 1 any error, or a problem found; 2 wrong usage.

Results go to stdout and messages to stderr; an expected error is one sentence there.
"""

from __future__ import annotations

import gc
import logging
import sys

import click

from workspace_core.cli.context import Flags, pass_flags
from workspace_core.cli.lazy import LazyGroup

FAILED = 1
MANY_OBJECTS = 100_000  # made before garbage is looked for: a command is short, and makes little
COMMANDS = {
    "add": "workspace_core.cli.add:add",
    "clone": "workspace_core.cli.clone:clone",
    "completion": "workspace_core.cli.completion:completion",
    "config": "workspace_core.cli.config:config",
    "delete-snapshot": "workspace_core.cli.delete_snapshot:delete_snapshot",
    "deploy": "workspace_core.cli.deploy:deploy",
    "diff": "workspace_core.cli.diff:diff",
    "erase": "workspace_core.cli.erase:erase",
    "export": "workspace_core.cli.export:export",
    "import": "workspace_core.cli.import_:import_",
    "init": "workspace_core.cli.init:init",
    "lineage": "workspace_core.cli.lineage:lineage",
    "log": "workspace_core.cli.log:log",
    "prune": "workspace_core.cli.prune:prune",
    "publish": "workspace_core.cli.publish:publish",
    "pull": "workspace_core.cli.pull:pull",
    "push": "workspace_core.cli.push:push",
    "report": "workspace_core.cli.report:report",
    "resource": "workspace_core.cli.resource:resource",
    "restore": "workspace_core.cli.restore:restore",
    "run": "workspace_core.cli.run:run",
    "snapshot": "workspace_core.cli.snapshot:snapshot",
    "status": "workspace_core.cli.status:status",
    "gc": "workspace_core.cli.gc:gc",
    "verify": "workspace_core.cli.verify:verify",
    "tag": "workspace_core.cli.tag:tag",
}


class _Messages(logging.Handler):
    """Shows warnings of the project on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


def _show_version(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and not context.resilient_parsing:
        from workspace_core import __version__

        click.echo(f"dws, version {__version__}")
        context.exit()


@click.group(
    cls=LazyGroup,
    name="dws",
    commands_at=COMMANDS,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Print the version.",
)
@click.option("-b", "--batch", is_flag=True, help="Never ask anything.")
@click.option("--verbose", is_flag=True, help="Show the tracebacks behind messages.")
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another command on the same workspace; 60 by default.",
)
@pass_flags
def dws(flags: Flags, *, batch: bool, verbose: bool, lock_timeout: float | None) -> None:
    """Take snapshots of data, code and results, and bring them back.

    Example: dws status
    """
    flags.batch, flags.verbose, flags.lock_timeout = batch, verbose, lock_timeout


@dws.command()
def version() -> None:
    """Print the version.

    Example: dws version
    """
    from workspace_core import __version__

    click.echo(__version__)


def main() -> None:
    """Run the program and exit with its status."""
    from util_services.errors import DataServicesError

    gc.set_threshold(MANY_OBJECTS)
    logging.getLogger("workspace_core").addHandler(_Messages())
    flags = Flags()
    try:
        dws(obj=flags)
    except DataServicesError as error:
        if flags.verbose:
            raise
        said = " ".join((str(error), *getattr(error, "__notes__", ())))
        click.echo(f"error: {said}", err=True)
        sys.exit(FAILED)
    except Exception as error:
        if flags.verbose:
            raise
        click.echo(
            f"error: The command stopped on an unexpected {type(error).__name__}; run it with 'dws "
            "--verbose' to see where, and report it as a defect.",
            err=True,
        )
        sys.exit(FAILED)
