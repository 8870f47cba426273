"""Notes on a remote: small records under random names, which are never changed.

workspaces/<id>.json     whose content is there; collecting garbage for one must not harm another
let-go/<random>.json     packs that nobody is to rely on any more; they go after a grace period
erased/<random>.json     files that were erased on purpose, with the reason
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DataWorkspacesError, FormatVersionError
from workspace_core.sharing.errors import DamagedRemoteError
from workspace_core.store.identity import id_text, parse_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SCHEMA = 1
WORKSPACES, LET_GO, ERASED = "workspaces", "let-go", "erased"
MOST_BYTES = 16 << 20  # of a note
PACK_NAME = re.compile(r"[0-9a-f]{32}\.pack")
NOTE_NAME = re.compile(r"[0-9a-f]{32}\.json")


@dataclass(frozen=True, slots=True)
class LetGo:
    """Packs that nobody is to rely on."""

    packs: frozenset[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the note as the file has it."""
        return {"schema": SCHEMA, "packs": sorted(self.packs)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> LetGo:
        """Return the note that a file holds.

        Raises:
            ValueError: if it names anything but packs.
        """
        packs = frozenset(str(one) for one in record["packs"])
        if not all(PACK_NAME.fullmatch(one) for one in packs):
            raise ValueError("it names what is no pack")
        return cls(packs)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Files that were erased on purpose, by the ids of their contents."""

    objects: frozenset[bytes]
    reason: str
    time: str

    @classmethod
    def now(cls, objects: Collection[bytes], reason: str) -> Erasure:
        """Return what is erased at this moment."""
        return cls(frozenset(objects), reason, datetime.now(UTC).isoformat())

    def to_dict(self) -> dict[str, Any]:
        """Return the note as the file has it."""
        objects = sorted(id_text(one) for one in self.objects)
        return {"schema": SCHEMA, "objects": objects, "reason": self.reason, "time": self.time}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Erasure:
        """Return the note that a file holds.

        Raises:
            DataWorkspacesError: if it names anything but objects.
        """
        objects = frozenset(parse_id(one) for one in record["objects"])
        return cls(objects, str(record["reason"])[:1000], str(record["time"])[:100])


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace whose content is on a remote."""

    id: str
    name: str

    def to_dict(self) -> dict[str, Any]:
        """Return the note as the file has it."""
        return {"schema": SCHEMA, "id": self.id, "name": self.name}


def new_note_name(folder: str) -> str:
    """Return a name that no other note has."""
    return f"{folder}/{uuid.uuid4().hex}.json"


def name_of_tenant(workspace_id: str) -> str:
    """Return how the note of a workspace is called."""
    return f"{WORKSPACES}/{workspace_id}.json"


def tenant_of(name: str) -> str | None:
    """Return the workspace that a note is of, None for another file."""
    folder, _, file = name.partition("/")
    try:
        return str(uuid.UUID(file.removesuffix(".json"))) if folder == WORKSPACES else None
    except ValueError:
        return None


def checked_note(address: str, name: str, content: bytes) -> LetGo | Erasure:
    """Return what a note says.

    Raises:
        DamagedRemoteError: if it says nothing.
        FormatVersionError: if a newer release has written it.
    """
    try:
        record = json.loads(content)
        if int(record["schema"]) > SCHEMA:
            raise FormatVersionError(f"{address}/{name}", int(record["schema"]), SCHEMA)
        kind = LetGo if name.startswith(f"{LET_GO}/") else Erasure
        return kind.from_dict(record)
    except FormatVersionError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, DataWorkspacesError):
        raise DamagedRemoteError(address, name, "it is no note") from None
