"""What all commands share: global options, how they find the workspace, and how they answer."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from util_services.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.trees.diff import Change
    from workspace_core.workspace import SnapshotMetadata

SIGNS = {"added": "+", "removed": "-", "modified": "M", "mode": "m"}


@dataclass(slots=True)
class Flags:
    """The options that stand before the command, and the workspace that follows it."""

    batch: bool = False
    verbose: bool = False
    lock_timeout: float | None = None
    workspace_dir: str | None = None

    def workspace(self, folder: str | None = None, *, refresh: bool = True) -> FiledWorkspace:
        """Return the workspace, with what others have recorded unless told otherwise.

        Raises:
            ConfigurationError: if there is none.
        """
        from workspace_core.backends.files import FiledWorkspace
        from workspace_core.errors import NotSupportedError
        from workspace_core.workspace import find_and_load_workspace

        found = find_and_load_workspace(
            folder or self.workspace_dir,
            batch=self.batch,
            verbose=self.verbose,
            refresh=refresh,
        )
        if not isinstance(found, FiledWorkspace):
            raise NotSupportedError("This command needs a workspace that has its records in files.")
        if self.lock_timeout is not None:
            found.wait_for_locks(self.lock_timeout)
        return found

    @property
    def may_ask(self) -> bool:
        """Whether somebody is there to be asked."""
        return not self.batch and sys.stdin.isatty() and sys.stderr.isatty()


def complete_tag(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the tags that begin so, for shells."""
    return [
        tag for tag in _asked(context, lambda one: one.catalogue.tagged()) if tag.startswith(begun)
    ]


def complete_resource(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the resources that begin so, for shells; in a list, its last name."""
    before, comma, last = begun.rpartition(",")
    names = _asked(context, lambda one: one.get_resource_names())
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]


workspace_dir_option = click.option(
    "--workspace-dir",
    metavar="DIR",
    help="The folder of the workspace; by default the nearest one from here upwards.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
pass_flags = click.make_pass_decorator(Flags, ensure=True)
snapshot_argument = click.argument("snapshot", metavar="TAG|HASH", shell_complete=complete_tag)


def answer(record: object) -> None:
    """Print a record as JSON."""
    click.echo(json.dumps(record, indent=2, sort_keys=True))


def answer_by_line(record: Mapping[str, object], **ready: Sequence[str]) -> None:
    """Print a record that may be large as JSON: each item of its lists on a line of its own.

    Args:
        record: its fields.
        ready: further fields, which are lists of items that are JSON already.
    """
    fields = []
    for name in sorted({*record, *ready}):
        value = record.get(name)
        items = ready.get(name)
        if items is None and isinstance(value, list):
            items = [json.dumps(one, sort_keys=True) for one in value]
        if items is not None:
            lines = ",\n".join(f"    {one}" for one in items)
            fields.append(f'  "{name}": [\n{lines}\n  ]' if items else f'  "{name}": []')
        else:
            fields.append(f'  "{name}": {json.dumps(value, sort_keys=True)}')
    click.echo("{\n" + ",\n".join(fields) + "\n}")


def counted(number: int, noun: str) -> str:
    """Return how many there are of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_of(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated list, None where there is no list."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def change_lines(changes: Sequence[Change], indent: str = "  ") -> list[str]:
    """Return a line for each change: a sign, and the path."""
    return [f"{indent}{SIGNS[one.kind]} {shown_path(one.path)}" for one in changes]


def shown_path(path: bytes | str) -> str:
    """Return a path for the terminal: with escapes for whatever would steer it."""
    return printable(os.fsdecode(path))


def label(snapshot: SnapshotMetadata) -> str:
    """Return what a snapshot is called in tables: number, short hash and tags."""
    tags = f" ({', '.join(snapshot.tags)})" if snapshot.tags else ""
    return f"{snapshot.snapshot_number:03d} {snapshot.hashval[:8]}{tags}"


def _asked(context: click.Context, question: Any) -> list[str]:
    from workspace_core.errors import DataWorkspacesError

    folder = context.params.get("workspace_dir")
    try:
        return sorted(question(Flags(batch=True).workspace(folder)))
    except (DataWorkspacesError, OSError):
        return []
