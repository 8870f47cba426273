"""Which columns of a file came from which columns of another, as the report beside it tells.

A run of data-services writes a report beside its output. It counts where the two files that it
names by their digests are still the ones on record: then what it tells of columns is so of those.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from util_services.processing_record.described import describers
from util_services.reports.plain import ReportError
from util_services.reports.record import Report
from workspace_core.lineage.model import FILE
from workspace_core.store.identity import id_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from util_services.datasets.staged import StepReport
    from util_services.processing_record.described import Describe
    from workspace_core.lineage.model import HashCertificate

    Place = Callable[[HashCertificate], str | None]

ENDING = ".report.json"
UNTOUCHED = "retain"
IDENTITY, TRANSFORMATION = "IDENTITY", "TRANSFORMATION"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ColumnOrigin:
    """That a column was made of the column of the same name in another file.

    Attributes:
        source: the file.
        done: what was done to it, in words; empty where it is as it was.
        is_masked: whether that hides what stood there.
    """

    column: str
    source: HashCertificate
    done: str
    is_masked: bool

    @property
    def subtype(self) -> str:
        """What OpenLineage calls it."""
        return TRANSFORMATION if self.done else IDENTITY


def column_origins(
    output: HashCertificate, inputs: Iterable[HashCertificate], place: Place
) -> tuple[ColumnOrigin, ...]:
    """Return where the columns of a file come from; none where no report that counts tells.

    Columns that a step has made are left out, for no report tells what of.

    Args:
        output: the file.
        inputs: what the run read that wrote it.
        place: returns where a file is on this machine, None if it is not here.
    """
    report = _report(output, place)
    if report is None or report.output is None:
        return ()
    read = next((one for one in inputs if _is(one, report.input.sha256, place)), None)
    if read is None:
        return ()
    known = describers()
    added = {name for step in report.steps for name in step.columns.added}
    found = []
    for column in (one["name"] for one in report.output.columns):
        if column in added:
            continue
        told = [one for step in report.steps if (one := _done(step, column, known)) is not None]
        done = ", ".join(dict.fromkeys(words for words, _ in told))
        found.append(ColumnOrigin(column, read, done, any(hides for _, hides in told)))
    return tuple(found)


def _done(step: StepReport, column: str, known: Mapping[str, Describe]) -> tuple[str, bool] | None:
    """Return what a step did to a column and whether that hides it; None if it changed nothing.

    Of a step that nobody describes, only its name is known, and that it may have changed anything.
    """
    describe = known.get(step.operation)
    if describe is None:
        return step.operation, False
    told = [one for one in describe(step).treatments if one.column == column]
    done = [one.term or one.technique for one in told if one.technique != UNTOUCHED]
    if done:
        return ", ".join(done), True
    is_retyped = any(name == column for name, _, _ in step.columns.retyped)
    return (step.operation, False) if is_retyped else None


def _report(output: HashCertificate, place: Place) -> Report | None:
    """Return the report beside a file, if both are there and belong together."""
    where = place(output)
    if where is None or output.kind != FILE or not Path(where + ENDING).is_file():
        return None
    try:
        report = Report.from_json(Path(where + ENDING).read_bytes())
    except (OSError, ReportError):
        return None
    if report.output is None or not _is(output, report.output.sha256, place):
        return None
    return report


def _is(one: HashCertificate, sha256: str, place: Place) -> bool:
    """Return whether a file is as it was recorded, and has a digest."""
    where = place(one)
    if where is None or one.kind != FILE:
        return False
    own, other = blake3(), hashlib.sha256()
    with suppress(OSError), Path(where).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            own.update(chunk)
            other.update(chunk)
        return id_text(own.digest()) == one.hashval and other.hexdigest() == sha256
    return False
