"""What is signed of a release: an in-toto statement on the digest of everything that appears.

The subjects are the data, the reports and the policy, by their names beside one another. The
predicate says why the release was let through: the policy with its signature, each rule with what
was found, who asked, who approved, which run of which version, and until when it holds.

Source: https://github.com/in-toto/attestation, spec/v1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import instant, require_instant
from util_services.releases.errors import EnvelopeError

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_TOTO = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:data-services:release:1"
SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Statement:
    """What a release is, by name and digest, and why it was let through."""

    subjects: Mapping[str, str]  # SHA-256 by name
    predicate: Mapping[str, Any]

    @property
    def expires(self) -> str:
        """Until when the release holds."""
        return str(self.predicate["expires"])

    def to_json(self) -> bytes:
        """Return the statement as canonical JSON."""
        record = {
            "_type": IN_TOTO,
            "subject": [
                {"name": name, "digest": {"sha256": digest}}
                for name, digest in sorted(self.subjects.items())
            ],
            "predicateType": PREDICATE,
            "predicate": self.predicate,
        }
        return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Statement:
        """Return the statement that a signed content holds.

        Raises:
            EnvelopeError: if it holds none on a release.
        """
        try:
            record = json.loads(content)
            kinds = record["_type"], record["predicateType"]
            subjects = {one["name"]: one["digest"]["sha256"] for one in record["subject"]}
            predicate = record["predicate"]
            require_instant(predicate["released"], "'released'")
            require_instant(predicate["expires"], "'expires'")
        except (ValueError, KeyError, TypeError, RecursionError, BrokenRecordError):
            raise EnvelopeError("it holds no statement on a release") from None
        if kinds != (IN_TOTO, PREDICATE):
            raise EnvelopeError("it holds a statement on something else than a release")
        if len(subjects) != len(record["subject"]) or not all(map(_is_subject, subjects.items())):
            raise EnvelopeError("it names what cannot be part of a release")
        return cls(subjects, predicate)


def expiry(released: str, valid_days: int) -> str:
    """Return until when a release holds."""
    return instant(require_instant(released, "'released'") + timedelta(days=valid_days))


def _is_subject(subject: tuple[Any, Any]) -> bool:
    """Return whether a name stays below the folder of the release, and a digest is one."""
    name, digest = subject
    if not isinstance(name, str) or not isinstance(digest, str) or len(digest) != SHA256_DIGITS:
        return False
    parts = name.split("/")
    return "\\" not in name and "\0" not in name and not {"", ".", ".."} & set(parts)
