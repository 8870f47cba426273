"""Check that a provider of keysets keeps the contract; meant for the tests of its author.

from util_services.keys.conformance import check_key_provider

def test_the_provider_keeps_the_contract(empty_service):
check_key_provider(lambda: MyProvider(empty_service))
"""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from util_services.errors import ConformanceError, DataServicesError
from util_services.keys.errors import (
    DestroyedKeyError,
    DisabledKeyError,
    KeysetExistsError,
    KeysetNotFoundError,
    ReadOnlyProviderError,
    UnknownKeyError,
)
from util_services.keys.info import KeysetInfo
from util_services.keys.keyset import Keyset
from util_services.keys.leaks import is_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from util_services.keys.providers.protocol import KeyProvider

NAME, OTHER_NAME, PURPOSE = "conformance", "conformance-other", "conformance-tests"
ABSENT = "conformance-absent"
WRITERS = 4
CHANGES = 3


def check_key_provider(make: Callable[[], KeyProvider]) -> None:
    """Check a provider that has no keysets yet; it keeps two afterwards, if it keeps any.

    Args:
        make: returns the provider anew, as another process would, on the same keysets.

    Raises:
        ConformanceError: with every rule that it breaks.
    """
    violations = tuple(KeyProviderConformance(make).violations())
    if violations:
        raise ConformanceError(getattr(make(), "name", "without a name"), violations)


