"""What providers share that keep keysets in the file format of `document`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from util_services.errors import quoted_name
from util_services.keys.document import Document, Wrapped
from util_services.keys.errors import (
    BrokenRecordError,
    DamagedKeysetError,
    KeysetExistsError,
    WrongProviderError,
)
from util_services.keys.info import MAX_NAME, NAME
from util_services.keys.keyset import Keyset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from util_services.encryption.secret import Secret
    from util_services.keys.info import KeysetInfo
    from util_services.keys.providers.protocol import Wrapping

APPLICATION = "data-services"
USABLE = frozenset({"primary", "active"})
LIVING = USABLE | {"disabled"}


class DocumentProvider:
    """Reads keysets; those who inherit from it say where a document is."""

    name: ClassVar[str]

    def __init__(self, wrapping: Wrapping) -> None:
        self._wrapping = wrapping

    def describe(self, name: str) -> KeysetInfo:
        """Return what may be known of a keyset."""
        return self._document(name).info

    def load(self, name: str, *, with_disabled: bool = False) -> Keyset:
        """Return a keyset with the keys that may be used."""
        document = self._document(name)
        states = LIVING if with_disabled else USABLE
        wanted = [key.id for key in document.info.keys if key.state in states]
        with self._damage(name):
            return Keyset(
                document.info, {key_id: self._unwrapped(document, key_id) for key_id in wanted}
            )

    def _place(self, name: str) -> str:
        """Return what a keyset is called at the beginning of a sentence."""
        raise NotImplementedError

    def _content(self, name: str) -> Secret:
        """Return the document of a keyset as it is stored."""
        raise NotImplementedError

    def _document(self, name: str) -> Document:
        content = self._content(name)
        with self._damage(name):
            document = Document.from_bytes(content)
            if document.info.name != name:
                raise BrokenRecordError(f"its name is {quoted_name(document.info.name)}")
            return document

    def _unwrapped(self, document: Document, key_id: str) -> Secret:
        wrapped = document.materials[key_id]
        if wrapped.wrapping != self._wrapping.kind:
            place = self._place(document.info.name)
            raise WrongProviderError(place, wrapped.wrapping, self.name)
        return self._wrapping.unwrap(context_of(document.info, key_id), wrapped.content)

    def _wrapped(self, info: KeysetInfo, key_id: str, material: Secret) -> Wrapped:
        content = self._wrapping.wrap(context_of(info, key_id), material)
        return Wrapped(self._wrapping.kind, content)

    @contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        try:
            yield
        except BrokenRecordError as error:
            raise DamagedKeysetError(self._place(name), str(error)) from None


def context_of(info: KeysetInfo, key_id: str) -> dict[str, str]:
    """Return what a wrapped key is bound to."""
    return {
        "application": APPLICATION,
        "keyset": info.name,
        "purpose": info.purpose,
        "key": key_id,
    }


def refuse_known_keys(info: KeysetInfo, others: Iterable[KeysetInfo]) -> None:
    """Check that no other keyset has, or had, a key of this one.

    So a key serves one purpose, and one that was destroyed does not come back.

    Raises:
        KeysetExistsError: naming the first that does.
    """
    ids, checks = {key.id for key in info.keys}, {key.check for key in info.keys}
    for other in others:
        for key in other.keys:
            if key.id in ids or key.check in checks:
                state = "was destroyed" if key.state == "destroyed" else f"is {key.state}"
                raise KeysetExistsError(
                    f"The key '{key.id}' {state} in the keyset {quoted_name(other.name)}; a key "
                    "belongs to one keyset, and a destroyed one does not come back."
                )


def is_name(name: str) -> bool:
    """Return whether a keyset can have a name."""
    return len(name) <= MAX_NAME and NAME.fullmatch(name) is not None
