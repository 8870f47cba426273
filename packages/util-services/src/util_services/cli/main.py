"""The program ``data-services``: built-in commands, and those that plugins register.

Exit status: 0 done; 1 the work failed or a check found a problem; 2 refused before any data was
read. Results go to stdout and messages to stderr; an expected error is one sentence there.
"""

from __future__ import annotations

import logging
import sys

import click

from util_services import __version__
from util_services.cli.commands import built_in_commands
from util_services.cli.leaving import LeavingAtOnce
from util_services.cli.refusals import REFUSED
from util_services.errors import DataServicesError, RefusedError
from util_services.lasting import collect_seldom
from util_services.plugins.manager import plugin_manager

FAILED = 1
RETRIES = "dagster_postgres"  # in the path of the module that reports them


class PluginGroup(click.Group):
    """A group of the built-in commands and, where they are asked for, those of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *plugin_manager().named("register_commands")})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; plugins are loaded only where the name is not a built-in one."""
        if command := super().get_command(ctx, cmd_name):
            return command
        registered = plugin_manager().named("register_commands").get(cmd_name)
        return registered.value if registered else None


class _MessageHandler(logging.Handler):
    """Shows warnings and errors of the project on stderr: a sentence, and a traceback if asked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.shows_tracebacks = False

    def emit(self, record: logging.LogRecord) -> None:
        message = self.format(record) if self.shows_tracebacks else record.getMessage()
        click.echo(f"{record.levelname.lower()}: {message}", err=True)


class _OthersHandler(_MessageHandler):
    """Shows warnings of libraries, as Python would, but for those that we tell of ourselves.

    Dagster reports each attempt to reach its database to the root logger, and where that has no
    handler Python adds one that would show our messages a second time.
    """

    def emit(self, record: logging.LogRecord) -> None:
        is_ours = record.name.partition(".")[0] == "util_services"
        is_retry = RETRIES in record.pathname
        if not is_ours and (self.shows_tracebacks or not is_retry):
            super().emit(record)


_messages = _MessageHandler()
_others = _OthersHandler()


def _show_tracebacks(_context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    _messages.shows_tracebacks = _others.shows_tracebacks = value


@click.group(
    cls=PluginGroup, name="data-services", commands=built_in_commands(), no_args_is_help=True
)
@click.version_option(__version__, prog_name="data-services")
@click.option(
    "--verbose",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_tracebacks,
    help="Show the tracebacks behind messages.",
)
def data_services() -> None:
    """Clean, pseudonymise, anonymise and publish datasets.

    Example: data-services plugins
    """


def main() -> None:
    """Run the program and exit with its status."""
    collect_seldom()
    logging.getLogger("util_services").addHandler(_messages)
    logging.getLogger().addHandler(_others)
    with LeavingAtOnce():
        _run()


def _run() -> None:
    try:
        data_services()
    except DataServicesError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(REFUSED if isinstance(error, RefusedError) else FAILED)
    except Exception as error:
        if _messages.shows_tracebacks:
            raise
        click.echo(f"error: {_unforeseen(error)}", err=True)
        sys.exit(FAILED)


def _unforeseen(error: Exception) -> str:
    """Return the sentence for an error that nobody foresaw; its own text may quote anything."""
    kind = type(error)
    if kind.__module__.startswith("sqlalchemy"):
        return (
            f"The database of the Dagster home cannot be used ({kind.__name__}); check the space "
            "and the permissions of DAGSTER_HOME."
        )
    return (
        f"The command stopped on an unexpected {kind.__name__}; run it with 'data-services "
        "--verbose' to see where, and report it as a defect."
    )
