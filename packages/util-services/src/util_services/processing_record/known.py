"""All that a deployment knows of its processing, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, quoted_name
from util_services.processing_record.activities import StatedFile
from util_services.processing_record.described import describers
from util_services.processing_record.recorded import (
    FoundReport,
    GivenReports,
    RecordedRun,
    find_report,
    runs_in,
)
from util_services.processing_record.settings_in_force import settings_in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from util_services.processing_record.described import Describe
    from util_services.processing_record.document import Statement
    from util_services.releases.registered import Standing

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at the end of a day.

    Attributes:
        at: the day.
        since: the day from which on runs are told of; None for all.
        records: the authentic records of the audit up to that day.
        findings: broken links of the audit, as sentences.
        runs: those of the time asked for.
        releases: those that were made until then, and held at some time since.
        reports: by the ids of successful runs.
        stated: what people have stated.
        settings: what the settings of this process are.
        describe: how packages describe their steps.
    """

    at: str
    since: str | None
    records: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[str, ...] = ()
    runs: tuple[RecordedRun, ...] = ()
    releases: tuple[Standing, ...] = ()
    reports: Mapping[str, FoundReport] = field(default_factory=dict)
    stated: StatedFile = field(default_factory=StatedFile)
    settings: tuple[Statement, ...] = ()
    describe: Mapping[str, Describe] = field(default_factory=dict)

    @classmethod
    def gather(
        cls,
        stated: StatedFile | None = None,
        *,
        at: str | None = None,
        since: str | None = None,
        reports: Iterable[Path] = (),
    ) -> Known:
        """Return what the audit, the register, reports and settings tell.

        Args:
            stated: what people have stated.
            at: the day at whose end it is to hold; today (UTC) if not given.
            since: the day from which on runs are told of.
            reports: reports that are not where the audit says.

        Raises:
            ConfigurationError: if a day or a named report is none, or a setting is not of its kind.
            AuditError: if the audit cannot be read.
            RegisterError: if the register is broken or cannot be read.
        """
        at = _day(at, "--at") if at else datetime.now(UTC).date().isoformat()
        since = _day(since, "--since") if since else None
        if since and since > at:
            raise ConfigurationError("'--since' is later than '--at'; exchange them.")
        given = GivenReports.of(reports)
        records, findings = _audit()
        records = [one for one in records if one["time"][: len(at)] <= at]
        runs = [one for one in runs_in(records) if since is None or one.began >= since]
        releases = [one for one in map(_until(at), _register()) if one is not None]
        releases = [one for one in releases if since is None or one.release.expires >= since]
        of_runs = {one.release.run["id"]: one.release for one in releases}
        return cls(
            at=at,
            since=since,
            records=tuple(records),
            findings=tuple(findings),
            runs=tuple(runs),
            releases=tuple(releases),
            reports={
                run.id: find_report(run, given, of_runs.get(run.id))
                for run in runs
                if run.outcome == "success"
            },
            stated=stated or StatedFile(),
            settings=tuple(settings_in_force()),
            describe=describers(),
        )


def _day(text: str, option: str) -> str:
    try:
        if not DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigurationError(
            f"{option}: {quoted_name(text)} is no day; write it as 2026-01-31."
        ) from None


def _audit() -> tuple[list[dict[str, Any]], list[str]]:
    from util_services.audit.key import audit_keys, unusable_keys
    from util_services.audit.listing import work_records
    from util_services.audit.place import audit_directory

    if not audit_directory().is_dir():
        return [], []
    keys, unusable = audit_keys(), unusable_keys()
    records, findings = work_records(audit_directory(), keys, unusable=unusable)
    return records, [str(finding) for finding in findings]


def _register() -> Sequence[Standing]:
    from util_services.releases.register import Register

    return Register().standings()


def _until(at: str) -> Any:
    """Return a function that tells what was known of a release at the end of a day."""

    def known(standing: Standing) -> Standing | None:
        if standing.release.released[: len(at)] > at:
            return None
        withdrawal = standing.withdrawal
        if withdrawal is not None and withdrawal.at[: len(at)] > at:
            return replace(standing, withdrawal=None)
        return standing

    return known
