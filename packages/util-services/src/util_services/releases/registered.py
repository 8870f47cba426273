"""What the register of releases says of one release."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from util_services.keys.fields import instant, require_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["announced", "out", "expiring", "expired", "withdrawn"]
MAIN = ""  # the name of the table that a run reads and publishes
EXPIRING_DAYS = 30
ID_DIGITS = 16


def release_id(statement_sha256: str) -> str:
    """Return the id of a release by the digest of its statement, which its readers have too."""
    return statement_sha256[:ID_DIGITS]


@dataclass(frozen=True, slots=True)
class RegisteredTable:
    """A table of a release, by place, layout and digest.

    Attributes:
        path: as the configuration named it.
        address: where it was published.
        sha256: of the file, or of the manifest that lists the digests of part files.
        columns: the role of each column.
        as_input: the digest by which a run that reads part files knows them; None for a file.
    """

    path: str
    address: str
    format: str
    compression: str | None
    delimiter: str | None
    sha256: str
    rows: int
    columns: Mapping[str, str]
    as_input: str | None = None

    @property
    def digests(self) -> set[str]:
        """The digests by which its bytes are known: as they are published, and as they are read."""
        return {self.sha256, self.as_input or self.sha256}

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RegisteredTable:
        """Return the table that ``to_dict`` describes."""
        return cls(**record)


@dataclass(frozen=True, slots=True)
class RegisteredRelease:
    """A release, as it was announced before it appeared.

    Attributes:
        id: the beginning of the digest of its statement, so that whoever has one finds the other.
        dataset: whose data it holds, as its policy names them.
        source: path and SHA-256 of what was read.
        checks: what its policy demanded, by check: models and thresholds among them.
        tables: its tables by name; that of the run is ``MAIN``.
    """

    id: str
    statement_sha256: str
    dataset: str | None
    purpose: str
    requester: str
    approval: str | None
    policy: Mapping[str, str]
    source: Mapping[str, str]
    run: Mapping[str, str]
    checks: Mapping[str, Any]
    released: str
    expires: str
    tables: Mapping[str, RegisteredTable]

    @property
    def digests(self) -> set[str]:
        """The digests by which the bytes of its tables are known."""
        return {digest for table in self.tables.values() for digest in table.digests}

    @property
    def table(self) -> RegisteredTable:
        """The table of the run."""
        return self.tables[MAIN]

    def to_dict(self) -> dict[str, Any]:
        """Return the release as plain data."""
        return {
            name: getattr(self, name) for name in self.__slots__ if name not in {"tables", "checks"}
        } | {
            "checks": dict(self.checks),
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RegisteredRelease:
        """Return the release that ``to_dict`` describes."""
        tables = {name: RegisteredTable.from_dict(one) for name, one in record["tables"].items()}
        return cls(**{name: record[name] for name in cls.__slots__} | {"tables": tables})


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a release is to be used no more: since when, by whose word, and why."""

    at: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A release and what has become of it.

    Attributes:
        release: what was announced.
        is_out: whether it is known to have appeared; one that has not may be about to.
        withdrawal: that it was withdrawn.
        process: that which announced it.
        is_void: whether it was given up, for it was not at its place.
    """

    release: RegisteredRelease
    is_out: bool = False
    withdrawal: Withdrawal | None = None
    process: Mapping[str, Any] = field(default_factory=dict)
    is_void: bool = False

    def state(self, now: str, expiring_days: int = EXPIRING_DAYS) -> State:
        """Return what it is at a time."""
        if self.withdrawal is not None:
            return "withdrawn"
        if not self.is_out:
            return "announced"
        expires = self.release.expires
        if expires <= now:
            return "expired"
        soon = instant(require_instant(now, "'now'") + timedelta(days=expiring_days))
        return "expiring" if expires <= soon else "out"

    def to_dict(self, now: str, expiring_days: int = EXPIRING_DAYS) -> dict[str, Any]:
        """Return the release and its state at a time, as plain data."""
        withdrawal = None if self.withdrawal is None else asdict(self.withdrawal)
        return self.release.to_dict() | {
            "state": self.state(now, expiring_days),
            "withdrawal": withdrawal,
        }
