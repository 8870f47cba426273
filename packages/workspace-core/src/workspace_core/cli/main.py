"""The program ``dws``. Exit status: 0 done, 1 any error, 2 wrong usage."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from workspace_core.backends.git import GitWorkspace

ROLES = {
    "s": "source-data",
    "i": "intermediate-data",
    "c": "code",
    "r": "results",
}
directory_option = click.option(
    "--workspace-dir", help="The workspace; by default the nearest one above."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="dws", no_args_is_help=True)
@click.version_option(package_name="workspace-core", prog_name="dws")
@click.option("-b", "--batch", is_flag=True, help="Ask nothing.")
@click.option("--verbose", is_flag=True, help="Show tracebacks.")
@click.pass_context
def dws(context: click.Context, *, batch: bool, verbose: bool) -> None:
    """Take snapshots of data, code and results, and bring them back."""
    context.obj = {"batch": batch, "verbose": verbose}


@dws.command()
@click.argument("name", required=False)
@click.option("--hostname", default=socket.gethostname, help="What this machine is called.")
@click.option("--store", help="A store to share with other workspaces.")
@click.pass_obj
def init(flags: dict[str, bool], name: str | None, hostname: str, store: str | None) -> None:
    """Make this folder a workspace."""
    from workspace_core.workspace import init_workspace

    name = name or os.path.basename(os.getcwd())
    init_workspace("git", name, hostname, os.getcwd(), store=store, **flags)
    click.echo(f"Workspace {name} is ready.")


@dws.group()
@directory_option
@click.pass_obj
def add(flags: dict[str, Any], workspace_dir: str | None) -> None:
    """Add a resource."""
    flags["workspace_dir"] = workspace_dir


@add.command("local-files")
@click.argument("path")
@click.option("--role", required=True, help="source-data, intermediate-data, code or results.")
@click.option("--name", help="By default the name of the folder.")
@click.pass_obj
def add_local_files(flags: dict[str, Any], path: str, role: str, name: str | None) -> None:
    """Add a folder that nobody else controls."""
    workspace = _workspace(flags, flags["workspace_dir"])
    role = ROLES.get(role, role)
    name = name or workspace.suggest_resource_name("file", role, path)
    with workspace.locked():
        workspace.add_resource(name, "file", role, path)
        workspace.save(f"Add resource {name}")
    click.echo(f"Resource {name} added.")


@dws.command()
@click.argument("tag", required=False)
@click.option("--message", "-m", default="", help="What is to be remembered of it.")
@directory_option
@json_option
@click.pass_obj
def snapshot(
    flags: dict[str, bool],
    tag: str | None,
    message: str,
    workspace_dir: str | None,
    *,
    as_json: bool,
) -> None:
    """Take a snapshot of all resources."""
    taken = _workspace(flags, workspace_dir).snapshot(tag, message)
    if as_json:
        _print({**taken.to_json(), "tags": list(taken.tags)})
    else:
        click.echo(f"Snapshot {taken.snapshot_number:03d} {taken.hashval[:8]} taken.")


@dws.command()
@click.argument("tag_or_hash")
@click.option("--force", is_flag=True, help="Also where changes would be lost.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@directory_option
@json_option
@click.pass_obj
def restore(
    flags: dict[str, bool],
    tag_or_hash: str,
    workspace_dir: str | None,
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring resources back as they were."""
    workspace = _workspace(flags, workspace_dir)
    found = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    names = [n for n in found.restore_hashes if workspace.get_resource_role(n) != "results"]
    act = workspace.plan_restore if dry_run else workspace.restore
    done = {one.folder.name: one.plan.to_dict() for one in act(found, names, force=force)}
    if as_json:
        _print(done)
    else:
        click.echo(
            f"{sum(len(one['changes']) for one in done.values())} entries "
            f"{'would change' if dry_run else 'changed'}."
        )


@dws.command()
@directory_option
@json_option
@click.pass_obj
def status(flags: dict[str, bool], workspace_dir: str | None, *, as_json: bool) -> None:
    """Say what has changed since the last snapshot."""
    from workspace_core.commands.status import status as status_of

    found = status_of(_workspace(flags, workspace_dir))
    if as_json:
        _print([one.to_dict() for one in found])
        return
    for one in found:
        click.echo(f"{one.name} ({one.role}): {len(one.changes)} changes")
        for change in one.changes:
            click.echo(f"  {change.kind} {os.fsdecode(change.path)}")


def main() -> None:
    """Run the program and exit with its status."""
    try:
        dws(standalone_mode=True)
    except DataServicesError as error:
        if "--verbose" in sys.argv:
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


def _workspace(flags: dict[str, Any], folder: str | None) -> GitWorkspace:
    from workspace_core.backends.git import GitWorkspace
    from workspace_core.workspace import find_and_load_workspace

    found = find_and_load_workspace(folder, batch=flags["batch"], verbose=flags["verbose"])
    assert isinstance(found, GitWorkspace)  # noqa: S101
    return found


def _print(record: object) -> None:
    click.echo(json.dumps(record, indent=2, sort_keys=True))
