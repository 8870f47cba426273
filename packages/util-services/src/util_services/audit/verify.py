"""Verify the audit: every chain by itself, the chains against one another and against anchors."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.audit.anchors import Anchor
from util_services.audit.chain import Link
from util_services.audit.errors import AuditError, BrokenAuditError
from util_services.audit.losses import ACKNOWLEDGED, Acknowledgement, Loss
from util_services.audit.open_work import WORK, OpenWork
from util_services.audit.place import Segment, by_chain, segments_in
from util_services.audit.reading import NONE_UNUSABLE, ChainReader, Finding, Line, Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from util_services.audit.chain import Entry
    from util_services.audit.key import AuditKey

VERIFICATION_SCHEMA = 1
RETIRED = "retired"  # the kind of a statement
MAC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Statement:
    """The signed word that the beginning of a chain was removed after its time of retention."""

    link: Link  # the last record that was removed
    segment: int  # the last segment
    place: Link  # where the statement stands

    @property
    def chain(self) -> str:
        """The chain that was shortened."""
        return self.link.chain


@dataclass
class ChainState:
    """What is there of a chain up to its first broken link."""

    segments: Sequence[Segment]
    first: int = 1  # the number of the first record
    previous: str = ""  # the MAC that the first record continues
    macs: bytearray = field(default_factory=bytearray)  # of the records in their order
    lines: array[int] = field(default_factory=lambda: array("L"))  # where each stands in its file
    ends: dict[str, Entry] = field(default_factory=dict)  # the last record of each file

    @property
    def last(self) -> int:
        """The number of the last record."""
        return self.first + len(self.lines) - 1

    def add(self, line: Line) -> None:
        """Take note of a record."""
        if not self.lines:
            self.first, self.previous = line.entry.link.sequence, line.entry.previous
        self.macs += bytes.fromhex(line.entry.link.mac)
        self.lines.append(line.number)
        self.ends[line.file] = line.entry

    def holds(self, link: Link) -> bool:
        """Return whether a record that is there is the one that a link names."""
        begin = (link.sequence - self.first) * MAC_BYTES
        return self.macs[begin : begin + MAC_BYTES].hex() == link.mac

    def place(self, sequence: int) -> tuple[str, int]:
        """Return the file and the line of a record that is there, or would come next."""
        if sequence > self.last:
            return self.segments[-1].name, self.lines[-1] + 1 if self.lines else 1
        ends = (name for name, end in self.ends.items() if sequence <= end.link.sequence)
        return next(ends), self.lines[sequence - self.first]


@dataclass
class Verification:
    """What was found: nothing, or the first broken link of each broken chain."""

    directory: Path
    chains: dict[str, ChainState] = field(default_factory=dict)
    records: int = 0
    anchors: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    open: dict[tuple[str, str], OpenWork] = field(default_factory=dict)
    statements: dict[str, Statement] = field(default_factory=dict)
    acknowledged: list[Acknowledgement] = field(default_factory=list)
    _lost: dict[str, list[Link]] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """Whether no link is broken."""
        return not self.findings

    def is_broken(self, chain: str) -> bool:
        """Return whether a broken link was found in a chain."""
        return chain in self._broken

    @property
    def losses(self) -> list[Loss]:
        """What is lost, as links that are kept elsewhere tell, and nobody has acknowledged."""
        return [
            Loss.of(chain, links, is_whole=chain not in self.chains)
            for chain, links in self._lost.items()
        ]

    def add_loss(self, link: Link, finding: Finding) -> None:
        """Take note of a link that is kept elsewhere, and of what contradicts it."""
        self._lost.setdefault(link.chain, []).append(link)
        self.add_finding(link.chain, finding)

    def add_finding(self, chain: str, finding: Finding) -> None:
        """Take note of the first broken link of a chain."""
        if chain not in self._broken:
            self._broken.add(chain)
            self.findings.append(finding)

    def require_whole(self) -> None:
        """Raise if a link is broken.

        Raises:
            BrokenAuditError: naming the first one.
        """
        if self.findings:
            count = len(self.findings)
            more = f" ({count - 1} more; see 'data-services audit verify')" if count > 1 else ""
            raise BrokenAuditError(f"The audit is broken at {self.findings[0]}{more}")

    def to_dict(self) -> dict[str, Any]:
        """Return the verification as plain data."""
        return {
            "schema": VERIFICATION_SCHEMA,
            "ok": self.is_whole,
            "directory": str(self.directory),
            "chains": len(self.chains),
            "records": self.records,
            "anchors": self.anchors,
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": [str(note) for note in self.notes],
            "acknowledged": [one.to_dict() for one in self.acknowledged],
            "open": [work.to_dict() for work in self.open.values()],
        }


def verify(
    directory: Path,
    keys: Sequence[AuditKey],
    anchors: Iterable[Anchor] = (),
    unusable: Mapping[str, str] = NONE_UNUSABLE,
) -> Verification:
    """Verify the audit in a folder.

    Args:
        directory: the folder.
        keys: the keys that its records may have been written with.
        anchors: links that are kept elsewhere; what they name must be there.
        unusable: the states of keys that are known and cannot be used.

    Raises:
        AuditError: if the folder cannot be read, or there is no key, or it is disabled.
    """
    found = Verification(directory)
    witnessed: dict[Link, Anchor] = {}  # most heads are named again and again
    ended: set[tuple[str, str]] = set()
    # Writers may be at work. What they witness from now on may be news to the chains read here.
    sizes = _sizes(directory)
    for line in read_chains(found, keys, unusable):
        found.records += 1
        if line.end <= sizes.get(line.file, 0):
            for anchor in _heads(line):
                witnessed.setdefault(anchor.link, anchor)
        _take_statement(found, line.entry)
        _take_acknowledgement(found, line)
        _take_work(found, ended, line.entry)
    for state in found.chains.values():
        _check_beginning(found, state)
    kept = list(anchors)
    found.anchors = len(kept)
    _check_anchors(found, [*kept, *witnessed.values()])
    found.findings.sort(key=lambda finding: (finding.file, finding.line or 0))
    return found


def _sizes(directory: Path) -> dict[str, int]:
    """Return how long each file is; of a folder that cannot be read, reading tells why."""
    try:
        return {one.name: (directory / one.name).stat().st_size for one in segments_in(directory)}
    except OSError:
        return {}


def read_chains(
    found: Verification,
    keys: Sequence[AuditKey],
    unusable: Mapping[str, str] = NONE_UNUSABLE,
) -> Iterator[Line]:
    """Return all authentic records, chain by chain; what breaks a chain is noted meanwhile.

    Raises:
        AuditError: if the folder cannot be read, or there is no key, or it is disabled.
    """
    directory = found.directory
    try:
        chains = by_chain(segments_in(directory))
    except OSError as error:
        raise AuditError(
            f"There is no audit in '{directory}' that can be read ({type(error).__name__}); name "
            "its folder with DATA_SERVICES_AUDIT_DIR."
        ) from None
    if chains and not keys:
        raise AuditError(
            "The audit cannot be verified without the keyset 'audit' that it was written with; "
            "correct DATA_SERVICES_KEYS and DATA_SERVICES_KEY_PROVIDER."
        )
    known = {key.id: key for key in keys}
    for chain, segments in chains.items():
        state = found.chains[chain] = ChainState(segments)
        reader = ChainReader(directory, segments, known, unusable)
        for line in reader.read():
            if reader.finding is None:
                state.add(line)
            yield line
        found.notes += reader.notes
        if reader.finding is not None:
            found.add_finding(chain, reader.finding)


def _heads(line: Line) -> Iterator[Anchor]:
    """Return the heads of other chains that a record is a witness of."""
    for text in line.entry.body.get("heads", ()):
        link = Link.parse(text)
        if link is not None:
            yield Anchor(link, f"{line.file}, line {line.number},")


def _take_statement(found: Verification, entry: Entry) -> None:
    if entry.kind != RETIRED:
        return
    link = Link.parse(entry.body["through"])
    if link is None:
        return
    former = found.statements.get(link.chain)
    if former is None or former.link.sequence <= link.sequence:
        found.statements[link.chain] = Statement(link, entry.body["segment"], entry.link)


def _take_acknowledgement(found: Verification, line: Line) -> None:
    if line.entry.kind == ACKNOWLEDGED:
        told = Acknowledgement.of(line.entry)
        found.acknowledged.append(told)
        found.notes.append(Note(line.file, line.number, str(told)))


def _take_work(found: Verification, ended: set[tuple[str, str]], entry: Entry) -> None:
    if entry.kind != WORK:
        return
    body = entry.body
    name = (body["action"], body["work"])
    if body["phase"] == "after":
        ended.add(name)  # its chain may be read before that of the beginning
        found.open.pop(name, None)
    elif body["phase"] == "before" and name not in ended:
        found.open[name] = OpenWork.of(entry)


def _check_beginning(found: Verification, state: ChainState) -> None:
    """Check that a chain begins with its first record, or where a retention has left off."""
    first = state.segments[0]
    if first.number == 1 and state.first == 1:
        return
    statement = found.statements.get(first.chain)
    if statement is not None and statement.segment >= first.number - 1:
        # What was removed ends right before this, or later if the removal was interrupted.
        through = statement.link
        if not state.lines or state.first <= through.sequence:
            return
        if state.first == through.sequence + 1 and state.previous == through.mac:
            return
    reason = "the beginning of the chain is missing, and no retention accounts for it."
    found.add_finding(first.chain, Finding(first.name, 1, "missing", reason))


def _check_anchors(found: Verification, anchors: Sequence[Anchor]) -> None:
    """Check what links that are kept elsewhere name, of chains that are not broken by themselves.

    What is acknowledged are links, one by one; of a chain that is gone, all up to the last of them.
    """
    broken = {anchor.link.chain for anchor in anchors if found.is_broken(anchor.link.chain)}
    known = {link for one in found.acknowledged for link in one.loss.links}
    gone: dict[str, int] = {}
    for told in found.acknowledged:
        if told.loss.is_whole and told.loss.chain not in found.chains:
            last = told.loss.links[-1].sequence
            gone[told.loss.chain] = max(last, gone.get(told.loss.chain, 0))
    for anchor in sorted(anchors, key=lambda one: one.link.sequence):
        link = anchor.link
        if link.chain in broken or link in known or link.sequence <= gone.get(link.chain, 0):
            continue
        finding = _contradiction(found, anchor)
        if finding is not None:
            found.add_loss(link, finding)


def _contradiction(found: Verification, anchor: Anchor) -> Finding | None:
    """Return what is wrong unless what an anchor names is there, or was removed by a retention."""
    link, keeper = anchor.link, anchor.keeper
    state, statement = found.chains.get(link.chain), found.statements.get(link.chain)
    if state is not None and state.first <= link.sequence <= state.last:
        if state.holds(link):
            return None
        reason = f"{keeper} knows another record {link.sequence}; this one was written anew."
        return Finding(*state.place(link.sequence), "rewritten", reason)
    if statement is not None and link.sequence <= statement.link.sequence:
        if link.sequence != statement.link.sequence or link == statement.link:
            return None
        reason = f"{keeper} knows another record {link.sequence} than the one removed."
        name = Segment(link.chain, statement.segment).name
        return Finding(name, None, "rewritten", reason)
    if state is None:
        reason = f"the chain is missing; {keeper} knows its record {link.sequence}."
        return Finding(Segment(link.chain, 1).name, None, "chain_missing", reason)
    reason = (
        f"the chain ends before this line, but {keeper} knows record {link.sequence}; "
        f"{state.last} are left, its end was cut off."
    )
    return Finding(*state.place(link.sequence), "cut", reason)
