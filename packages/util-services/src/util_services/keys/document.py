"""The file format of a keyset: what is known of it, and each key as its wrapping keeps it.

{"kind": "data-services/keyset", "schema": 1, "name": …, "purpose": …, "created": …,
"revision": …, "keys": [{"id": …, "state": …, …}, …], "history": […],
"materials": {"<key id>": {"wrapping": "plain", "content": "<Base64>"}}}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.encryption.secret import Secret, discreet
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import (
    from_base64,
    parse,
    require_fields,
    require_form,
    to_base64,
    to_json,
)
from util_services.keys.info import KeysetInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND = "data-services/keyset"
SCHEMA = 1
WRAPPING = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key as a file holds it, which with the wrapping ``plain`` is the key itself."""

    wrapping: str
    content: Secret


@dataclass(frozen=True, slots=True)
class Document:
    """A keyset as a file holds it."""

    info: KeysetInfo
    materials: Mapping[str, Wrapped]  # of each key that is not destroyed, by its id

    @discreet
    def to_bytes(self) -> Secret:
        """Return the content of the file."""
        materials = {
            key_id: {"wrapping": w.wrapping, "content": to_base64(w.content.reveal())}
            for key_id, w in self.materials.items()
        }
        record = {**self.info.to_dict(), "materials": materials}
        return Secret(to_json(KIND, SCHEMA, record).encode())

    @classmethod
    def from_bytes(cls, content: Secret) -> Document:
        """Return the keyset that the content of a file stands for.

        Raises:
            BrokenRecordError: if it is none.
        """
        return _read(content)


@discreet
def _read(content: Secret) -> Document:
    record = parse(content.reveal(), KIND, SCHEMA)
    held = record.pop("materials", None)
    info = KeysetInfo.from_dict(record)
    living = {key.id for key in info.keys if key.state != "destroyed"}
    if not isinstance(held, dict) or set(held) != living:
        raise BrokenRecordError("'materials' does not hold each key that is not destroyed")
    materials = {key_id: _wrapped(fields) for key_id, fields in held.items()}
    contents = [w.content.reveal() for w in materials.values()]
    if len(set(contents)) != len(contents):
        raise BrokenRecordError("two of its keys are the same")
    return Document(info, materials)


def _wrapped(fields: Any) -> Wrapped:
    require_fields(fields, {"wrapping", "content"}, "a material")
    wrapping = require_form(fields["wrapping"], WRAPPING, "the 'wrapping' of a material")
    return Wrapped(wrapping, Secret(from_base64(fields["content"], "the 'content' of a material")))
