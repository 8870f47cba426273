"""What watchers remember of the objects they have seen, in the database of sensors.

Dagster keeps a copy of a sensor's cursor for every tick, so it must be small: it is the number of
the last round of requests that Dagster has taken over. The objects are remembered here, with the
round in which a run was asked for each. If a tick fails after that, its round is not in the cursor,
and the next tick asks again, under the same run keys.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from util_services.state.database import Database
from util_services.watching.changes import Changes, Known, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection

SCHEMA = 1

tables = MetaData()
objects = Table(
    "data_services_watched_objects",
    tables,
    Column("watcher", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("since", Double, nullable=False),
    Column("round", Integer, nullable=False),
    Column("runs", Integer, nullable=False),
)


class Memory:
    """What one watcher remembers.

    Args:
        address: the database, see `Database`.
        watcher: the name of the watcher, unique over all that share the database.
        clock: returns seconds since the epoch.

    Raises:
        ConfigurationError: if the address is of an unknown kind.
        StateError: if the database cannot be used; so does every method.
    """

    def __init__(
        self, address: str, watcher: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = Database(address, tables, "watched objects", SCHEMA)
        self._watcher, self._clock = watcher, clock

    def update(
        self,
        present: Mapping[str, str | None],
        is_watched: Callable[[str], bool],
        *,
        stable_seconds: float,
        last_round: int,
    ) -> Changes:
        """Compare what is there with what is remembered, and remember it.

        Args:
            present: the versions that are there, by address; None of one that is not whole.
            is_watched: tells whether an address is in the place that is watched now; what is
                remembered of another one is forgotten.
            stable_seconds: how long a version must have been seen.
            last_round: the last round whose requests were taken over.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                select(objects).where(objects.c.watcher == self._watcher)
            ).all()
            remembered = {
                row.address: Known(row.version, row.since, row.round, row.runs) for row in rows
            }
            known = {one: facts for one, facts in remembered.items() if is_watched(one)}
            changes = compare(
                known,
                present,
                now=self._clock(),
                stable_seconds=stable_seconds,
                last_round=last_round,
            )
            strange = remembered.keys() - known.keys()
            self._replace(connection, {*strange, *changes.gone}, changes.remembered)
        return changes

    def ask(self, requested: Mapping[str, Known], this_round: int) -> None:
        """Remember that a run was asked for some objects."""
        with self._database.transaction() as connection:
            renewed = {one: known.asked(this_round) for one, known in requested.items()}
            self._replace(connection, (), renewed)

    def _replace(
        self, connection: Connection, removed: Iterable[str], remembered: Mapping[str, Known]
    ) -> None:
        old = [{"old": address} for address in {*removed, *remembered}]
        if old:
            connection.execute(
                delete(objects).where(
                    objects.c.watcher == self._watcher, objects.c.address == bindparam("old")
                ),
                old,
            )
        new = [
            {"watcher": self._watcher, "address": address, **asdict(known)}
            for address, known in remembered.items()
        ]
        if new:
            connection.execute(insert(objects), new)
