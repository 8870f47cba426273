"""The records of work in the audit, chain by chain merged in the order of their times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.audit.open_work import WORK
from util_services.audit.reading import NONE_UNUSABLE
from util_services.audit.verify import Verification, read_chains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from util_services.audit.key import AuditKey
    from util_services.audit.reading import Finding

CHAIN_FIELDS = ("schema", "previous", "kind")  # what keeps the chain, and is no part of the work


def work_records(
    directory: Path,
    keys: Sequence[AuditKey],
    is_wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    unusable: Mapping[str, str] = NONE_UNUSABLE,
) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Return the authentic records of work, and the first broken link of each broken chain.

    What only anchors or other chains can tell is left to `verify`.

    Raises:
        AuditError: if the folder cannot be read, or there is no key, or it is disabled.
    """
    found = Verification(directory)
    records = []
    for line in read_chains(found, keys, unusable):
        body = line.entry.body
        if line.entry.kind == WORK and is_wanted(body):
            told = {name: value for name, value in body.items() if name not in CHAIN_FIELDS}
            records.append(told | {"file": line.file, "line": line.number})
    records.sort(key=lambda record: (record["time"], record["chain"], record["sequence"]))
    return records, found.findings
