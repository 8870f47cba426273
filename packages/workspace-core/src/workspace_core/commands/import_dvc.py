"""Make a resource of what a ``.dvc`` file stands for, every byte of it verified by its MD5."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.commands.add import add_local_files
from workspace_core.errors import ConfigurationError, StoreWriteError, shown
from workspace_core.foreign.dvc import read_dvc_file
from workspace_core.store.durable import cause_of, sync_folder

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.foreign.dvc import DvcOutput
    from workspace_core.workspace import Resource

PLAIN, EXECUTABLE = 0o644, 0o755


def import_dvc(
    workspace: FiledWorkspace,
    file: str,
    role: str,
    *,
    folder: str | None = None,
    name: str | None = None,
) -> Resource:
    """Bring the content of a ``.dvc`` file to a folder, and add that as local files.

    Args:
        workspace: the workspace.
        file: the ``.dvc`` file.
        role: a role or its first letter.
        folder: where it is to be; by default called like the output, in the workspace's folder.
        name: what the resource is to be called; by default like the folder.

    Raises:
        ForeignFormatError: if the file is none of DVC, or a content does not fit its MD5; then
            nothing has changed.
        ConfigurationError: if there is something at the folder, or it cannot be added.
        StoreWriteError: if it cannot be written.
    """
    with workspace.locked():
        output = read_dvc_file(Path(os.path.abspath(os.path.expanduser(file))))
        called = output.name if output.is_folder else Path(output.name).stem
        target = Path(os.path.abspath(folder or workspace.folder / called))
        if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
            raise ConfigurationError(
                f"There is something at {shown(target)}; choose another folder."
            )
        made = target.with_name(f".{target.name}.importing")
        try:
            shutil.rmtree(made, ignore_errors=True)  # of an import that was killed
            made.mkdir(parents=True)
            _write(output, made)
            if target.is_dir():
                target.rmdir()
            made.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise StoreWriteError(str(error.filename or made), cause_of(error)) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
        try:
            return add_local_files(workspace, role, str(target), name=name)
        except ConfigurationError:
            shutil.rmtree(target, ignore_errors=True)
            raise


def _write(output: DvcOutput, folder: Path) -> None:
    for one in output.files:
        place = folder / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as target:
            output.copy(one, target.write)
            target.flush()
            os.fsync(target.fileno())
        place.chmod(EXECUTABLE if one.is_executable else PLAIN)
