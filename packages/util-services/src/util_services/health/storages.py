"""Are the places that jobs read from and write to within reach?"""

from __future__ import annotations

import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.errors import StorageError
from util_services.flow.plan import TEST_RUNS
from util_services.flow.staging_area import StagingArea
from util_services.health.checks import NotApplicableError, UnhealthyError
from util_services.storage import LocalStorage, S3Settings, S3Storage
from util_services.storage.locks import remove_if_empty
from util_services.storage.patterns import Pattern
from util_services.storage.s3_settings import is_configured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.health.checks import HealthContext
    from util_services.storage.protocol import Storage

PROBE = b"This file was made by a health check and may be removed.\n"


def local_storage(context: HealthContext) -> str:
    """Write a file below the local root, read it back and remove it."""
    storage = local_storage_of(context)
    _probe(storage, context.run_id)
    return f"A file below '{storage.root}' was written, read back and removed."


def s3_storage(context: HealthContext) -> str:
    """Write an object to the S3 store, read it back and remove it."""
    storage = s3_storage_of(context)
    _probe(storage, context.run_id)
    return f"An object in the bucket '{storage.settings.bucket}' was written, read and removed."


def staging(context: HealthContext) -> str:
    """Write a file where runs stage, read it back and remove it."""
    bases = []
    for storage in storages_of(context):
        area = StagingArea.of(storage)
        area.check()
        run_id = str(uuid.uuid4())
        try:
            with area.first_step(run_id) as made:
                file = made.file("probe")
                file.write_text(PROBE.decode(), encoding="utf-8")
                with file.open("rb") as content:
                    _compare(content.read(), f"staging at '{area.base}'")
        finally:
            area.remove(run_id)
        kind = "encrypted" if area.keys is not None else "plain"
        bases.append(f"'{area.base}' ({kind})")
    return f"Files were staged, read back and removed at {' and '.join(dict.fromkeys(bases))}."


def storages_of(context: HealthContext) -> list[Storage]:
    """Return the storages that jobs use here, at least one."""
    found: list[Storage] = []
    for storage_of in (local_storage_of, s3_storage_of):
        try:
            found.append(storage_of(context))
        except NotApplicableError:
            continue
    return found


def local_storage_of(context: HealthContext) -> LocalStorage:
    """Return the local storage.

    Raises:
        NotApplicableError: if a root is not set and an S3 store is: jobs work there.
    """
    if settings.text("ROOT") is None and is_configured(context.s3_resource_name):
        raise NotApplicableError("DATA_SERVICES_ROOT is not set, and an S3 store is.")
    return LocalStorage.from_environment()


def s3_storage_of(context: HealthContext) -> S3Storage:
    """Return the S3 storage.

    Raises:
        NotApplicableError: if the environment describes none.
    """
    if not is_configured(context.s3_resource_name):
        raise NotApplicableError("No S3 store is configured.")
    return S3Storage(S3Settings.from_environment(context.s3_resource_name))


@contextmanager
def removed_test_run(storage: Storage, run_id: str) -> Iterator[None]:
    """Remove at the end of the block what a test run has published, however the block ends."""
    try:
        yield
    except BaseException:
        with suppress(StorageError):  # what went wrong before says more
            _remove_test_run(storage, run_id)
        raise
    _remove_test_run(storage, run_id)


def _remove_test_run(storage: Storage, run_id: str) -> None:
    folder = f"{TEST_RUNS}/{run_id}/"
    for location in storage.find(Pattern.of(folder)):
        storage.remove(location)
    if isinstance(storage, LocalStorage):
        remove_if_empty(Path(storage.resolve(folder).path))


def _probe(storage: Storage, run_id: str) -> None:
    with tempfile.TemporaryDirectory(prefix="data-services-health-") as folder:
        file = Path(folder) / "probe.txt"
        file.write_bytes(PROBE)
        location = storage.resolve(f"{TEST_RUNS}/{run_id}/health-check.txt")
        with removed_test_run(storage, run_id):
            storage.publish(file, location, overwrite=False)
            with storage.open(location) as content:
                _compare(content.read(), f"'{location}'")


def _compare(content: bytes, place: str) -> None:
    if content != PROBE:
        raise UnhealthyError(f"What was written to {place} came back changed; ask its operator.")
