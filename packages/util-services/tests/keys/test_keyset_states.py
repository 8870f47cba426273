"""The states of keys: what a change may do, whatever was done before."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from util_services.keys.errors import (
    BrokenRecordError,
    DestroyedKeyError,
    KeysetNameError,
    KeyStateError,
    UnknownKeyError,
)
from util_services.keys.info import Event, KeyInfo, KeysetInfo, new_key_id, new_keyset_info

NOW = "2026-05-04T08:00:00Z"
LATER = "2026-05-05T08:00:00Z"


def with_checks(info):
    return replace(info, keys=tuple(replace(key, check=key.id * 2) for key in info.keys))


@pytest.fixture
def info():
    """A keyset with a primary key and, from before, an active one."""
    return with_checks(new_keyset_info("demo", "pseudonymisation", NOW).rotated(NOW))


def states(info):
    return [key.state for key in info.keys]


def test_a_new_keyset_has_one_key_which_is_the_primary_one():
    info = new_keyset_info("demo", "audit", NOW)

    assert (info.name, info.purpose, info.created, info.revision) == ("demo", "audit", NOW, 1)
    assert states(info) == ["primary"]
    assert [(event.action, event.key) for event in info.history] == [("created", info.keys[0].id)]


def test_a_rotation_leaves_the_former_primary_key_for_reading(info):
    former = info.primary

    rotated = info.rotated(LATER)

    assert states(rotated) == ["primary", "active", "active"]
    assert rotated.key(former.id) == replace(former, state="active", changed=LATER)
    assert rotated.primary.created == LATER
    assert rotated.revision == info.revision + 1


def test_a_disabled_key_can_be_enabled_again(info):
    key = info.keys[1].id

    disabled = info.disabled(key, LATER)

    assert states(disabled) == ["primary", "disabled"]
    assert states(disabled.enabled(key)) == ["primary", "active"]
    assert [event.action for event in disabled.enabled(key).history[-2:]] == ["disabled", "enabled"]


def test_a_destroyed_key_stays_on_record_with_time_account_and_reason(info):
    key = info.keys[1]

    destroyed = info.destroyed(key.id, "end of\nthe study", LATER)

    assert destroyed.key(key.id) == replace(key, state="destroyed", changed=LATER)
    last = destroyed.history[-1]
    assert (last.at, last.action, last.key) == (LATER, "destroyed", key.id)
    assert (last.reason, bool(last.by)) == ("end of the study", True)


def test_destroying_without_naming_a_key_destroys_all(info):
    gone = info.destroyed(None, "erasure", LATER)

    assert states(gone) == ["destroyed", "destroyed"]
    assert gone.primary is None
    assert gone.living == set()
    assert [event.key for event in gone.history[-2:]] == [key.id for key in info.keys]
    for change in (KeysetInfo.rotated, KeysetInfo.destroyed, lambda one: one.restored("other")):
        with pytest.raises(DestroyedKeyError, match="was destroyed on"):
            change(gone)


REFUSED = {
    "rotate first": (
        lambda info: info.disabled(info.keys[0].id),
        "The key '{primary}' is the primary key of 'demo'; make another one primary with "
        "'data-services keys rotate' first.",
    ),
    "destroy the primary key alone": (
        lambda info: info.destroyed(info.keys[0].id),
        "The key '{primary}' is the primary key of 'demo'; rotate first, or destroy the whole "
        "keyset by naming no key.",
    ),
    "enable what is enabled": (
        lambda info: info.enabled(info.keys[1].id),
        "The key '{active}' of the keyset 'demo' is active; only one that is disabled can be "
        "enabled.",
    ),
    "disable twice": (
        lambda info: info.disabled(info.keys[1].id).disabled(info.keys[1].id),
        "The key '{active}' of the keyset 'demo' is disabled; only one that is active can be "
        "disabled.",
    ),
    "enable what is destroyed": (
        lambda info: info.destroyed(info.keys[1].id, now=LATER).enabled(info.keys[1].id),
        "The key '{active}' of the keyset 'demo' was destroyed on 2026-05-05T08:00:00Z, which "
        "cannot be undone; what it protected cannot be read any more.",
    ),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_a_state_does_not_allow_is_one_sentence(info, change):
    make, sentence = REFUSED[change]

    with pytest.raises(KeyStateError) as refused:
        make(info)

    ids = {"primary": info.keys[0].id, "active": info.keys[1].id}
    assert str(refused.value) == sentence.format(**ids)


def test_an_unknown_key_is_named(info):
    with pytest.raises(UnknownKeyError) as refused:
        info.disabled("nothing\x1b")

    assert str(refused.value) == (
        r"The keyset 'demo' has no key 'nothing\x1b'; 'data-services keys show' lists those that "
        "it has."
    )


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a_b", "a--b", "-a", "a-", "a.b", "../a", "a/b", "a\n", "é", "a" * 64]
)
def test_a_name_that_could_lead_elsewhere_or_be_mistaken_is_refused(name):
    with pytest.raises(KeysetNameError, match="cannot name a keyset; use lower-case letters"):
        new_keyset_info(name, "audit")
    with pytest.raises(KeysetNameError, match="cannot name a purpose"):
        new_keyset_info("demo", name)


@given(st.text(alphabet="abc019-", min_size=1, max_size=63))
def test_names_that_are_accepted_differ_as_variables_too(name):
    try:
        info = new_keyset_info(name, "audit")
    except KeysetNameError:
        return

    assert name.upper().replace("-", "_").lower().replace("_", "-") == info.name


def test_ids_are_never_zero_nor_taken(monkeypatch):
    offered = iter(["00000000", "00a1b2c3", "00a1b2c4"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(offered))

    assert new_key_id({"00a1b2c3"}) == "00a1b2c4"


class Lives(RuleBasedStateMachine):
    """Any sequence of changes, allowed or refused, to a keyset."""

    def __init__(self):
        super().__init__()
        self.info = with_checks(new_keyset_info("demo", "audit", NOW))
        self.destroyed = set()

    def change(self, change):
        before = self.info
        try:
            self.info = with_checks(change(before))
        except KeyStateError:
            return
        assert self.info.revision == before.revision + 1
        assert self.info.history[: len(before.history)] == before.history
        assert len(self.info.history) > len(before.history)

    @precondition(lambda self: len(self.info.keys) < 6)
    @rule()
    def rotate(self):
        self.change(KeysetInfo.rotated)

    @rule(number=st.integers(0, 5), action=st.sampled_from(["disabled", "enabled", "destroyed"]))
    def change_one(self, number, action):
        key = self.info.keys[number % len(self.info.keys)]
        self.change(lambda info: getattr(info, action)(key.id))
        self.destroyed |= {key.id for key in self.info.keys if key.state == "destroyed"}

    @rule()
    def destroy_all(self):
        self.change(KeysetInfo.destroyed)
        self.destroyed |= {key.id for key in self.info.keys if key.state == "destroyed"}

    @invariant()
    def exactly_one_key_is_primary_unless_all_are_gone(self):
        assert states(self.info).count("primary") == bool(self.info.living)

    @invariant()
    def what_was_destroyed_stays_so(self):
        assert self.destroyed == {key.id for key in self.info.keys} - self.info.living

    @invariant()
    def it_comes_back_from_json_as_it_was(self):
        assert KeysetInfo.from_dict(json.loads(json.dumps(self.info.to_dict()))) == self.info


TestLives = Lives.TestCase


def test_a_record_with_a_field_that_is_missing_unknown_or_not_of_its_form_is_refused(info):
    good = info.to_dict()
    wrong = {
        "name": ["", 1, "A", None],
        "purpose": ["a b", None],
        "created": ["yesterday", "2026-13-40T00:00:00Z", 0],
        "revision": [0, "1", True, 1.0, None],
        "keys": [[], {}, None, [good["keys"][0]] * 2, [good["keys"][1]]],
        "history": [{}, [1], [{"at": NOW}]],
    }
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(BrokenRecordError):
                KeysetInfo.from_dict({**good, name: value})
        with pytest.raises(BrokenRecordError, match=f"lacks '{name}'"):
            KeysetInfo.from_dict({key: value for key, value in good.items() if key != name})
    with pytest.raises(BrokenRecordError, match="has the unknown field 'more'"):
        KeysetInfo.from_dict({**good, "more": 1})


@pytest.mark.parametrize("kind", [KeyInfo, Event])
def test_the_records_inside_are_read_as_strictly(info, kind):
    good = (info.keys if kind is KeyInfo else info.history)[0].to_dict()

    assert kind.from_dict(good).to_dict() == good
    for name in good:
        for value in (None, 7, "?\n"):
            with pytest.raises(BrokenRecordError):
                kind.from_dict({**good, name: value})
