"""The two record kinds of the platform's JSON log, as plain mappings (no Dagster here).

The fields are the platform's, no more and no fewer; ``schemas/simpl_log.schema.json`` states them.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from util_services.logs.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

BUSINESS_EVENT = "BUSINESS_EVENT"
ORIGIN = "dagster"
LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
MESSAGE_TYPES = ("RESPONSE", "REQUEST", "REQUEST_ACK", "RESPONSE_ACK")
HTTP_FIELDS = ("status", "requestSize", "executionTime", "responseSize", "action", "method")


def technical_record(
    record: logging.LogRecord,
    level: int,
    message: str,
    *,
    event_type: str | None,
    op_name: str | None,
) -> dict[str, Any]:
    """Return the record of something that happened in a run."""
    return {
        "timestamp": _timestamp(record),
        "level": level_name(level),
        "message": redacted(message),
        "thread": record.threadName or "",
        "http": dict.fromkeys(HTTP_FIELDS),
        "customFields": {"event_type": event_type, "op_name": op_name},
    }


def business_record(
    record: logging.LogRecord,
    message: str,
    *,
    run_id: str,
    business_operation: str | None,
    tags: Mapping[str, str],
    op_name: str | None,
    custom_fields: Mapping[str, Any],
    message_type: str | None = None,
) -> dict[str, Any]:
    """Return the record of a business operation: on whose behalf it runs, and with which settings.

    Of ``custom_fields`` the documented ones are kept; what looks like a secret is redacted. The
    message is a response unless it is said to be another of ``MESSAGE_TYPES``.
    """
    return {
        "timestamp": _timestamp(record),
        "level": "BUSINESS",
        "thread": record.threadName or "",
        "http": dict.fromkeys(HTTP_FIELDS),
        "message": {
            "origin": ORIGIN,
            "destination": ORIGIN,
            "businessOperation": business_operation,
            "messageType": message_type if message_type in MESSAGE_TYPES else MESSAGE_TYPES[0],
            "correlationId": run_id,
            "msg": redacted(message),
            "user": _text(tags.get("user")),
            "userIp": _text(tags.get("user_ip")),
            "customFields": {
                "event_type": BUSINESS_EVENT,
                "op_name": op_name,
                "dataset_type": _text(custom_fields.get("dataset_type")),
                "algorithm": _text(custom_fields.get("algorithm")),
                "job_config": redacted(custom_fields.get("job_config")),
            },
        },
    }


def level_name(level: int) -> str:
    """Return the platform's name of a Python log level; one between two names takes the lower."""
    reached = [name for name, threshold in LEVELS.items() if level >= threshold]
    return reached[-1] if reached else "DEBUG"


def _text(value: Any) -> str | None:
    return None if value is None else str(redacted(value))


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
