"""The outbox: what is still to be told, kept until each channel has it or it is given up.

A notification is put in once, by its idempotency key, with one delivery for each channel. Whoever
delivers takes a lease on a delivery, so that no two do so at once; the lease of a process that has
died is taken over, at once on the same machine and after ``LEASE_SECONDS`` from another. So a
notification is sent twice only where a process dies, or the receiver's answer is lost, between the
sending and its record.

A receiver in trouble pauses its whole channel, a refusal only the one delivery; pauses double up to
a bound. What nobody took in time is given up: it stays on record, with the reason.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, or_, select, update

from util_services.notifications.delivery import (
    DELIVERED,
    GIVEN_UP,
    WAITING,
    ChannelState,
    Delivery,
    Entry,
    State,
)
from util_services.notifications.notification import Notification
from util_services.notifications.tables import SCHEMA, channels, deliveries, notifications, tables
from util_services.state.database import Database
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy import ColumnElement, Connection, Row

    from util_services.notifications.channel import DeliveryError

DAY = 86_400.0
LEASE_SECONDS = 300.0
FIRST_PAUSE_SECONDS = 15.0
LONGEST_CHANNEL_PAUSE_SECONDS = 300.0  # a receiver that is back is noticed within this time
LONGEST_REFUSAL_PAUSE_SECONDS = 3_600.0
GIVE_UP_DAYS = 7.0
KEEP_DELIVERED_DAYS = 7.0  # so long a repeat is known as such
KEEP_GIVEN_UP_DAYS = 90.0
MOST_WAITING = 10_000  # of a channel; older ones are given up
MOST_KEYS_AT_ONCE = 500  # in one statement
CANDIDATES = 20


class Outbox:
    """The outbox in a database.

    Args:
        address: the database, see `Database`.
        clock: returns seconds since the epoch.
        give_up_days: how long a notification is tried.

    Raises:
        ConfigurationError: if the address is of an unknown kind.
        StateError: if the database cannot be used; so does every method.
    """

    def __init__(
        self,
        address: str,
        *,
        clock: Callable[[], float] = time.time,
        give_up_days: float = GIVE_UP_DAYS,
    ) -> None:
        self._database = Database(address, tables, "notifications", SCHEMA)
        self._clock = clock
        self._give_up_seconds = give_up_days * DAY

    @property
    def place(self) -> str:
        """Where the outbox is, for a sentence."""
        return self._database.place

    def put(self, notification: Notification, over: Iterable[str]) -> bool:
        """Take in a notification for some channels; return False if it is known already."""
        now, key = self._clock(), notification.idempotency_key
        payload = json.dumps(notification.to_dict(), sort_keys=True)
        with self._database.transaction() as connection:
            if not self._database.insert_new(
                connection, notifications, key=key, created=now, payload=payload
            ):
                return False
            rows = [
                {"key": key, "channel": channel, "state": WAITING}
                | dict.fromkeys(("since", "due", "changed"), now)
                for channel in over
            ]
            if rows:
                connection.execute(insert(deliveries), rows)
        return True

    def known(self, keys: Collection[str]) -> set[str]:
        """Return which of these notifications were put in."""
        found: set[str] = set()
        waiting = list(keys)
        with self._database.transaction() as connection:
            while waiting:
                some, waiting = waiting[:MOST_KEYS_AT_ONCE], waiting[MOST_KEYS_AT_ONCE:]
                query = select(notifications.c.key).where(notifications.c.key.in_(some))
                found.update(connection.scalars(query))
        return found

    def lease(self, channel: str) -> Delivery | None:
        """Return the next delivery that is due on a channel, None if there is none.

        One that has failed is behind those that have not, so that it holds up none of them.
        """
        now = self._clock()
        with self._database.transaction() as connection:
            paused_until = connection.scalar(
                select(channels.c.paused_until).where(channels.c.channel == channel)
            )
            if paused_until is not None and paused_until > now:
                return None
            for row in self._candidates(connection, channel, now):
                delivery = self._take(connection, row, now)
                if delivery is not None:
                    return delivery
        return None

    def acknowledge(self, delivery: Delivery) -> None:
        """Record that the receiver has it, and that the channel is in order."""
        with self._database.transaction() as connection:
            connection.execute(
                update(deliveries)
                .where(*_is(delivery), deliveries.c.state == WAITING)
                .values(state=DELIVERED, changed=self._clock(), lease="", reason=None)
            )
            connection.execute(
                update(channels)
                .where(channels.c.channel == delivery.channel)
                .values(failures=0, failing_since=None, paused_until=0.0, reason=None)
            )

    def postpone(self, delivery: Delivery, error: DeliveryError) -> None:
        """Record that it was not delivered, and when to try again."""
        now = self._clock()
        longest = (
            LONGEST_CHANNEL_PAUSE_SECONDS if error.is_passing else LONGEST_REFUSAL_PAUSE_SECONDS
        )
        with self._database.transaction() as connection:
            connection.execute(
                update(deliveries)
                .where(*_is(delivery), deliveries.c.lease == delivery.lease)
                .values(
                    due=now + _pause(delivery.attempts, longest),
                    changed=now,
                    lease="",
                    reason=error.reason,
                )
            )
            if error.is_passing:
                self._pause_channel(connection, delivery.channel, error.reason, now)

    def give_up_overdue(self) -> tuple[Entry, ...]:
        """Give up what has waited too long, and the oldest where too many wait; return them."""
        now = self._clock()
        days = f"{self._give_up_seconds / DAY:g} days"
        is_idle = and_(
            deliveries.c.state == WAITING,
            or_(deliveries.c.lease == "", deliveries.c.leased_until <= now),
        )
        with self._database.transaction() as connection:
            is_overdue = deliveries.c.since <= now - self._give_up_seconds
            overdue = self._entries(connection, and_(is_idle, is_overdue))
            given_up = self._give_up(
                connection, overdue, is_idle, f"it was not taken within {days}"
            )
            counts = connection.execute(
                select(deliveries.c.channel, func.count())
                .where(deliveries.c.state == WAITING)
                .group_by(deliveries.c.channel)
            ).all()
            for channel, waiting in counts:
                if waiting > MOST_WAITING:
                    idle = self._entries(connection, and_(is_idle, deliveries.c.channel == channel))
                    excess = idle[: waiting - MOST_WAITING]
                    reason = f"more than {MOST_WAITING} were waiting"
                    given_up += self._give_up(connection, excess, is_idle, reason)
        return tuple(given_up)

    def forget_old(self) -> None:
        """Remove records that are no longer needed; those given up are still counted."""
        now = self._clock()
        with self._database.transaction() as connection:
            old = and_(
                deliveries.c.state == GIVEN_UP,
                deliveries.c.changed <= now - KEEP_GIVEN_UP_DAYS * DAY,
            )
            query = select(deliveries.c.channel, func.count()).where(old)
            for channel, count in connection.execute(query.group_by(deliveries.c.channel)).all():
                self._database.insert_new(connection, channels, channel=channel)
                connection.execute(
                    update(channels)
                    .where(channels.c.channel == channel)
                    .values(forgotten=channels.c.forgotten + count)
                )
            done = and_(
                deliveries.c.state == DELIVERED,
                deliveries.c.changed <= now - KEEP_DELIVERED_DAYS * DAY,
            )
            connection.execute(delete(deliveries).where(or_(old, done)))
            connection.execute(
                delete(notifications).where(
                    notifications.c.created <= now - KEEP_DELIVERED_DAYS * DAY,
                    notifications.c.key.not_in(select(deliveries.c.key)),
                )
            )

    def entries(self, states: Collection[State]) -> tuple[Entry, ...]:
        """Return how notifications in some states stand, the oldest first."""
        with self._database.transaction() as connection:
            return self._entries(connection, deliveries.c.state.in_(states))

    def channels(self) -> tuple[ChannelState, ...]:
        """Return how each channel stands that ever had something to deliver."""
        with self._database.transaction() as connection:
            counts = connection.execute(
                select(deliveries.c.channel, deliveries.c.state, func.count()).group_by(
                    deliveries.c.channel, deliveries.c.state
                )
            ).all()
            troubles = {row.channel: row for row in connection.execute(select(channels))}
        count_of = {(channel, state): count for channel, state, count in counts}
        names = sorted({channel for channel, _ in count_of} | troubles.keys())
        return tuple(
            ChannelState(
                name,
                waiting=count_of.get((name, WAITING), 0),
                delivered=count_of.get((name, DELIVERED), 0),
                given_up=count_of.get((name, GIVEN_UP), 0),
                forgotten=trouble.forgotten if (trouble := troubles.get(name)) else 0,
                failing_since=trouble.failing_since if trouble else None,
                paused_until=trouble.paused_until if trouble else 0.0,
                reason=trouble.reason if trouble else None,
            )
            for name in names
        )

    def retry(self, keys: Collection[str] = (), channel: str | None = None) -> int:
        """Make due what waits or was given up, and end the pauses of its channels.

        Args:
            keys: the notifications; all where none is named.
            channel: the channel; each where none is named.

        Returns:
            How many deliveries are due again.
        """
        now = self._clock()
        chosen: list[ColumnElement[bool]] = [deliveries.c.state.in_((WAITING, GIVEN_UP))]
        if keys:
            chosen.append(deliveries.c.key.in_(keys))
        if channel is not None:
            chosen.append(deliveries.c.channel == channel)
        with self._database.transaction() as connection:
            names = connection.scalars(select(deliveries.c.channel).where(*chosen).distinct()).all()
            result = connection.execute(
                update(deliveries)
                .where(*chosen)
                .values(state=WAITING, due=now, since=now, changed=now, attempts=0)
            )
            connection.execute(
                update(channels)
                .where(channels.c.channel.in_(names))
                .values(failures=0, paused_until=0.0)
            )
        return result.rowcount

    def _candidates(self, connection: Connection, channel: str, now: float) -> list[Row[Any]]:
        """Return deliveries that are due: those nobody holds, then those of processes now dead."""
        query = (
            select(deliveries, notifications.c.payload, notifications.c.created)
            .join(notifications)
            .where(
                deliveries.c.channel == channel,
                deliveries.c.state == WAITING,
                deliveries.c.due <= now,
            )
            .order_by(deliveries.c.attempts, deliveries.c.since)
        )
        is_free = or_(deliveries.c.lease == "", deliveries.c.leased_until <= now)
        free = list(connection.execute(query.where(is_free).limit(CANDIDATES)))
        if free:
            return free
        held = connection.execute(query.where(deliveries.c.lease != ""))
        return [row for row in held if Process.from_dict(json.loads(row.holder)).is_gone()]

    def _take(self, connection: Connection, row: Row[Any], now: float) -> Delivery | None:
        """Take the lease on a delivery, None if somebody else was faster."""
        lease = uuid.uuid4().hex
        taken = connection.execute(
            update(deliveries)
            .where(
                deliveries.c.key == row.key,
                deliveries.c.channel == row.channel,
                deliveries.c.state == WAITING,
                deliveries.c.lease == row.lease,
            )
            .values(
                lease=lease,
                leased_until=now + LEASE_SECONDS,
                holder=json.dumps(Process.current().to_dict()),
                attempts=row.attempts + 1,
            )
        )
        if taken.rowcount != 1:
            return None
        notification = Notification.from_dict(json.loads(row.payload))
        return Delivery(notification, row.channel, row.attempts + 1, lease)

    def _pause_channel(self, connection: Connection, channel: str, reason: str, now: float) -> None:
        self._database.insert_new(connection, channels, channel=channel)
        row = connection.execute(select(channels).where(channels.c.channel == channel)).one()
        pause = _pause(row.failures + 1, LONGEST_CHANNEL_PAUSE_SECONDS)
        connection.execute(
            update(channels)
            .where(channels.c.channel == channel)
            .values(
                failures=row.failures + 1,
                failing_since=row.failing_since or now,
                paused_until=now + pause,
                reason=reason,
            )
        )

    def _give_up(
        self,
        connection: Connection,
        entries: Iterable[Entry],
        is_idle: ColumnElement[bool],
        why: str,
    ) -> list[Entry]:
        """Give up deliveries that nobody has taken on meanwhile; return them."""
        given_up = []
        for entry in entries:
            reason = why if entry.reason is None else f"{why}; the last reason was: {entry.reason}"
            changed = self._clock()
            result = connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.key == entry.key, deliveries.c.channel == entry.channel, is_idle
                )
                .values(state=GIVEN_UP, changed=changed, lease="", reason=reason)
            )
            if result.rowcount == 1:
                given_up.append(replace(entry, state=GIVEN_UP, changed=changed, reason=reason))
        return given_up

    def _entries(self, connection: Connection, which: ColumnElement[bool]) -> tuple[Entry, ...]:
        query = (
            select(deliveries, notifications.c.payload, notifications.c.created)
            .join(notifications)
            .where(which)
            .order_by(deliveries.c.since, deliveries.c.key, deliveries.c.channel)
        )
        return tuple(
            Entry(
                key=row.key,
                channel=row.channel,
                job=json.loads(row.payload)["job"],
                state=row.state,
                attempts=row.attempts,
                created=row.created,
                changed=row.changed,
                due=row.due,
                reason=row.reason,
            )
            for row in connection.execute(query)
        )


def _is(delivery: Delivery) -> tuple[ColumnElement[bool], ...]:
    return (deliveries.c.key == delivery.key, deliveries.c.channel == delivery.channel)


def _pause(failures: int, longest: float) -> float:
    """Return the pause after some failures in a row, in seconds; it doubles up to the longest."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 30), longest)
