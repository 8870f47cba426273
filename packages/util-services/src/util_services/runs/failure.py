"""The single place where errors become Dagster failures: one sentence, no retry, no value.

Whatever an unknown error has to say may quote a cell, so only its class and place are told.
"""

from __future__ import annotations

import sysconfig
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from util_services.errors import DataServicesError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


INSTALLED_FOLDERS = frozenset({"site-packages", "dist-packages"})
STANDARD_LIBRARY = sysconfig.get_path("stdlib")
REPORT_KEY = "report"  # in the metadata of a failure


class ReportedError(DatasetError):
    """Raised in a step that fails for what it found, once the report of that is published.

    Args:
        sentence: why it fails.
        reports: the addresses of page and record.
    """

    def __init__(self, sentence: str, reports: Mapping[str, str]) -> None:
        super().__init__(sentence, dict(reports))
        self.sentence, self.reports = sentence, dict(reports)

    def __str__(self) -> str:
        """Return the sentence, and where the report is."""
        return f"{self.sentence} The report is at '{self.reports[REPORT_KEY]}'."


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn every error of the block into a `dagster.Failure` that is not retried."""
    try:
        yield
    except dg.Failure:
        raise
    except DataServicesError as error:
        raise _failure(str(error), error) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
        raise _failure(unexpected(error), error) from None


def unexpected(error: BaseException) -> str:
    """Return the sentence for an error that nobody foresaw: its class and place.

    The place is the innermost line outside installed libraries, where the defect most likely is.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)] or frames
    place = f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
    return (
        f"The step stopped on an unexpected {type(error).__name__}{place}; its text is withheld "
        "because it may quote data. Report this as a defect."
    )


def _is_library(file: str) -> bool:
    """Whether code belongs to the standard library or to an installed distribution."""
    path = Path(file)
    return (
        file.startswith("<")
        or not INSTALLED_FOLDERS.isdisjoint(path.parts)
        or path.is_relative_to(STANDARD_LIBRARY)
    )


def report_of_failure(events: Iterable[dg.DagsterEvent]) -> str | None:
    """Return where the report is that a failed step has left, None where there is none."""
    for event in events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            told = failure.metadata.get(REPORT_KEY) if failure is not None else None
            if told is not None and isinstance(told.value, str):
                return told.value
    return None


def _failure(description: str, error: BaseException) -> dg.Failure:
    """Return the failure, with the class of the error and where it arose, in place of its text."""
    frames = traceback.extract_tb(error.__traceback__)
    stack = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    reports = error.reports if isinstance(error, ReportedError) else {}
    return dg.Failure(
        description=description,
        metadata={"error": type(error).__name__, "stack": stack, **reports},
        allow_retries=False,
    )
