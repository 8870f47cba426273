"""The check for providers finds each rule that one of them breaks."""

import pytest

from util_services.errors import ConformanceError
from util_services.keys import KeysetInfo
from util_services.keys.conformance import check_key_provider
from util_services.keys.errors import ReadOnlyProviderError
from util_services.keys.keyset import Keyset
from util_services.keys.providers.file import FileProvider, PlainWrapping


class Sloppy(FileProvider):
    name = "sloppy"

    def __init__(self, folder):
        super().__init__(folder, PlainWrapping())


class Forgets(Sloppy):
    def describe(self, name):
        return Keyset.generate(name).info


class LosesTheOrder(Sloppy):
    def names(self):
        return tuple(reversed(super().names()))


class TakesNamesTwice(Sloppy):
    def create(self, keyset):
        (self.folder / f"{keyset.name}.json").unlink(missing_ok=True)
        super().create(keyset)


class TakesKeysTwice(Sloppy):
    def create(self, keyset):
        other = Sloppy(self.folder.parent / keyset.name)
        other.create(keyset)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (other.folder / f"{keyset.name}.json").replace(self.folder / f"{keyset.name}.json")


class ChangesNothing(Sloppy):
    def update(self, name, change):
        return change(self.describe(name))


class LoadsDisabledKeys(Sloppy):
    def load(self, name, *, with_disabled=False):  # noqa: ARG002
        return super().load(name, with_disabled=True)


class LosesDisabledKeys(Sloppy):
    def load(self, name, *, with_disabled=False):  # noqa: ARG002
        return super().load(name)


class SwallowsErrors(Sloppy):
    def update(self, name, change):
        try:
            return super().update(name, change)
        except Exception:  # noqa: BLE001
            return self.describe(name)


class ShowsKeys(Sloppy):
    def __repr__(self):
        found = [self.load(name).materials for name in self.names()]
        return repr([key.reveal() for keys in found for key in keys.values()])


class InventsKeysets(Sloppy):
    def load(self, name, *, with_disabled=False):
        try:
            return super().load(name, with_disabled=with_disabled)
        except LookupError:
            return Keyset.generate(name)


class ReadsAlone(Sloppy):
    def create(self, keyset):  # noqa: ARG002
        raise ReadOnlyProviderError(self.name, "ask somebody else.")


BROKEN = {
    Forgets: "'describe' does not give what was known of a keyset when it was made.",
    LosesTheOrder: "'names' does not give all names, sorted.",
    TakesNamesTwice: "'create' takes a name a second time.",
    TakesKeysTwice: "'create' takes a key a second time.",
    ChangesNothing: "A rotation is not what is described and loaded afterwards.",
    LoadsDisabledKeys: "A disabled key is loaded for use.",
    LosesDisabledKeys: "A disabled key is not loaded for a backup.",
    SwallowsErrors: "An error of a change does not come out of 'update'.",
    ShowsKeys: "A text about the provider, or an error of it, shows a key.",
    InventsKeysets: "'load' does not raise KeysetNotFoundError for a name that there is not.",
    ReadsAlone: "'create' refuses as a provider that only reads, and 'update' does not.",
}


@pytest.mark.parametrize("provider", BROKEN)
def test_a_rule_that_is_broken_is_told(provider, tmp_path):
    folder = tmp_path / "keys"
    if provider is ReadsAlone:
        Sloppy(folder).create(Keyset.generate("there-before"))

    with pytest.raises(ConformanceError) as told:
        check_key_provider(lambda: provider(folder))

    assert told.value.distribution == "sloppy"
    assert BROKEN[provider] in told.value.violations


def test_an_error_inside_a_provider_is_told_with_its_place(tmp_path):
    class Breaks(Sloppy):
        def names(self):
            return 1 / 0

    with pytest.raises(ConformanceError, match="ZeroDivisionError in names, line "):
        check_key_provider(lambda: Breaks(tmp_path / "keys"))


def test_a_provider_that_undoes_the_work_of_others_is_told(tmp_path):
    class Races(Sloppy):
        def update(self, name, change):
            import time

            info = self.describe(name)
            time.sleep(0.02)
            return super().update(name, lambda _: change(info))

    with pytest.raises(ConformanceError, match="one undoes what another has done"):
        check_key_provider(lambda: Races(tmp_path / "keys"))


def test_a_provider_that_does_not_forget_a_destroyed_key_is_told(tmp_path):
    class Remembers(Sloppy):
        kept = {}  # noqa: RUF012 - on purpose

        def load(self, name, *, with_disabled=False):
            keyset = super().load(name, with_disabled=with_disabled)
            self.kept |= keyset.materials
            keyset._materials.update(self.kept)
            return keyset

    with pytest.raises(ConformanceError, match="A destroyed key can still be loaded"):
        check_key_provider(lambda: Remembers(tmp_path / "keys"))


def test_a_keyset_that_was_there_before_is_changed_by_no_check(tmp_path):
    provider = Sloppy(tmp_path / "keys")
    provider.create(Keyset.generate("demo").changed(KeysetInfo.rotated))
    before = provider.describe("demo")

    check_key_provider(lambda: Sloppy(tmp_path / "keys"))

    assert provider.describe("demo") == before
