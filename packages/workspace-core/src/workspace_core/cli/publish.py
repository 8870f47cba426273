"""``dws publish``."""

from __future__ import annotations

import click

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
@click.argument("origin", metavar="GIT_ADDRESS")
@click.option(
    "--data", metavar="PLACE", help="For content: s3://BUCKET/PREFIX, rclone:REMOTE:PATH, a folder."
)
@click.option("--resource", metavar="NAME", help="The credential set for S3, such as selfS3.")
@click.option("--skip", metavar="R,…", shell_complete=complete_resource, help="Nothing of these.")
@workspace_dir_option
@json_option
@pass_flags
def publish(
    flags: Flags,
    origin: str,
    data: str | None,
    resource: str | None,
    skip: str | None,
    workspace_dir: str | None,
    *,
    as_json: bool,
) -> None:
    """Say where the workspace is exchanged with others, and push it there.

    Records go to a git repository, which is made if it is a folder that does not exist. Content
    goes to the place for data.

    Example: dws publish ../study.git --data ../study.data
    """
    from workspace_core.cli.progress import progress, short
    from workspace_core.commands.publish import publish as make_known

    workspace = flags.workspace(workspace_dir)
    with progress("objects"):
        done = make_known(
            workspace, origin, data=data, resource=resource, skip=names_of(skip) or ()
        )
    if as_json:
        answer(done.to_dict())
        return
    sent = done.sent
    click.echo(f"Published at {done.origin}: {sent.objects} objects, {short(sent.bytes_sent)}.")
