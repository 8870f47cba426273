"""What may be known of a keyset: names, ids, states, times and history, and never a key.

All changes of state are here, as pure functions. NIST SP 800-57 part 1, section 7, calls the states
active (our *primary*), deactivated (*active*: only for reading), suspended (*disabled*) and
destroyed.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from util_services.errors import quoted_name
from util_services.keys.errors import (
    BrokenRecordError,
    DestroyedKeyError,
    KeysetNameError,
    KeyStateError,
    UnknownKeyError,
)
from util_services.keys.fields import (
    MAX_TEXT,
    instant,
    require_fields,
    require_form,
    require_instant,
    require_list,
    require_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["primary", "active", "disabled", "destroyed"]
Action = Literal["created", "rotated", "disabled", "enabled", "destroyed", "restored"]

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME = 63
KEY_ID = re.compile(r"[0-9a-f]{8}")
CHECK = re.compile(r"[0-9a-f]{16}")
STATE = re.compile("|".join(get_args(State)))
ACTION = re.compile("|".join(get_args(Action)))


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be known of one key; ``check`` tells keys apart without telling anything of them."""

    id: str
    state: State
    created: str
    changed: str
    check: str

    def to_dict(self) -> dict[str, str]:
        """Return the record as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> KeyInfo:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none.
        """
        require_fields(fields, {"id", "state", "created", "changed", "check"}, "a key")
        require_form(fields["id"], KEY_ID, "the 'id' of a key")
        require_form(fields["state"], STATE, "the 'state' of a key")
        require_instant(fields["created"], "'created' of a key")
        require_instant(fields["changed"], "'changed' of a key")
        require_form(fields["check"], CHECK, "'check' of a key")
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Event:
    """What was done to a keyset, when and by whom, as that account calls itself."""

    at: str
    action: Action
    key: str
    by: str
    reason: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the record as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Event:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none.
        """
        require_fields(fields, {"at", "action", "key", "by", "reason"}, "an event")
        require_instant(fields["at"], "'at' of an event")
        require_form(fields["action"], ACTION, "the 'action' of an event")
        require_form(fields["key"], KEY_ID, "the 'key' of an event")
        require_text(fields["by"], "'by' of an event")
        require_text(fields["reason"], "the 'reason' of an event")
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class KeysetInfo:
    """What may be known of a keyset; a change returns another one with a higher revision."""

    name: str
    purpose: str
    created: str
    revision: int
    keys: tuple[KeyInfo, ...]  # the newest first
    history: tuple[Event, ...]  # the oldest first

    @property
    def primary(self) -> KeyInfo | None:
        """The key for new data, None where all keys are destroyed."""
        return next((key for key in self.keys if key.state == "primary"), None)

    @property
    def living(self) -> set[str]:
        """The ids of the keys that are not destroyed."""
        return {key.id for key in self.keys if key.state != "destroyed"}

    def require_primary(self) -> KeyInfo:
        """Return the key for new data.

        Raises:
            DestroyedKeyError: if all keys are destroyed.
        """
        if self.primary is None:
            raise DestroyedKeyError(self.name, self.keys[0].id, self.keys[0].changed)
        return self.primary

    def key(self, key_id: str) -> KeyInfo:
        """Return what is known of a key.

        Raises:
            UnknownKeyError: if the keyset does not have it.
        """
        for key in self.keys:
            if key.id == key_id:
                return key
        raise UnknownKeyError(self.name, key_id)

    def rotated(self, now: str | None = None) -> KeysetInfo:
        """Return a keyset with a new primary key; the former one stays for reading.

        The new key has no check yet: whoever makes its material adds it by `with_check`.

        Raises:
            DestroyedKeyError: if the keyset was destroyed.
        """
        self.require_primary()
        now = now or utc_now()
        new = KeyInfo(new_key_id({key.id for key in self.keys}), "primary", now, now, "")
        older = tuple(
            replace(key, state="active", changed=now) if key.state == "primary" else key
            for key in self.keys
        )
        return self._changed((new, *older), Event(now, "rotated", new.id, account()))

    def disabled(self, key_id: str, now: str | None = None) -> KeysetInfo:
        """Return a keyset in which a key is not used until it is enabled again.

        Raises:
            KeyStateError: if it is the primary key, or disabled or destroyed already.
        """
        key = self._living(key_id)
        if key.state == "primary":
            raise KeyStateError(
                f"The key '{key_id}' is the primary key of {quoted_name(self.name)}; make another "
                "one primary with 'data-services keys rotate' first."
            )
        return self._with_state(key, "active", "disabled", "disabled", now)

    def enabled(self, key_id: str, now: str | None = None) -> KeysetInfo:
        """Return a keyset in which a disabled key is read with again.

        Raises:
            KeyStateError: if it is not disabled.
        """
        return self._with_state(self._living(key_id), "disabled", "active", "enabled", now)

    def destroyed(
        self, key_id: str | None = None, reason: str = "", now: str | None = None
    ) -> KeysetInfo:
        """Return a keyset in which a key, or every key, is destroyed for good.

        Raises:
            KeyStateError: if it is the primary key beside others, or destroyed already.
        """
        now = now or utc_now()
        if key_id is None:
            self.require_primary()
            doomed = [key for key in self.keys if key.state != "destroyed"]
        else:
            doomed = [self._living(key_id)]
            if doomed[0].state == "primary":
                raise KeyStateError(
                    f"The key '{key_id}' is the primary key of {quoted_name(self.name)}; rotate "
                    "first, or destroy the whole keyset by naming no key."
                )
        keys = tuple(
            replace(key, state="destroyed", changed=now) if key in doomed else key
            for key in self.keys
        )
        by, reason = account(), one_line(reason)
        events = (Event(now, "destroyed", key.id, by, reason) for key in doomed)
        return self._changed(keys, *events)

    def with_check(self, key_id: str, check: str) -> KeysetInfo:
        """Return the keyset with the check of a new key."""
        keys = tuple(replace(k, check=check) if k.id == key_id else k for k in self.keys)
        return replace(self, keys=keys)

    def restored(self, name: str, now: str | None = None) -> KeysetInfo:
        """Return the keyset of a backup, under a name of its own."""
        now = now or utc_now()
        event = Event(now, "restored", self.require_primary().id, account())
        return replace(self._changed(self.keys, event), name=require_name(name, "keyset"))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "created": self.created,
            "revision": self.revision,
            "keys": [key.to_dict() for key in self.keys],
            "history": [event.to_dict() for event in self.history],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> KeysetInfo:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none, or says what cannot be.
        """
        names = {"name", "purpose", "created", "revision", "keys", "history"}
        require_fields(fields, names, "a keyset")
        for name in ("name", "purpose"):
            require_form(fields[name], NAME, f"'{name}'")
        require_instant(fields["created"], "'created'")
        if type(fields["revision"]) is not int or fields["revision"] < 1:
            raise BrokenRecordError("'revision' is no whole number from 1 on")
        keys = tuple(map(KeyInfo.from_dict, require_list(fields["keys"], "'keys'")))
        events = tuple(map(Event.from_dict, require_list(fields["history"], "'history'")))
        info = cls(
            fields["name"], fields["purpose"], fields["created"], fields["revision"], keys, events
        )
        info._check()
        return info

    def _check(self) -> None:
        states = Counter(key.state for key in self.keys)
        if len({key.id for key in self.keys}) != len(self.keys):
            raise BrokenRecordError("two of its keys have the same id")
        if not (self.keys and self.history):
            raise BrokenRecordError("it has no keys, or no history")
        if states["primary"] != 1 and states["destroyed"] != len(self.keys):
            raise BrokenRecordError("not exactly one of its keys is the primary one")

    def _living(self, key_id: str) -> KeyInfo:
        key = self.key(key_id)
        if key.state == "destroyed":
            raise DestroyedKeyError(self.name, key_id, key.changed)
        return key

    def _with_state(
        self, key: KeyInfo, before: State, after: State, action: Action, now: str | None
    ) -> KeysetInfo:
        if key.state != before:
            raise KeyStateError(
                f"The key '{key.id}' of the keyset {quoted_name(self.name)} is {key.state}; only "
                f"one that is {before} can be {action}."
            )
        now = now or utc_now()
        keys = tuple(replace(k, state=after, changed=now) if k is key else k for k in self.keys)
        return self._changed(keys, Event(now, action, key.id, account()))

    def _changed(self, keys: tuple[KeyInfo, ...], *events: Event) -> KeysetInfo:
        history = (*self.history, *events)
        return replace(self, keys=keys, history=history, revision=self.revision + 1)


