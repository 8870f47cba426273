"""What a receiver is told about a run: names, times and classes; never a message or a value."""

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
    """The end of one run. Start and end are seconds since the epoch, as Dagster stores them."""

    run_id: str
    job: str
    status: str
    start: float | None = None
    end: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    failed_step: str | None = None
    error_class: str | None = None

    @property
    def idempotency_key(self) -> str:
        """The same for every repeat of this notification, so that a receiver can drop repeats."""
        return f"{self.run_id}:{self.status}"

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
            "failed_step": self.failed_step,
            "error_class": self.error_class,
        }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC).isoformat()
