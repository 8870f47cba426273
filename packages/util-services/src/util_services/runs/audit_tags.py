"""What the tags of a run keep of the audit: whether it is open there, and links of its records.

They lie in Dagster's storage, outside the audit, so that a chain that is cut or written anew, or a
file that is removed, contradicts them. Whoever starts a run may set tags, so links are sealed with
the key of the audit; a re-execution inherits tags, so each names its run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from util_services.audit import AuditError
from util_services.audit.anchors import Anchor, sealed_link, unsealed_link
from util_services.audit.key import audit_keys
from util_services.audit.writer import writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from util_services.audit import Link

STATE = ".dagster/data_services_audit"
BEFORE = ".dagster/data_services_audit_before"  # where the beginning of the run is recorded
LAST = ".dagster/data_services_audit_link/"  # and a chain: the last link of the run in it
OPEN, CLOSED = "open", "closed"
PAGE = 1000  # runs that are looked at in one request


def opening_tags(run_id: str) -> dict[str, str]:
    """Return the tags of a run whose beginning is about to be recorded.

    They come first, so that a run that is killed right then is closed by another some day.
    """
    return {STATE: OPEN, BEFORE: run_id}


def opening_tags_of(run: dg.DagsterRun) -> dict[str, str]:
    """Return the opening tags of a run that a process begins to execute, or goes on with."""
    with suppress(AuditError):  # whoever records the beginning tells what is wrong
        if link_before(run) is None:
            return opening_tags(run.run_id)
    return {}


def before_tag(run_id: str, link: Link) -> dict[str, str]:
    """Return the tag that says where the beginning of a run is recorded."""
    return {BEFORE: sealed_link(run_id, link, writer().key)}


def link_tag(run_id: str, link: Link) -> dict[str, str]:
    """Return the tag that keeps the last link of a run in a chain."""
    return {LAST + link.chain: sealed_link(run_id, link, writer().key)}


def closing_tags(run_id: str, link: Link) -> dict[str, str]:
    """Return the tags of a run whose end is recorded."""
    return {STATE: CLOSED} | link_tag(run_id, link)


def is_open(run: dg.DagsterRun) -> bool:
    """Return whether the end of a run is not recorded yet, but its beginning is or was to be."""
    return run.tags.get(STATE) == OPEN and _owner(run) == run.run_id


def link_before(run: dg.DagsterRun) -> Link | None:
    """Return where the beginning of a run is recorded, None if it is not."""
    kept = unsealed_link(run.tags.get(BEFORE, ""), audit_keys())
    return kept[1] if kept is not None and kept[0] == run.run_id else None


def anchors(instance: dg.DagsterInstance, location: str | None = None) -> Iterator[Anchor]:
    """Return the links that the runs of a Dagster instance keep, or of one code location's runs."""
    cursor, keys = None, audit_keys()
    while runs := instance.get_runs(cursor=cursor, limit=PAGE):
        for run in runs:
            if location not in {None, location_of(run)}:
                continue
            for name, value in run.tags.items():
                if name == BEFORE or name.startswith(LAST):
                    # A lost key is to be found out, so a link that names one is believed.
                    kept = unsealed_link(value, keys, believes_unknown=True)
                    if kept is not None:
                        yield Anchor(kept[1], f"run {run.run_id}")
        cursor = runs[-1].run_id


def location_of(run: dg.DagsterRun) -> str | None:
    """Return the name of the code location that a run belongs to, None where none is known."""
    origin = run.remote_job_origin
    return origin.repository_origin.code_location_origin.location_name if origin else None


def _owner(run: dg.DagsterRun) -> str:
    """Return the id of the run whose beginning the tags tell of."""
    return run.tags.get(BEFORE, "").partition(" ")[0]