def new_keyset_info(name: str, purpose: str, now: str | None = None) -> KeysetInfo:
    """Return a keyset with one key, the primary one, which has no check yet.

    Raises:
        KeysetNameError: if the name or the purpose cannot be one.
    """
    require_name(name, "keyset")
    require_name(purpose, "purpose")
    now = now or utc_now()
    key = KeyInfo(new_key_id(set()), "primary", now, now, "")
    return KeysetInfo(name, purpose, now, 1, (key,), (Event(now, "created", key.id, account()),))


def require_name(name: str, what: str) -> str:
    """Return a name of a keyset or a purpose.

    Raises:
        KeysetNameError: if it cannot be one.
    """
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise KeysetNameError(
            f"{quoted_name(name)} cannot name a {what}; use lower-case letters, digits and single "
            f"hyphens between them, {MAX_NAME} characters at most, such as 'clinic-a'."
        )
    return name


def new_key_id(taken: set[str]) -> str:
    """Return a random id of 32 bits that is not taken, as 8 hexadecimal digits."""
    while (key_id := secrets.token_hex(4)) in taken or key_id == "00000000":
        pass
    return key_id


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return instant(datetime.now(UTC))


def account() -> str:
    """Return what the system calls the user of this process."""
    try:
        return one_line(getpass.getuser())
    except (KeyError, OSError):  # the user of a container may have no name
        return f"uid {os.getuid()}"


def one_line(text: str) -> str:
    """Return a text for a history: printable, on one line, and cut."""
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_TEXT]
