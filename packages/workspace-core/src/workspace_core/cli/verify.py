"""``dws verify``."""

from __future__ import annotations

import sys

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    counted,
    json_option,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

PROBLEM_FOUND = 1
MOST_SHOWN = 100  # findings; --json has all of them


@click.command()
@click.option(
    "--mend",
    is_flag=True,
    help="Set damaged files of the store aside, and keep what is sound of them.",
)
@workspace_dir_option
@json_option
@pass_flags
def verify(flags: Flags, workspace_dir: str | None, *, mend: bool, as_json: bool) -> None:
    """Read all that the store holds, and check every byte, record and tag.

    The exit status is 1 if something is damaged or missing. What was erased on purpose is named,
    and no problem.

    Example: dws verify
    """
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.verify import verify as check

    workspace = flags.workspace(workspace_dir)
    if mend:
        from workspace_core.commands.verify import mend as set_aside

        mended = set_aside(workspace)
        click.echo(
            f"{len(mended.packs)} damaged files set aside; {mended.saved} objects of theirs kept, "
            f"{len(mended.lost)} lost.",
            err=True,
        )
        if mended.records:
            click.echo(f"{counted(len(mended.records), 'record')} of runs written anew.", err=True)
    with progress("packs"):
        found = check(workspace)
    if as_json:
        answer(found.to_dict())
    else:
        for one in found.findings[:MOST_SHOWN]:
            place = f" at {shown_path(one.path)}" if one.path else ""
            of = f" (of {', '.join(pin[:8] for pin in one.pins)})" if one.pins else ""
            click.echo(f"{one.kind}: {shown_path(one.file)}{place}: {shown_path(one.what)}{of}")
        if len(found.findings) > MOST_SHOWN:
            click.echo(f"… and {len(found.findings) - MOST_SHOWN} more; --json has all of them")
        click.echo(
            f"{counted(len(found.snapshots), 'snapshot')}, "
            f"{counted(found.store.objects, 'object')}, {short(found.store.bytes_read)}: "
            f"{'sound' if found.is_sound else 'not sound'}."
        )
    if not found.is_sound:
        sys.exit(PROBLEM_FOUND)
