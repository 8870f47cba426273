"""From the decision to let a dataset out to the signed statement that appears with it.

A release is on the register before it appears and once it has, so that what is out is known
whatever happens in between; see `register`.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from util_services.datasets.manifest import MANIFEST
from util_services.errors import DataServicesError
from util_services.flow.beside import ending_of, table_kind
from util_services.keys.info import utc_now
from util_services.releases.places import is_there
from util_services.releases.register import Register, register_record
from util_services.releases.registered import MAIN, RegisteredRelease, RegisteredTable, release_id
from util_services.releases.signing import signed
from util_services.releases.statement import Statement, expiry
from util_services.reports.record import digest_of_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from util_services.audit import Link, WorkRecord
    from util_services.encryption.paths import AnyPath
    from util_services.flow.plan import WritePlan
    from util_services.reports.record import Report

_reports = logging.getLogger(__name__)


def write_decision(decision: Mapping[str, Any], file: AnyPath) -> None:
    """Write a decision down, for the step that publishes."""
    file.write_bytes(json.dumps(decision).encode())


class Sealing:
    """Seals what a run publishes, if that was let out, and enters it on the register.

    Args:
        plan: where it appears.
        record: writes a record to the audit on behalf of the run.
    """

    def __init__(self, plan: WritePlan, record: Callable[[WorkRecord], object]) -> None:
        self._plan, self._record = plan, record
        self._release: RegisteredRelease | None = None
        self._considered: list[str] = []
        self._is_announced = False

    def seal(self, decision: bytes, report: Report, subjects: Mapping[str, str]) -> bytes:
        """Return the signed statement on a release.

        Args:
            decision: what `write_decision` wrote.
            report: the report of the run.
            subjects: the digest of each file that appears, by its name.

        Raises:
            SigningError: if this deployment cannot sign.
        """
        decided = json.loads(decision)
        self._considered = decided["earlier"]
        statement = _statement(decided, report, subjects)
        envelope = signed(statement)
        self._release = self._registered(
            statement, envelope.payload_sha256, decided, report, subjects
        )
        return envelope.to_json()

    def announce(self) -> None:
        """Enter the release on the register, right before it appears.

        Raises:
            RegisterError: if that cannot be, or another release of the same data came first.
        """
        if self._release is not None:
            Register().announce(self._release, self._considered, self._anchor)
            self._is_announced = True

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Record after the block whether what was announced has appeared."""
        try:
            yield
        except BaseException:
            if self._release is not None and self._is_announced:
                look = partial(is_there, self._plan.storage)
                Register().close_announced(self._release, look)
            raise
        if self._release is None:
            return
        try:
            Register().confirm(self._release)
        except DataServicesError as error:  # it is out; the next who looks finds it there
            _reports.warning("That the release is out is not on the register yet: %s", error)

    def _anchor(self, link: Link) -> None:
        if self._release is not None:
            release = self._release
            self._record(register_record(Register(), link, release.id, release.requester))

    def _registered(
        self,
        statement: Statement,
        digest: str,
        decided: Mapping[str, Any],
        report: Report,
        subjects: Mapping[str, str],
    ) -> RegisteredRelease:
        predicate, output, plan = statement.predicate, report.output, self._plan
        if output is None:
            raise AssertionError("what is let out is a dataset")
        layout = plan.layout
        delimiter = None if layout.dialect is None else layout.dialect.delimiter
        whole = plan.path.rstrip("/")
        tables = {
            MAIN: RegisteredTable(
                plan.path,
                plan.address,
                layout.format,
                layout.compression,
                delimiter,
                output.sha256,
                report.rows.out,
                decided["columns"],
                _digest_as_input(whole, subjects) if output.parts else None,
            )
        }
        for name, told in decided["tables"].items():
            kind = table_kind(name)
            path = f"{whole}{ending_of(kind)}"
            tables[name] = RegisteredTable(
                path,
                str(plan.place_beside(kind)),
                "parquet",
                None,
                None,
                subjects[path.rsplit("/", 1)[-1]],
                told["rows"],
                told["columns"],
            )
        return RegisteredRelease(
            id=release_id(digest),
            statement_sha256=digest,
            dataset=decided["dataset"],
            purpose=decided["purpose"],
            requester=decided["requester"],
            approval=decided["approval"],
            policy={"sha256": decided["policy_sha256"], "signed_by": decided["policy_signed_by"]},
            source=predicate["input"],
            run={"id": report.run.run_id, "job": report.run.job},
            checks=decided["demanded"],
            released=predicate["released"],
            expires=statement.expires,
            tables=tables,
        )


def _digest_as_input(folder: str, subjects: Mapping[str, str]) -> str:
    """Return the digest by which a run knows the part files of a folder that it reads."""
    below = f"{folder.rsplit('/', 1)[-1]}/"
    parts = [
        (name.removeprefix(below), sha256)
        for name, sha256 in sorted(subjects.items())
        if name.startswith(below) and not name.endswith(f"/{MANIFEST}")
    ]
    return parts[0][1] if len(parts) == 1 else digest_of_listing(parts)


def _statement(
    decided: Mapping[str, Any], report: Report, subjects: Mapping[str, str]
) -> Statement:
    released = utc_now()
    run, read = report.run, report.input
    predicate = {
        **decided,
        "released": released,
        "expires": expiry(released, decided["valid_days"]),
        "rows": report.rows.to_dict(),
        "input": {"path": read.path, "sha256": read.sha256},
        "run": {
            "id": run.run_id,
            "job": run.job,
            "audit": run.audit,
            "versions": dict(run.versions),
        },
        "steps": [step.operation for step in report.steps],
    }
    return Statement(subjects, predicate)
