"""The register of releases: what was let out, by whom and for whom, and what became of it.

It is kept like the audit, by the same writers and under the same key: chains of records in a
folder of its own (``DATA_SERVICES_RELEASES_DIR``), to which records are added and from which none
goes. The audit keeps a link to each release, so that one whose record was cut off is missed.

A release is *announced* before it appears, under a lock that those share who announce; it is *out*
once it has. What a killed run has announced is settled by looking at the place: either the very
bytes are there, or the release has never been.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services import settings
from util_services.audit import AuditError, WorkRecord
from util_services.audit.anchors import Anchor
from util_services.audit.chain import Link
from util_services.audit.key import audit_keys, unusable_keys
from util_services.audit.listing import work_records
from util_services.audit.place import audit_directory, segments_in
from util_services.audit.record import bounded
from util_services.audit.verify import Verification, read_chains, verify
from util_services.audit.writer import FOLDER_MODE, writer
from util_services.errors import quoted, quoted_name
from util_services.keys.info import utc_now
from util_services.releases.errors import RegisterError, UnknownReleaseError, WithdrawnReleaseError
from util_services.releases.registered import RegisteredRelease, Standing, Withdrawal
from util_services.runs.home import dagster_home
from util_services.storage.locks import LockHeldError, locked
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

SETTING = "RELEASES_DIR"
KIND = "release"  # of records, beside those that keep the chain
ANCHORED = "register"  # the fact of an audit record that links here
ACTION = "release.register"  # of that record
ANNOUNCED, OUT, VOID, WITHDRAWN = "announced", "out", "void", "withdrawn"  # events
LOCK = ".lock"
WAIT_SECONDS = 60.0

_reports = logging.getLogger(__name__)


def register_directory() -> Path:
    """Return the folder: ``DATA_SERVICES_RELEASES_DIR``, else ``releases`` in the Dagster home."""
    named = settings.text(SETTING)
    return Path(named).expanduser().resolve() if named else dagster_home() / "releases"


class Register:
    """The register in a folder.

    Every method raises `RegisterError` where the register is broken or out of reach, and
    `AuditError` where there is no key for it.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or register_directory()

    def standings(self) -> list[Standing]:
        """Return all releases in the order in which they were announced.

        Those that have never appeared are left out. What became of a release counts in whatever
        order clocks put it, and one that has appeared is out even if it was given up before.
        """
        return [one for one in self._announced() if one.is_out or not one.is_void]

    def _announced(self) -> list[Standing]:
        """Return all releases in the order in which they were announced, void ones too."""
        found: dict[str, Standing] = {}
        for event in sorted(self._events(), key=lambda one: one["event"] != ANNOUNCED):
            name = event["release"]
            match event["event"]:
                case "announced":
                    release = RegisteredRelease.from_dict(event["of"])
                    found[name] = Standing(release, process=event["process"])
                case "out":
                    found[name] = replace(found[name], is_out=True)
                case "void":
                    found[name] = replace(found[name], is_void=True)
                case "withdrawn":
                    told = Withdrawal(event["at"], event["by"], event["reason"])
                    found[name] = replace(found[name], withdrawal=told)
        return list(found.values())

    def find(self, name: str) -> Standing:
        """Return a release by its id or the beginning of one.

        Raises:
            UnknownReleaseError: if there is none, or several begin so.
        """
        found = [one for one in self.standings() if one.release.id.startswith(name)]
        if len(found) != 1 or not name:
            raise UnknownReleaseError(
                f"{'No release' if not found else 'More than one release'} on the register is "
                f"called {quoted_name(name)}; 'data-services release list' shows them all."
            )
        return found[0]

    def announce(
        self,
        release: RegisteredRelease,
        considered: Collection[str],
        record: Callable[[Link], object],
    ) -> None:
        """Record that a release is about to appear.

        Args:
            release: what appears.
            considered: the releases of the same data that it was compared with.
            record: records in the audit where the register says so.

        Raises:
            RegisterError: if another release of the same data was announced meanwhile.
        """
        with self._locked():
            others = [
                one.release.id
                for one in same_data(self.standings(), release.dataset, release.source["sha256"])
            ]
            news = [name for name in others if name not in considered]
            if news:
                raise RegisterError(
                    f"{quoted(news)} of the same data appeared while this release was judged; "
                    "nothing was published, start the run again so that they are compared."
                )
            fields = {"of": release.to_dict(), "process": Process.current().to_dict()}
            record(self._append(ANNOUNCED, release.id, fields))

    def confirm(self, release: RegisteredRelease) -> None:
        """Record that an announced release has appeared."""
        self._append(OUT, release.id, {})

    def withdraw(
        self, name: str, by: str, reason: str, record: Callable[[Link], object]
    ) -> Standing:
        """Record that a release is to be used no more.

        Args:
            name: its id, or the beginning of that.
            by: who says so.
            reason: why, in a sentence.
            record: records in the audit where the register says so.

        Raises:
            UnknownReleaseError: if there is no such release, or it is withdrawn.
        """
        with self._locked():
            found = self.find(name)
            if found.withdrawal is not None:
                raise UnknownReleaseError(
                    f"The release '{found.release.id}' is withdrawn since {found.withdrawal.at}."
                )
            told = Withdrawal(utc_now(), bounded(by), bounded(reason))
            record(self._append(WITHDRAWN, found.release.id, asdict(told)))
            return replace(found, withdrawal=told)

    def settle(
        self,
        is_there: Callable[[RegisteredRelease], bool | None],
        is_over: Callable[[str], bool | None] = lambda _: None,
    ) -> list[Standing]:
        """Settle what became of releases whose process has announced them and is gone.

        One that was given up is looked for again: its process may have gone on after that, and have
        been killed before it could say that the release is out.

        Args:
            is_there: returns whether the bytes of a release are at their place, None where that
                cannot be told.
            is_over: returns whether a run has ended, None where that is not known: its process may
                have been on another machine.

        Returns:
            All releases, as `standings` does.
        """
        announced = self._announced()
        for one in given_up(announced):
            if is_there(one.release):
                self._append(OUT, one.release.id, {})
        for one in announced:
            if one.is_out or one.is_void:
                continue
            if Process.from_dict(one.process).is_gone() or is_over(one.release.run["id"]):
                with self._locked():
                    self._settle(one.release, is_there)
        return self.standings()

    def close_announced(
        self, release: RegisteredRelease, is_there: Callable[[RegisteredRelease], bool | None]
    ) -> None:
        """Settle a release that this process has announced and could not finish; never raise."""
        try:
            self._settle(release, is_there)
        except Exception as error:  # noqa: BLE001 - what went wrong before says more
            _reports.warning(
                "What became of the release %s is not on the register (%s).",
                release.id,
                type(error).__name__,
            )

    def _settle(
        self, release: RegisteredRelease, is_there: Callable[[RegisteredRelease], bool | None]
    ) -> None:
        found = is_there(release)
        if found is not None:
            self._append(OUT if found else VOID, release.id, {})

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the records in the order of their times; the whole register is verified first."""
        links = self._links()
        if not self._has_records() and not links:
            return
        self.directory.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        keys, unusable = audit_keys(), unusable_keys()
        verified = verify(self.directory, keys, links, unusable)
        if verified.findings:
            raise RegisterError(
                f"The register of releases is broken at {verified.findings[0]} Bring back what was "
                "changed or removed, from a copy; until then nothing is released."
            )
        lines = read_chains(Verification(self.directory), keys, unusable)
        events = [line.entry.body for line in lines if line.entry.kind == KIND]
        yield from sorted(events, key=lambda one: (one["time"], one["chain"], one["sequence"]))

    def _links(self) -> list[Anchor]:
        """Return the links to this register that the audit keeps."""
        if not audit_directory().is_dir():
            return []
        records, _ = work_records(
            audit_directory(),
            audit_keys(),
            lambda record: record["action"] == ACTION,
            unusable_keys(),
        )
        place = str(self.directory)
        facts = [record["facts"] for record in records]
        links = [Link.parse(one[ANCHORED]) for one in facts if one.get("directory") == place]
        return [Anchor(link, "the audit") for link in links if link is not None]

    def _has_records(self) -> bool:
        try:
            return bool(segments_in(self.directory))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._out_of_reach(error) from None

    def _append(self, event: str, name: str, fields: Mapping[str, Any]) -> Link:
        kept = writer(self.directory)
        try:
            return kept.append(KIND, {"event": event, "release": name} | dict(fields))
        except AuditError as error:
            raise self._out_of_reach(error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.directory.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with locked(self.directory / LOCK, WAIT_SECONDS):
                yield
        except LockHeldError:
            raise RegisterError(
                f"Another process has held the register of releases in '{self.directory}' for "
                f"{WAIT_SECONDS:.0f} seconds; start again once it has ended."
            ) from None
        except PermissionError as error:
            raise self._out_of_reach(error) from None

    def _out_of_reach(self, error: Exception) -> RegisterError:
        return RegisterError(
            f"The register of releases cannot be kept in '{self.directory}' "
            f"({type(error).__name__}), and what is not on it is not released; make room, make the "
            "folder writable, or set DATA_SERVICES_RELEASES_DIR to another one."
        )


def given_up(announced: Sequence[Standing]) -> list[Standing]:
    """Return the void releases at whose place no release is that was announced later."""
    taken: set[str] = set()
    found = []
    for one in reversed(announced):
        address = one.release.table.address
        if one.is_out:
            taken.add(address)
        elif one.is_void and address not in taken:
            found.append(one)
    return found


def register_record(register: Register, link: Link, name: str, requester: str) -> WorkRecord:
    """Return the record of the audit that says where the register tells of a release."""
    facts = {"release": name, ANCHORED: str(link), "directory": str(register.directory)}
    return WorkRecord(ACTION, phase="commit", requester=requester, facts=facts)


def same_data(
    standings: Collection[Standing], dataset: str | None, source_sha256: str
) -> list[Standing]:
    """Return the releases of the same data: so named by their policies, or of the same source."""
    return [
        one
        for one in standings
        if (dataset is not None and one.release.dataset == dataset)
        or one.release.source["sha256"] == source_sha256
    ]


def refuse_withdrawn(sha256: str) -> None:
    """Refuse to work on a table of a release that was withdrawn.

    Args:
        sha256: the digest of the table as it was read.

    Raises:
        WithdrawnReleaseError: if it was.
        RegisterError: if the register is broken or out of reach.
    """
    for one in Register().standings():
        if one.withdrawal is not None and sha256 in one.release.digests:
            raise WithdrawnReleaseError(
                f"The dataset is of the release '{one.release.id}', which was withdrawn at "
                f"{one.withdrawal.at}; ask those who withdrew it."
            )
