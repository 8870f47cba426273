"""What runs of this deployment made of data, as the audit tells by their inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.audit import AuditError
from util_services.audit.key import audit_keys, unusable_keys
from util_services.audit.listing import work_records
from util_services.audit.place import audit_directory
from util_services.releases.erasure import Derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KIND = "dataset"


def published_by_runs(sha256: str) -> Iterator[Derived]:
    """Yield what runs published that read the data, or what such a run had published.

    Args:
        sha256: the digest of the data, as reports state it of their input.

    Raises:
        AuditError: if the audit is broken or cannot be read, so that something could be missing.
    """
    if not audit_directory().is_dir():
        return
    records, findings = work_records(
        audit_directory(),
        audit_keys(),
        lambda record: bool(record.get("inputs") and record.get("outputs")),
        unusable_keys(),
    )
    if findings:
        raise AuditError(
            f"What was derived cannot be told, for the audit is broken at {findings[0]} Bring back "
            "what was changed or removed, from a copy."
        )
    runs = [
        (
            {known for one in record["inputs"] for known in _known_by(one)},
            [(one["path"], one["sha256"]) for one in record["outputs"] if one.get("sha256")],
        )
        for record in records
    ]
    reached, found = {sha256}, set[tuple[str, str]]()
    while new := _made_of(reached, runs) - found:
        found |= new
        reached |= {known for path, digest in new for known in (digest, *_folder(path))}
    for path, digest in sorted(found):
        yield Derived(KIND, path, digest)


def _known_by(data: Mapping[str, str]) -> Iterator[str]:
    """Yield by what data that were read are known: their digest, and their folder if they have one.

    Part files are published under the digest of their manifest and read under that of their names
    and digests, so that the folder tells what they are; whatever was in it before counts, too.
    """
    if data.get("sha256"):
        yield data["sha256"]
    yield from _folder(data["path"])


def _folder(path: str) -> tuple[str, ...]:
    return (path,) if path.endswith("/") else ()


def _made_of(
    data: set[str], runs: list[tuple[set[str], list[tuple[str, str]]]]
) -> set[tuple[str, str]]:
    """Return path and digest of what runs published that read some of the data."""
    return {output for inputs, outputs in runs if inputs & data for output in outputs}
