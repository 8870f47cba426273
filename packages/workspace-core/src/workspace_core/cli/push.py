"""``dws push``."""

from __future__ import annotations

import click

from util_services.errors import printable
from workspace_core.cli.context import (
    Flags,
    answer,
    complete_resource,
    json_option,
    names_of,
    pass_flags,
    workspace_dir_option,
)


@click.command()
@click.option(
    "--only", metavar="R,…", shell_complete=complete_resource, help="The content of these only."
)
@click.option("--skip", metavar="R,…", shell_complete=complete_resource, help="All but these.")
@click.option("--only-workspace", is_flag=True, help="Records alone, and no content.")
@click.option(
    "--verify", is_flag=True, help="Read all that the remote has; send again what is damaged."
)
@workspace_dir_option
@json_option
@pass_flags
def push(
    flags: Flags,
    only: str | None,
    skip: str | None,
    workspace_dir: str | None,
    *,
    only_workspace: bool,
    verify: bool,
    as_json: bool,
) -> None:
    """Publish snapshots, with the content that the remote lacks.

    Example: dws push --skip results
    """
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.push import push as publish

    workspace = flags.workspace(workspace_dir)
    with progress("objects"):
        done = publish(
            workspace,
            only=names_of(only),
            skip=names_of(skip) or (),
            only_workspace=only_workspace,
            verify=verify,
        )
    if as_json:
        answer(done.to_dict())
        return
    sent = done.sent
    if done.elsewhere:
        click.echo(f"Sent to remotes of their own: {', '.join(map(printable, done.elsewhere))}.")
    if done.origin is None:
        return
    click.echo(f"Pushed to {done.origin}: {sent.objects} objects, {short(sent.bytes_sent)}.")
