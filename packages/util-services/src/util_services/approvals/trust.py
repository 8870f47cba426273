"""Whom a deployment trusts to approve: a folder with one file for each key of an approver.

The folder ``DATA_SERVICES_TRUST`` belongs to those who run the deployment. It says whose a key is;
what a token says of its approver counts for nothing without it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services import settings
from util_services.approvals.errors import TrustError, UnfitApprovalError
from util_services.approvals.records import require_words
from util_services.encryption.secret import Secret
from util_services.errors import StorageError, printable, quoted_name
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import (
    parse,
    require_fields,
    require_instant,
    require_list,
    to_json,
)
from util_services.keys.info import utc_now
from util_services.keys.key_pairs import PublicKey, require_use
from util_services.storage.private import (
    READABLE,
    read_unchangeable,
    require_unchangeable_folder,
    unwritable,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KIND = "data-services/approver"
SCHEMA = 1
FIELDS = frozenset({"key", "fingerprint", "owner", "aliases", "added", "until", "revoked"})


@dataclass(frozen=True, slots=True)
class Approver:
    """A key, and the person to whom those who run the deployment say that it belongs.

    ``aliases`` are other names of that person, such as accounts under which they may ask.
    """

    key: PublicKey
    owner: str
    aliases: tuple[str, ...] = ()
    added: str = ""
    until: str | None = None
    revoked: str | None = None

    def is_called(self, name: str) -> bool:
        """Return whether a name is one of this person's, whatever its case and spelling."""
        return any(are_alike(name, own) for own in (self.owner, *self.aliases))

    def untrusted_since(self, now: str) -> str | None:
        """Return since when the key is not trusted, None if it is."""
        if self.revoked is not None:
            return self.revoked  # whatever the clock says
        return self.until if self.until is not None and self.until <= now else None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object; the fingerprint in it is for people."""
        return {
            "key": self.key.to_dict(),
            "fingerprint": self.key.fingerprint,
            "owner": self.owner,
            "aliases": list(self.aliases),
            "added": self.added,
            "until": self.until,
            "revoked": self.revoked,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Approver:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none.
        """
        require_fields(fields, FIELDS, "an approver")
        key = PublicKey.from_dict(fields["key"])
        require_use(key, "approval")
        if key.fingerprint != fields["fingerprint"]:
            raise BrokenRecordError("its fingerprint is that of another key")
        owner = require_words(fields["owner"], "'owner'")
        aliases = require_list(fields["aliases"], "'aliases'")
        names = tuple(require_words(name, "an alias") for name in aliases)
        require_instant(fields["added"], "'added'")
        for end in ("until", "revoked"):
            if fields[end] is not None:
                require_instant(fields[end], f"'{end}'")
        return cls(key, owner, names, fields["added"], fields["until"], fields["revoked"])


class Trust:
    """The approvers of a deployment, by the fingerprints of their keys."""

    def __init__(self, approvers: Iterable[Approver]) -> None:
        self._approvers = {approver.key.fingerprint: approver for approver in approvers}

    @classmethod
    def from_environment(cls) -> Trust:
        """Return those whom ``DATA_SERVICES_TRUST`` names.

        Raises:
            TrustError: if it names no folder, one that others can change, or a file in it is none
                of an approver.
        """
        return cls.load(trust_folder())

    @classmethod
    def load(cls, folder: Path) -> Trust:
        """Return those whom the files of a folder name."""
        try:
            require_unchangeable_folder(folder)
            files = sorted(folder.glob("*.json"))
            return cls(_read(file) for file in files)
        except StorageError as error:
            raise TrustError(str(error)) from None

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """All approvers, by owner."""
        return tuple(sorted(self._approvers.values(), key=lambda one: (one.owner, one.added)))

    def find(self, fingerprint: str) -> Approver | None:
        """Return the approver with a key, None if there is none."""
        return self._approvers.get(fingerprint)

    def is_same_person(self, approver: Approver, name: str) -> bool:
        """Return whether a name is one of an approver's, with whatever key it was registered."""
        own = (one for one in self._approvers.values() if one.is_called(approver.owner))
        return any(one.is_called(name) for one in own)


def trust_folder() -> Path:
    """Return ``DATA_SERVICES_TRUST``.

    Raises:
        TrustError: if it is not set.
    """
    configured = settings.text("TRUST")
    if configured is None:
        raise TrustError(
            "Nobody is trusted to approve anything here; set DATA_SERVICES_TRUST to the folder "
            "with the approvers of this deployment."
        )
    return Path(configured).expanduser().absolute()


def add_approver(folder: Path, approver: Approver) -> Path:
    """Register the key of an approver, and return the file that says so.

    Raises:
        UnfitApprovalError: if a name cannot be one, or the key is registered already.
        TrustError: if the folder cannot be used.
    """
    approver = replace(approver, added=utc_now())
    try:
        Approver.from_dict(approver.to_dict())
    except BrokenRecordError as error:
        raise UnfitApprovalError(f"The approver cannot be registered: {error}.") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    if known := Trust.load(folder).find(approver.key.fingerprint):
        raise UnfitApprovalError(
            f"The key {known.key.fingerprint} is registered for {quoted_name(known.owner)} already."
        )
    return _write(folder, approver)


def revoke_approver(folder: Path, fingerprint: str) -> Approver:
    """Trust a key no longer, neither for old approvals nor for new ones.

    Raises:
        UnfitApprovalError: if the key is not registered.
    """
    known = Trust.load(folder).find(fingerprint)
    if known is None:
        raise UnfitApprovalError(
            f"There is no approver with the key {quoted_name(fingerprint)}; 'data-services approve "
            "trust list' shows those that there are."
        )
    revoked = replace(known, revoked=known.revoked or utc_now())
    _write(folder, revoked)
    return revoked


def _read(file: Path) -> Approver:
    try:
        approver = Approver.from_dict(parse(read_unchangeable(file), KIND, SCHEMA))
        if file.name != _name(approver):
            raise BrokenRecordError(f"it must be called '{_name(approver)}' after its key")
    except BrokenRecordError as error:
        raise TrustError(
            f"'{printable(str(file))}' is no file of an approver: {error}. Put it right, or take "
            "it away."
        ) from None
    return approver


def _write(folder: Path, approver: Approver) -> Path:
    file, content = folder / _name(approver), to_json(KIND, SCHEMA, approver.to_dict())
    write_whole(file, Secret(content.encode()), replace=True, mode=READABLE)
    return file


def _name(approver: Approver) -> str:
    return f"{approver.key.fingerprint}.json"


def are_alike(one: str, other: str) -> bool:
    """Return whether two names are the same but for case, spelling in Unicode and spaces."""
    first, second = (
        "".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (one, other)
    )
    return first == second
