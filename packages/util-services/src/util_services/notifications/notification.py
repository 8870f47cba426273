"""What a receiver is told about a run: names, times, counts and classes; no text and no value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from util_services.logs.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
HIDDEN_TAG_PREFIX = ".dagster/"


@dataclass(frozen=True, slots=True)
class Notification:
    """The end of one run. Start and end are seconds since the epoch, as Dagster stores them.

    Args:
        run_id: the run; it is the correlation id in all records of the platform.
        job: the name of its job.
        status: how it ended: ``SUCCESS``, ``FAILURE`` or ``CANCELED``.
        start: when it started, None if it never did.
        end: when it ended.
        tags: its tags.
        code: ``distribution``, ``version`` and ``commit`` of what brought the job, as far as known.
        failed_step: the first step that failed.
        error_class: the class of the error there.
        rows: how many rows came ``in``, went ``out``, were ``dropped`` and ``quarantined``, as far
            as the run came.
        report: the address of its report.
    """

    run_id: str
    job: str
    status: str
    start: float | None = None
    end: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    failed_step: str | None = None
    error_class: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    report: str | None = None

    @property
    def idempotency_key(self) -> str:
        """The same for every repeat of this notification, so that a receiver can drop repeats."""
        return idempotency_key(self.run_id, self.status)

    def to_dict(self) -> dict[str, Any]:
        """Return the payload: JSON types only, without hidden tags and without secrets."""
        shown = {
            name: value
            for name, value in sorted(self.tags.items())
            if not name.startswith(HIDDEN_TAG_PREFIX)
        }
        return {
            "schema": SCHEMA,
            "idempotency_key": self.idempotency_key,
            "run_id": self.run_id,
            "job": self.job,
            "status": self.status,
            "start": _iso(self.start),
            "end": _iso(self.end),
            "tags": redacted(shown),
            "code": dict(self.code),
            "failed_step": self.failed_step,
            "error_class": self.error_class,
            "rows": dict(self.rows),
            "report": redacted(self.report),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Notification:
        """Return the notification that ``to_dict`` described."""
        return cls(
            run_id=payload["run_id"],
            job=payload["job"],
            status=payload["status"],
            start=_seconds(payload["start"]),
            end=_seconds(payload["end"]),
            tags=payload["tags"],
            code=payload["code"],
            failed_step=payload["failed_step"],
            error_class=payload["error_class"],
            rows=payload["rows"],
            report=payload["report"],
        )


def idempotency_key(run_id: str, status: str) -> str:
    """Return the key of the notification that a run ended with a status."""
    return f"{run_id}:{status}"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC).isoformat()


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()
