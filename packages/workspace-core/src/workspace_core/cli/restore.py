"""``dws restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    change_lines,
    complete_resource,
    counted,
    json_option,
    label,
    names_of,
    pass_flags,
    shown_path,
    snapshot_argument,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from workspace_core.commands.restore import Outcome

MOST_SHOWN = 100  # of the changes of a resource; --json has all of them


@click.command()
@snapshot_argument
@click.argument("path", required=False, type=click.Path())
@click.option("--only", metavar="R,…", shell_complete=complete_resource, help="Only these.")
@click.option("--leave", metavar="R,…", shell_complete=complete_resource, help="All but these.")
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse unless both have the same resources, and nothing of them was erased.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--force",
    is_flag=True,
    help="Also replace changes that are in no snapshot; a rescue snapshot keeps them.",
)
@workspace_dir_option
@json_option
@pass_flags
def restore(
    flags: Flags,
    snapshot: str,
    path: str | None,
    only: str | None,
    leave: str | None,
    workspace_dir: str | None,
    *,
    strict: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Bring resources back as a snapshot keeps them; all of them, or only a PATH.

    Results are never restored. What is in no snapshot is never destroyed, unless it is forced. What
    was erased on purpose is named, and stays away.

    Example: dws restore first --dry-run
    """
    from workspace_core.cli.progress import progress
    from workspace_core.commands.restore import restore as bring_back

    if only is not None and leave is not None:
        raise click.UsageError("Give --only or --leave, not both.")
    for option, given in (("--only", only), ("--leave", leave)):
        if given is not None and not names_of(given):
            raise click.UsageError(f"{option} names no resource.")
    if path is not None and (only is not None or leave is not None):
        raise click.UsageError("A PATH names its resource; leave out --only and --leave.")
    workspace = flags.workspace(workspace_dir)
    with progress():
        outcome = bring_back(
            workspace,
            snapshot,
            only=names_of(only),
            leave=names_of(leave) or (),
            path=path,
            strict=strict,
            force=force,
            dry_run=dry_run,
        )
    if as_json:
        answer(outcome.to_dict())
    else:
        tell(outcome)


def tell(outcome: Outcome) -> None:
    """Say what was restored, or would be."""
    for name, plan in outcome.plans.items():
        count = len(plan.changes)
        changes = counted(count, "change") if count else "nothing to change"
        click.echo(f"{name}: {changes}")
        if outcome.is_dry_run:
            lines = change_lines(plan.changes[:MOST_SHOWN])
            if count > MOST_SHOWN:
                lines.append(f"  … and {count - MOST_SHOWN} more; --json has all of them")
            lines += [f"  ! {shown_path(one)} (in no snapshot)" for one in plan.unsaved]
            lines += [f"  = {shown_path(one)} (in no snapshot, stays)" for one in plan.kept]
            for line in lines:
                click.echo(line)
        elif plan.kept:
            click.echo(f"  {len(plan.kept)} in no snapshot, left where they are")
        for path, reason in plan.erased[:MOST_SHOWN]:
            click.echo(f"  x {shown_path(path)} was erased on purpose ({printable(reason)})")
        if name in outcome.notes:
            click.echo(f"  {outcome.notes[name]}")
    for name, reason in outcome.left.items():
        click.echo(f"{name}: left as it is: {reason}")
    if outcome.rescue is not None:
        click.echo(f"What was replaced is kept in the snapshot {label(outcome.rescue)}.")
    if outcome.erased:
        files = counted(outcome.erased, "file")
        click.echo(f"{files} cannot come back: erased on purpose; what is there now stays.")
    if outcome.is_dry_run:
        end = " The restore would be refused without --force." if outcome.conflicts else ""
        click.echo(f"Nothing was changed.{end}")
    else:
        click.echo(f"Snapshot {label(outcome.snapshot)} restored.")
