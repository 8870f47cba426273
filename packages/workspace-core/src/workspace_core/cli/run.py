"""``dws run``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from workspace_core.cli.context import Flags, counted, pass_flags, shown_path, workspace_dir_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.commands.run import Ran

MOST_SHOWN = 5  # references


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--step", metavar="NAME", help="What the step is called; by default as its script.")
@click.option("--input", "inputs", multiple=True, metavar="PATH", help="What it reads.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="PATH",
    help="What it writes; by default, whatever is written to resources while it runs.",
)
@click.option("--code", multiple=True, metavar="PATH", help="Its code, besides its script.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of it.")
@workspace_dir_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_flags
def run(
    flags: Flags,
    step: str | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    code: tuple[str, ...],
    params: tuple[str, ...],
    workspace_dir: str | None,
    command: tuple[str, ...],
) -> None:
    """Run a command, and record what it has read and written.

    The exit status is that of the command.

    Example: dws run --input raw/a.csv --param k=5 -- sh -c "cut -c1 raw/a.csv | tee results/x.csv"
    """
    from workspace_core.commands.run import run as run_step

    ran = run_step(
        flags.workspace(workspace_dir),
        command,
        step_name=step,
        inputs=inputs,
        outputs=outputs or None,
        code=code,
        parameters=_parameters(params),
    )
    done = ran.step
    if done.is_complete:
        made = ", ".join(shown_path(str(one.ref)) for one in done.output_resources[:MOST_SHOWN])
        more = len(done.output_resources) - MOST_SHOWN
        said = f"{counted(len(done.output_resources), 'output')}{f': {made}' if made else ''}"
        said += f" and {more} more" if more > 0 else ""
    else:
        said = f"failed with exit status {ran.exit_status}"
    click.echo(f"Recorded the step {shown_path(done.step_name)} {done.id[:8]}: {said}", err=True)
    for note in _notes(ran):
        click.echo(f"note: {note}", err=True)
    sys.exit(ran.exit_status)


def _notes(ran: Ran) -> Iterator[str]:
    """Yield what is missing in a record, perhaps: what it does not name is never out of date."""
    done = ran.step
    if ran.unnamed:
        shown = ", ".join(map(shown_path, ran.unnamed[:MOST_SHOWN]))
        more = len(ran.unnamed) - MOST_SHOWN
        yield (
            f"the command names {shown}{f' and {more} more' if more > 0 else ''}, which the record "
            "does not have as read; if it was, name it by --input."
        )
    elif done.is_complete and done.output_resources and not done.input_resources:
        yield (
            "nothing is recorded as read, so that no change will make the outputs out of date; "
            "--input names what is read."
        )


def _parameters(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.BadParameter("give NAME=VALUE", param_hint="--param")
        found[name] = value
    return found