class KeyProviderConformance:
    """The rules for providers, one method each, in the order in which they are tried."""

    def __init__(self, make: Callable[[], KeyProvider]) -> None:
        self._make = make
        self._keyset = Keyset.generate(NAME, PURPOSE)

    def violations(self) -> Iterator[str]:
        """Give every rule that the provider breaks."""
        rules = [self._what_is_absent_is_told]
        rules += self._writing_rules() if self._can_write() else [self._changes_are_refused]
        for rule in rules:
            try:
                yield from rule()
            except Exception as error:  # noqa: BLE001 - a provider may raise anything
                frame = traceback.extract_tb(error.__traceback__)[-1]
                yield (
                    f"{rule.__name__.strip('_').replace('_', ' ')}: {type(error).__name__} in "
                    f"{frame.name}, line {frame.lineno}: {error}"
                )

    def _can_write(self) -> bool:
        try:
            self._make().create(self._keyset)
        except ReadOnlyProviderError:
            return False
        except Exception:  # noqa: BLE001 - the first rule of writers tells what it was
            return True
        return True

    def _writing_rules(self) -> list[Callable[[], Iterator[str]]]:
        return [
            self._a_keyset_comes_back_as_it_was,
            self._a_name_and_a_key_are_taken_once,
            self._changes_last,
            self._a_disabled_key_is_loaded_for_backups_alone,
            self._a_destroyed_key_is_gone,
            self._a_change_that_raises_changes_nothing,
            self._writers_take_turns,
            self._no_text_shows_a_key,
        ]

    def _what_is_absent_is_told(self) -> Iterator[str]:
        for what in ("describe", "load"):
            try:
                getattr(self._make(), what)(ABSENT)
            except KeysetNotFoundError:
                continue
            yield f"'{what}' does not raise KeysetNotFoundError for a name that there is not."

    def _changes_are_refused(self) -> Iterator[str]:
        for name in self._make().names() or (ABSENT,):
            try:
                self._make().update(name, KeysetInfo.rotated)
            except ReadOnlyProviderError:
                continue
            yield "'create' refuses as a provider that only reads, and 'update' does not."

    def _a_keyset_comes_back_as_it_was(self) -> Iterator[str]:
        provider = self._make()
        if NAME not in provider.names():
            yield "'names' does not give the name of a keyset that was made."
        if provider.describe(NAME) != self._keyset.info:
            yield "'describe' does not give what was known of a keyset when it was made."
        loaded = provider.load(NAME)
        if loaded.info != self._keyset.info or loaded.materials != self._keyset.materials:
            yield "'load' does not give the keyset that was made."

    def _a_name_and_a_key_are_taken_once(self) -> Iterator[str]:
        same_key = self._keyset.changed(lambda info: info.restored(OTHER_NAME))
        for keyset in (Keyset.generate(NAME, PURPOSE), same_key):
            try:
                self._make().create(keyset)
            except KeysetExistsError:
                continue
            yield f"'create' takes a {'name' if keyset is not same_key else 'key'} a second time."

    def _changes_last(self) -> Iterator[str]:
        info = self._make().update(NAME, KeysetInfo.rotated)
        keyset = self._make().load(NAME)
        if keyset.info != info or keyset.primary.id == self._keyset.primary.id:
            yield "A rotation is not what is described and loaded afterwards."
        former = self._keyset.primary
        if keyset.key(former.id).subkey("domain") != former.subkey("domain"):
            yield "A rotation changes a key that was there before."

    def _a_disabled_key_is_loaded_for_backups_alone(self) -> Iterator[str]:
        key_id = self._keyset.primary.id
        self._make().update(NAME, lambda info: info.disabled(key_id))
        keyset = self._make().load(NAME)
        if key_id in keyset.materials or not _refuses(DisabledKeyError, keyset, key_id):
            yield "A disabled key is loaded for use."
        if key_id not in self._make().load(NAME, with_disabled=True).materials:
            yield "A disabled key is not loaded for a backup."

    def _a_destroyed_key_is_gone(self) -> Iterator[str]:
        key_id = self._keyset.primary.id
        self._make().update(NAME, lambda info: info.destroyed(key_id))
        keyset = self._make().load(NAME, with_disabled=True)
        if key_id in keyset.materials or not _refuses(DestroyedKeyError, keyset, key_id):
            yield "A destroyed key can still be loaded."
        if self._make().describe(NAME).key(key_id).state != "destroyed":
            yield "Nothing is known any more of a destroyed key."
        try:
            self._make().create(self._keyset.changed(lambda info: info.restored(OTHER_NAME)))
        except KeysetExistsError:
            return
        yield "A destroyed key comes back with another keyset."

    def _a_change_that_raises_changes_nothing(self) -> Iterator[str]:
        before = self._make().describe(NAME)
        try:
            self._make().update(NAME, lambda info: info.disabled("ffffffff"))
        except UnknownKeyError:
            pass
        else:
            yield "An error of a change does not come out of 'update'."
        if self._make().describe(NAME) != before:
            yield "A change that raises changes something."

    def _writers_take_turns(self) -> Iterator[str]:
        self._make().create(Keyset.generate(OTHER_NAME, PURPOSE))
        names = self._make().names()
        if not {NAME, OTHER_NAME} <= set(names) or list(names) != sorted(names):
            yield "'names' does not give all names, sorted."

        def rotate(_: int) -> None:
            for _ in range(CHANGES):
                self._make().update(OTHER_NAME, KeysetInfo.rotated)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(rotate, range(WRITERS)))
        info = self._make().describe(OTHER_NAME)
        if info.revision != 1 + WRITERS * CHANGES or len(info.keys) != info.revision:
            yield "Of several writers at once one undoes what another has done."

    def _no_text_shows_a_key(self) -> Iterator[str]:
        provider = self._make()
        keyset = provider.load(OTHER_NAME)
        shown = [repr(provider), str(provider), repr(vars(provider)), repr(keyset)]
        for refused in (lambda: provider.load(ABSENT), lambda: provider.create(keyset)):
            try:
                refused()
            except DataServicesError as error:
                shown += traceback.TracebackException.from_exception(
                    error, capture_locals=True
                ).format()
        if any(is_shown(key, "\n".join(shown)) for key in keyset.materials.values()):
            yield "A text about the provider, or an error of it, shows a key."


def _refuses(kind: type[Exception], keyset: Keyset, key_id: str) -> bool:
    try:
        keyset.key(key_id)
    except kind:
        return True
    return False
