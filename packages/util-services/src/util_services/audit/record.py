"""What a record of the audit says of a piece of work: who, when, what, on which data, how it ended.

There is no cell value and no secret in it: digests, counts, names and what the caller hands over as
facts, which are numbers and short texts that the caller answers for.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from util_services.audit.errors import AuditError
from util_services.errors import CancelledError
from util_services.logs.redaction import redacted

Phase = Literal["before", "commit", "after"]
Outcome = Literal["success", "failure", "cancelled", "interrupted", "refused"]
Fact = str | int | float | bool | None

ACTION = re.compile(r"[a-z][a-z0-9]*([._][a-z0-9]+)*")
DIGEST = re.compile(r"[0-9a-f]{64}")
MAX_TEXT_LENGTH = 1000  # a purpose is a sentence; what is longer floods the audit


@dataclass(frozen=True, slots=True)
class AuditedData:
    """Data that work read or made, told by where they are and by their digest."""

    path: str  # as the configuration names it, or an address
    sha256: str | None = None  # of the bytes in the storage
    bytes: int | None = None
    rows: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the data as plain data, without what is not known."""
        known = {"path": _text(self.path), "sha256": self.sha256}
        known |= {"bytes": self.bytes, "rows": self.rows}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """One record: that work is about to begin, about to publish its result, or over.

    ``work`` ties the records of one piece of work together; that of a run is its id.
    """

    action: str  # what kind of work: 'run', 'reidentification', 'keys.rotate', …
    phase: Phase = "before"
    work: str = field(default_factory=lambda: str(uuid.uuid4()))
    run_id: str | None = None
    job: str | None = None
    user: str | None = None  # who does it
    requester: str | None = None  # who has asked for it
    purpose: str | None = None
    approval: str | None = None  # the id of an approval, never the token
    outcome: Outcome | None = None  # of work that is over
    error: tuple[str, ...] = ()  # classes of what went wrong, outermost first
    step: str | None = None
    config_sha256: str | None = None
    inputs: tuple[AuditedData, ...] = ()
    outputs: tuple[AuditedData, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def after(self, outcome: Outcome, **more: Any) -> WorkRecord:
        """Return the record that the work is over, with what is known by then."""
        return replace(self, phase="after", outcome=outcome, **more)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data, without what is empty.

        Raises:
            AuditError: if it is not of the form of a record.
        """
        self._check()
        texts = {
            name: _text(getattr(self, name))
            for name in ("work", "run_id", "job", "user", "requester", "purpose", "approval")
        }
        record = {
            "action": self.action,
            "phase": self.phase,
            **texts,
            "outcome": self.outcome,
            "error": [_text(name) for name in self.error],
            "step": _text(self.step),
            "config_sha256": self.config_sha256,
            "inputs": [one.to_dict() for one in self.inputs],
            "outputs": [one.to_dict() for one in self.outputs],
            "counts": dict(self.counts),
            "versions": {_text(name): _text(text) for name, text in self.versions.items()},
            "facts": {_text(name): _cut(fact) for name, fact in redacted(self.facts).items()},
        }
        return {name: value for name, value in record.items() if value not in (None, [], {})}

    def _check(self) -> None:
        if not ACTION.fullmatch(self.action):
            raise AuditError(
                "The action of an audit record is a word in lower case, such as 'keys.rotate'."
            )
        if self.phase not in get_args(Phase):
            raise AuditError("The phase of an audit record is 'before', 'commit' or 'after'.")
        if (self.phase == "after") != (self.outcome is not None):
            raise AuditError("An audit record has an outcome if its phase is 'after', else none.")
        if self.outcome is not None and self.outcome not in get_args(Outcome):
            raise AuditError(f"The outcome of an audit record is one of {get_args(Outcome)}.")
        digests = [self.config_sha256, *(one.sha256 for one in (*self.inputs, *self.outputs))]
        if not all(digest is None or DIGEST.fullmatch(digest) for digest in digests):
            raise AuditError("The digests of an audit record are SHA-256 in 64 hexadecimal digits.")
        if not all(type(count) is int for count in self.counts.values()):
            raise AuditError("The counts of an audit record are whole numbers.")
        kinds = (str, int, float, bool, type(None))
        if not all(isinstance(fact, kinds) for fact in self.facts.values()):
            raise AuditError("The facts of an audit record are single texts and numbers.")


def outcome_of(error: BaseException) -> Outcome:
    """Return how work ended that an error has ended; an interrupt is none of its own faults."""
    is_interrupt = isinstance(error, CancelledError) or not isinstance(error, Exception)
    return "cancelled" if is_interrupt else "failure"


def digest_of_config(config: Any) -> str:
    """Return the SHA-256 of a configuration as JSON with sorted keys, all of them texts."""
    text = json.dumps(_plain(config), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    return value


def _text(value: str | None) -> Any:
    return None if value is None else bounded(value)


def bounded(text: str) -> str:
    """Return a text as a record holds it: not too long, and without what looks like a secret."""
    return str(_cut(redacted(str(text))))


def _cut(value: Fact) -> Fact:
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        return value[:MAX_TEXT_LENGTH] + "…"
    return value
