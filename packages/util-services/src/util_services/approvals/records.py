"""What is asked for, what was signed, and what a run that was let through records."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from util_services.approvals.errors import UnfitApprovalError
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import (
    require_fields,
    require_form,
    require_instant,
    require_list,
    require_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
BARE_DIGEST = re.compile(r"[0-9a-f]{64}")
ID = re.compile(r"[0-9a-f]{32}")
ID_BYTES = 16
LONGEST_COLUMN = 1000
MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a run wants to do.

    Args:
        job: the name of the job.
        dataset: the SHA-256 of the input object as reports state it; None where it is not known
            yet, which is enough for `check` alone.
        purpose: what for.
        requester: who asks.
        columns: the columns to be worked on, None for all.
        rows: the SHA-256 of the file that names the rows, None for all rows.

    Raises:
        UnfitApprovalError: if a part is not of its form.
    """

    job: str
    dataset: str | None
    purpose: str
    requester: str
    columns: tuple[str, ...] | None = None
    rows: str | None = None

    def __post_init__(self) -> None:
        """Bring digests and columns into their one form, and check all parts."""
        if self.dataset is not None:
            object.__setattr__(self, "dataset", _full(self.dataset))
        if self.rows is not None:
            object.__setattr__(self, "rows", _full(self.rows))
        if self.columns is not None:
            object.__setattr__(self, "columns", tuple(sorted(set(self.columns))))
        try:
            _check_request(asdict(self))
            if self.dataset is not None:
                require_form(self.dataset, DIGEST, "'dataset'")
        except BrokenRecordError as error:
            raise UnfitApprovalError(f"This cannot be approved: {error}; correct it.") from None


@dataclass(frozen=True, slots=True)
class Claims:
    """What an approver signs."""

    id: str
    job: str
    dataset: str
    purpose: str
    requester: str
    approver: str
    columns: tuple[str, ...] | None
    rows: str | None
    issued: str
    expires: str
    single_use: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        columns = None if self.columns is None else list(self.columns)
        return {**asdict(self), "columns": columns}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Claims:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none.
        """
        require_fields(fields, cls.__dataclass_fields__.keys(), "the token")
        require_form(fields["id"], ID, "'id'")
        _check_request(fields)
        require_form(fields["dataset"], DIGEST, "'dataset'")
        require_words(fields["approver"], "'approver'")
        if require_instant(fields["issued"], "'issued'") > require_instant(
            fields["expires"], "'expires'"
        ):
            raise BrokenRecordError("it expires before it was issued")
        if type(fields["single_use"]) is not bool:
            raise BrokenRecordError("'single_use' is neither true nor false")
        columns = fields["columns"]
        return cls(**{**fields, "columns": None if columns is None else tuple(columns)})


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that was checked: all that an audit wants to record of it."""

    claims: Claims
    key: str  # the fingerprint of the key that signed
    token_sha256: str
    checked: str
    use_recorded: bool  # whether it can be used no more

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {**asdict(self), "claims": self.claims.to_dict()}


def new_id() -> str:
    """Return a random id of 128 bits, as 32 hexadecimal digits."""
    return secrets.token_hex(ID_BYTES)


def digest_of_file(file: Path) -> str:
    """Return the SHA-256 of a file, as a dataset or a row scope is named by it."""
    with file.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def require_words(value: Any, what: str) -> str:
    """Return a JSON value that is a text with something in it and no space around it.

    Raises:
        BrokenRecordError: if it is not.
    """
    if not require_text(value, what) or value != value.strip():
        raise BrokenRecordError(f"{what} is empty, or has spaces around it")
    return str(value)


def _check_request(fields: Mapping[str, Any]) -> None:
    for name in ("job", "purpose", "requester"):
        require_words(fields[name], f"'{name}'")
    if fields["rows"] is not None:
        require_form(fields["rows"], DIGEST, "'rows'")
    if fields["columns"] is not None:
        _check_columns(fields["columns"])


def _check_columns(columns: Any) -> None:
    names = list(columns) if isinstance(columns, tuple) else require_list(columns, "'columns'")
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise BrokenRecordError(f"'columns' does not name from 1 to {MOST_COLUMNS} columns")
    for name in names:
        if not isinstance(name, str) or len(name) > LONGEST_COLUMN:
            raise BrokenRecordError("a name in 'columns' is no text, or is too long")
    if names != sorted(set(names)):
        raise BrokenRecordError("'columns' is not sorted, or names a column twice")


def _full(digest: str) -> str:
    """Return a digest with its algorithm, which reports leave out."""
    return f"sha256:{digest}" if BARE_DIGEST.fullmatch(digest) else digest
