"""Check a release where it has arrived: who signed it, what of it is there, and how long it holds.

Nothing is taken from the place where it was made but the public key of the deployment.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from util_services.errors import StorageError, quoted, quoted_name
from util_services.flow.beside import BESIDE_ENDINGS, RELEASE, TABLE_ENDING
from util_services.keys.info import utc_now
from util_services.releases.envelope import MAX_BYTES, STATEMENT_TYPE, Envelope
from util_services.releases.errors import EnvelopeError, UnsoundReleaseError
from util_services.releases.policy import POLICY_TYPE
from util_services.releases.registered import release_id
from util_services.releases.statement import Statement
from util_services.storage.private import read_small

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from util_services.keys.key_pairs import PublicKey

State = Literal["as signed", "changed", "missing", "not signed"]
NO_DATA = (".", "_")  # what the names of files begin with that no reader of a folder takes for data


@dataclass(frozen=True, slots=True)
class CheckedRelease:
    """A release whose signature is that of a trusted deployment.

    Attributes:
        id: by which the register of those who released it knows it.
        statement: what was signed.
        owner: whose key has signed.
        key: the fingerprint of that key.
        files: what has become of each file, by its name; those are "not signed" that whoever reads
            the dataset would take for a part of it.
        policy_signer: who has signed the policy, where their public key was given.
        expired: whether the release holds no more.
    """

    id: str
    statement: Statement
    owner: str
    key: str
    files: Mapping[str, State]
    policy_signer: str | None
    expired: bool

    @property
    def is_sound(self) -> bool:
        """Whether all of it is there as it was signed, and nothing else, and it holds."""
        return not self.expired and set(self.files.values()) == {"as signed"}

    def faults(self) -> list[str]:
        """Return what is wrong with it, in sentences."""
        found = []
        for state, word in (
            ("missing", "missing"),
            ("changed", "not what was signed"),
            ("not signed", "no part of the release; move it away"),
        ):
            names = [name for name, own in self.files.items() if own == state]
            if names:
                is_one = len(names) == 1
                told = word if is_one else word.replace("move it", "move them")
                found.append(f"{quoted(names)} {'is' if is_one else 'are'} {told}.")
        if self.expired:
            found.append(f"The release expired at {self.statement.expires}.")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "sound": self.is_sound,
            "release": self.id,
            "signed_by": {"owner": self.owner, "key": self.key},
            "policy_signer": self.policy_signer,
            "expired": self.expired,
            "files": dict(self.files),
            "faults": self.faults(),
            "statement": asdict(self.statement)["predicate"],
        }


def statement_file(path: Path) -> Path:
    """Return the file of the statement on a dataset, whose own path is given or the dataset's.

    Raises:
        StorageError: if the path has no name, and so is no dataset.
    """
    ending = BESIDE_ENDINGS[RELEASE]
    if path.name in {"", ".."}:  # the folder of the parts is where the reader stands
        path = path.resolve()
    if not path.name:
        raise StorageError(f"{quoted_name(str(path))} is no dataset; name its file or its folder.")
    if path.name.endswith(ending):
        return path
    return path.with_name(f"{path.name}{ending}")


def read_statement(file: Path) -> tuple[Statement, Envelope]:
    """Return what a statement file says, and the envelope around it; nobody has checked it yet.

    Raises:
        UnsoundReleaseError: if it is none.
        StorageError: if it cannot be read.
    """
    content = read_small(file, MAX_BYTES, "a signed statement")
    try:
        envelope = Envelope.from_json(content, STATEMENT_TYPE)
        return Statement.from_json(envelope.payload), envelope
    except EnvelopeError as error:
        raise UnsoundReleaseError(
            f"{quoted_name(str(file))} is no signed statement on a release: {error}; get the "
            "release anew."
        ) from None


def check_release(
    path: Path,
    keys: Sequence[PublicKey],
    policy_keys: Sequence[PublicKey] = (),
    now: str | None = None,
) -> CheckedRelease:
    """Check a release.

    Args:
        path: the dataset or the statement beside it.
        keys: the keys of the deployments whose releases are accepted.
        policy_keys: the identities of those who may sign policies; if some are given, the policy
            must be signed with one of them.
        now: the time; by default the clock's.

    Raises:
        UnsoundReleaseError: if nobody of those has signed it.
        StorageError: if it cannot be read.
    """
    file = statement_file(path)
    statement, envelope = read_statement(file)
    key = next((one for one in keys if envelope.is_signed_by(one)), None)
    if key is None:
        raise UnsoundReleaseError(
            f"The release at {quoted_name(str(file))} is signed with none of the keys given, but "
            f"says that it is with {envelope.key}; do not use it before you have that key from "
            "those who released it."
        )
    return CheckedRelease(
        release_id(envelope.payload_sha256),
        statement,
        key.owner,
        key.fingerprint,
        _states(file, statement.subjects),
        _policy_signer(statement, policy_keys, file),
        statement.expires <= (now or utc_now()),
    )


def _policy_signer(statement: Statement, keys: Sequence[PublicKey], file: Path) -> str | None:
    if not keys:
        return None
    try:
        envelope = Envelope.from_json(str(statement.predicate["policy"]).encode(), POLICY_TYPE)
    except (EnvelopeError, KeyError):
        signer = None
    else:
        signer = next((one.owner for one in keys if envelope.is_signed_by(one)), None)
    if signer is None:
        raise UnsoundReleaseError(
            f"The policy of the release at {quoted_name(str(file))} is signed with none of the "
            "identities given; do not use it before you know who has signed its policy."
        )
    return signer


def _states(file: Path, subjects: Mapping[str, str]) -> dict[str, State]:
    """Return what has become of each file that was signed, and which others are among them."""
    found: dict[str, State] = {
        name: _state(file.parent / name, own) for name, own in subjects.items()
    }
    strangers = (name for name in _taken_for_parts(file) if name not in subjects)
    return found | dict.fromkeys(strangers, "not signed")


def _taken_for_parts(file: Path) -> Iterator[str]:
    """Yield the files that readers take for further tables of a release, or parts of a table."""
    dataset = file.name.removesuffix(BESIDE_ENDINGS[RELEASE])
    for one in sorted(file.parent.glob("*" + TABLE_ENDING)):
        if one.name.startswith(f"{dataset}."):
            yield one.name
    folder = file.parent / dataset
    if folder.is_dir():
        for above, _, names in os.walk(folder):
            shown = sorted(name for name in names if not name.startswith(NO_DATA))
            yield from ((Path(above) / name).relative_to(file.parent).as_posix() for name in shown)


def _state(file: Path, sha256: str) -> State:
    """Return whether a file is the one that was signed; a link is not followed out of the place."""
    if file.is_symlink() or not file.is_file():
        return "missing"
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    return "as signed" if found == sha256 else "changed"
