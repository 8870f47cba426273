"""The ops of workspaces: each opens a workspace, has a command do its work, and reports it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from util_services.flow.plan import TEST_RUNS
from util_services.runs.auditing import audited_step
from util_services.runs.check import CHECKED_OPS, CheckedOp
from util_services.runs.failure import one_sentence
from util_services.storage.local import LocalStorage
from workspace_core.config import (
    SAMPLE,
    SAMPLE_TAG,
    RestoreWorkspaceConfig,
    SnapshotWorkspaceConfig,
    VerifyWorkspaceConfig,
)

MOST_SHOWN = 100  # changes and findings in the metadata of an op; their number is told as well
SNAPSHOT_TAG = "data_services/snapshot"
AFTER = {"after": dg.In(dg.Nothing)}  # so that a pipeline may end with it, behind write_dataset


@contextmanager
def opened(context: dg.OpExecutionContext, folder: str) -> Iterator[Any]:
    """Open a workspace of the local storage, inside of a run that is in the audit.

    All that it consists of must lie in the storage, and not only its folder.
    """
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.commands.sample import make_sample
    from workspace_core.errors import NotSupportedError
    from workspace_core.workspace import find_and_load_workspace

    with one_sentence(), audited_step(context), told_by(context):
        storage = LocalStorage.from_environment()
        if folder == SAMPLE:
            place = storage.resolve(f"{TEST_RUNS}/{context.run_id}/workspace").path
            yield make_sample(Path(place), SAMPLE_TAG)
            return
        place = storage.resolve(folder).path
        found = find_and_load_workspace(place, batch=True, refresh=False)
        if not isinstance(found, FiledWorkspace):
            raise NotSupportedError("The job needs a workspace that has its records in files.")
        for place in touched(found):
            storage.resolve(place)
        found.refresh()
        for place in touched(found):  # which others may have changed
            storage.resolve(place)
        yield found


@contextmanager
def told_by(context: dg.OpExecutionContext) -> Iterator[None]:
    """Let the log of the run have what commands warn of, such as a history that git has not got."""

    class Teller(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            context.log.warning(record.getMessage())

    reports, teller = logging.getLogger(__package__), Teller(logging.WARNING)
    reports.addHandler(teller)
    try:
        yield
    finally:
        reports.removeHandler(teller)


def touched(workspace: Any) -> Iterator[str]:
    """Yield the folders that a job reads or changes: of resources, the store and the place."""
    from workspace_core.backends.central import CentralWorkspace
    from workspace_core.workspace import LocalStateResourceMixin

    yield str(workspace.store().folder)
    if isinstance(workspace, CentralWorkspace) and os.path.isabs(workspace.address.text):
        yield workspace.address.text
    for resource in workspace.get_resources():
        if isinstance(resource, LocalStateResourceMixin):
            path = resource.get_local_path_if_any()
            if path is not None:
                yield path


@dg.op(ins=AFTER, out=dg.Out(dg.Nothing))
def snapshot_workspace(context: dg.OpExecutionContext, config: SnapshotWorkspaceConfig) -> None:
    """Take a snapshot of all resources of a workspace; its record names the run, and the run it."""
    with opened(context, config.workspace) as workspace:
        run = {"run_id": context.run_id, "job": context.job_name}
        taken = workspace.snapshot(
            config.tag, config.message, facts={"run": run}, skips_special=config.skip_special
        )
        context.instance.add_run_tags(context.run_id, {SNAPSHOT_TAG: taken.hashval})
        context.log.info(f"Snapshot {taken.snapshot_number:03d} {taken.hashval[:8]} is taken.")
        context.add_output_metadata(
            {
                "snapshot": taken.hashval,
                "snapshot_number": taken.snapshot_number,
                "content_id": taken.content_id,
                "tags": list(taken.tags),
                "results": taken.relative_destination_path,
                "resources": dict(taken.compare_hashes),
            }
        )


@dg.op(ins=AFTER, out=dg.Out(dg.Nothing))
def restore_workspace(context: dg.OpExecutionContext, config: RestoreWorkspaceConfig) -> None:
    """Bring resources of a workspace back as a snapshot keeps them, all of them or none."""
    from workspace_core.commands.restore import restore

    with opened(context, config.workspace) as workspace:
        outcome = restore(
            workspace,
            config.snapshot,
            only=config.only or None,
            leave=config.leave,
            path=config.path and os.path.join(workspace.folder, config.path),
            strict=config.strict,
            force=config.force,
            dry_run=config.dry_run,
        )
        verb = "would change" if config.dry_run else "changed"
        context.log.info(f"{outcome.changed} of {len(outcome.plans)} resources {verb}.")
        context.add_output_metadata(
            {
                "snapshot": outcome.snapshot.hashval,
                "dry_run": config.dry_run,
                "changes": {name: len(plan.changes) for name, plan in outcome.plans.items()},
                "kept": {name: len(plan.kept) for name, plan in outcome.plans.items()},
                "conflicts": outcome.conflicts,
                "erased": outcome.erased,
                "left": outcome.left,
                "rescue": outcome.rescue.hashval if outcome.rescue else "",
            }
        )


@dg.op(ins=AFTER, out=dg.Out(dg.Nothing))
def verify_workspace(context: dg.OpExecutionContext, config: VerifyWorkspaceConfig) -> None:
    """Read all that the store of a workspace holds, check it, and fail if something is damaged."""
    from workspace_core.commands.verify import verify
    from workspace_core.errors import UnsoundWorkspaceError

    with opened(context, config.workspace) as workspace:
        found = verify(workspace)
        context.add_output_metadata(
            {
                "is_sound": found.is_sound,
                "snapshots": len(found.snapshots),
                "objects": found.store.objects,
                "bytes": found.store.bytes_read,
                "findings": [one.to_dict() for one in found.findings[:MOST_SHOWN]],
            }
        )
        if not found.is_sound:
            for one in found.findings[:MOST_SHOWN]:
                context.log.error(f"{one.kind}: {one.file}: {one.what}")
            files = [one.file for one in found.findings if one.kind != "erased"]
            raise UnsoundWorkspaceError(str(workspace.folder), files)
        context.log.info(f"{len(found.snapshots)} snapshots are sound.")


def _is_there(config: SnapshotWorkspaceConfig, inputs: Any) -> None:
    """Refuse, before a pipeline reads anything, a workspace that is not there."""
    del inputs
    from workspace_core.workspace import find_and_load_workspace

    if config.workspace != SAMPLE:
        place = LocalStorage.from_environment().resolve(config.workspace)
        find_and_load_workspace(place.path, batch=True, refresh=False)


CHECKED_OPS[snapshot_workspace.name] = CheckedOp(SnapshotWorkspaceConfig, ready=_is_there)
CHECKED_OPS[restore_workspace.name] = CheckedOp(RestoreWorkspaceConfig)
CHECKED_OPS[verify_workspace.name] = CheckedOp(VerifyWorkspaceConfig)
OPS = (snapshot_workspace, restore_workspace, verify_workspace)
