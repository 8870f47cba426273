"""The Dagster logger of the platform: one JSON Lines file a run, for people and for collectors.

A log line never fails a job, and never holds the text of an error that was not written for it.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from util_services import settings
from util_services.errors import DataServicesError
from util_services.logs.error_classes import error_classes, serialised_error_classes
from util_services.logs.json_lines import append_record
from util_services.logs.records import BUSINESS_EVENT, LEVELS, business_record, technical_record

PLATFORM_LOG_DIR = Path("/dagster/shared")
OPERATION_TAG = "business_operation"
FILE_NAME_CHARACTERS = frozenset("-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

_reports = logging.getLogger(__name__)
_reported_runs: set[str] = set()  # Dagster makes a run's logger more than once in a process


class SimplLogHandler(logging.Handler):
    """Writes the records of runs below a folder; records from outside a run are passed over.

    Business records are written whatever the level. The operation a business record names holds
    for the later ones of the run.
    """

    def __init__(
        self,
        log_dir: str | Path,
        log_level: str = "INFO",
        business_operation: str | None = None,
        job_tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.log_dir = Path(log_dir)
        self.threshold = LEVELS[log_level]
        self.business_operation = business_operation
        self.job_tags = job_tags or {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; what goes wrong is reported once a run and never raised."""
        meta = getattr(record, "dagster_meta", None)
        if meta is None or meta["run_id"] is None:
            return
        try:
            self._write(record, meta)
        except Exception as error:  # noqa: BLE001 - whatever fails here, the job goes on
            _report_once(meta["run_id"], self.log_dir, error)

    def _write(self, record: logging.LogRecord, meta: Mapping[str, Any]) -> None:
        if _is_business(record):
            line = self._business(record, meta)
        elif _level(record, meta) >= self.threshold:
            line = _technical(record, meta)
        else:
            return
        self.log_dir.mkdir(parents=True, exist_ok=True)
        append_record(self.log_dir / log_file_name(meta["run_id"]), line)

    def _business(self, record: logging.LogRecord, meta: Mapping[str, Any]) -> dict[str, Any]:
        tags = {**self.job_tags, **meta["job_tags"]}
        said_here = getattr(record, "business_operation", None)
        self.business_operation = tags.get(OPERATION_TAG) or said_here or self.business_operation
        return business_record(
            record,
            _safe_message(record, meta),
            run_id=meta["run_id"],
            business_operation=self.business_operation,
            tags=tags,
            op_name=_op_name(record, meta),
            custom_fields=getattr(record, "custom_fields", None) or {},
            message_type=getattr(record, "message_type", None),
        )


@dg.logger(
    config_schema={
        "log_dir": dg.Field(
            str,
            is_required=False,
            description="Folder of the log files. Default: DATA_SERVICES_LOG_DIR, else "
            "/dagster/shared where it is writable, else simpl_logs in DAGSTER_HOME.",
        ),
        "log_level": dg.Field(
            dg.Enum("SimplLogLevel", [dg.EnumValue(name) for name in LEVELS]),
            is_required=False,
            default_value="INFO",
            description="The lowest level of technical records; business records are always kept.",
        ),
        "business_operation": dg.Field(
            str,
            is_required=False,
            description="Operation named in business records where neither the tag "
            "'business_operation' of the run or job nor the record names one.",
        ),
    },
    description="Writes each run's events as JSON Lines to <log_dir>/simpl_run_<run_id>.json.",
)
def simpl_json_logger(init_context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that writes the platform's technical and business records."""
    config = init_context.logger_config
    log_dir = config.get("log_dir") or default_log_dir()
    job = init_context.job_def
    logger = logging.Logger("simpl", level=logging.DEBUG)  # the handler applies the level
    logger.addHandler(
        logging.NullHandler()
        if log_dir is None
        else SimplLogHandler(
            log_dir=log_dir,
            log_level=config["log_level"],
            business_operation=config.get("business_operation"),
            job_tags=job.tags if job else None,
        )
    )
    return logger


def default_log_dir() -> Path | None:
    """Return the folder for logs where none is configured, None where there is none to write to."""
    if named := settings.text("LOG_DIR"):
        return Path(named)
    if PLATFORM_LOG_DIR.is_dir() and os.access(PLATFORM_LOG_DIR, os.W_OK):
        return PLATFORM_LOG_DIR
    home = os.environ.get("DAGSTER_HOME")
    return Path(home) / "simpl_logs" if home else None


def log_file_name(run_id: str) -> str:
    """Return the name of a run's log file; a run id can be chosen by whoever launches the run."""
    safe = "".join(character if character in FILE_NAME_CHARACTERS else "_" for character in run_id)
    return f"simpl_run_{safe}.json"


def _report_once(run_id: str, log_dir: Path, error: Exception) -> None:
    if run_id in _reported_runs:
        return
    _reported_runs.add(run_id)
    reason = error.strerror if isinstance(error, OSError) else type(error).__name__
    _reports.warning(
        "The JSON log of run %s cannot be written to '%s' (%s). The run goes on without it; make "
        "the folder writable or set 'log_dir' or DATA_SERVICES_LOG_DIR to another one.",
        run_id,
        log_dir,
        reason,
    )


def _is_business(record: logging.LogRecord) -> bool:
    return (
        hasattr(record, "business_operation")
        or getattr(record, "event_type", None) == BUSINESS_EVENT
    )


def _technical(record: logging.LogRecord, meta: Mapping[str, Any]) -> dict[str, Any]:
    event = meta["dagster_event"]
    return technical_record(
        record,
        _level(record, meta),
        _safe_message(record, meta),
        event_type=event.event_type.name if event else getattr(record, "event_type", None),
        op_name=_op_name(record, meta),
    )


def _level(record: logging.LogRecord, meta: Mapping[str, Any]) -> int:
    """Return the level; Dagster logs its events as DEBUG, even that a run started or ended."""
    return record.levelno if meta["dagster_event"] is None else max(record.levelno, logging.INFO)


def _op_name(record: logging.LogRecord, meta: Mapping[str, Any]) -> str | None:
    op_name: str | None = getattr(record, "op_name", None) or meta["op_name"]
    return op_name


def _safe_message(record: logging.LogRecord, meta: Mapping[str, Any]) -> str:
    """Return the message as written by its author, without the text of a foreign error."""
    message: str = meta["orig_message"]
    if (event := meta["dagster_event"]) is not None:
        return _event_message(message, event)
    error = record.exc_info[1] if record.exc_info else None
    if error is None or isinstance(error, (DataServicesError, dg.Failure)):
        return message
    # The author may have put the error's text into the message, so that goes too.
    return f"An error was logged: {_named(error_classes(error))}. Its text is left out."


def _event_message(message: str, event: dg.DagsterEvent) -> str:
    details = event.event_specific_data
    failure = getattr(details, "user_failure_data", None)
    if failure is not None and failure.description:
        return f"{message} {failure.description}"  # the sentence of a dagster.Failure
    error = getattr(details, "error", None)
    if error is not None:
        return f"{message} Error: {_named(serialised_error_classes(error))}."
    return message


def _named(names: tuple[str, ...]) -> str:
    return ", caused by ".join(names)
