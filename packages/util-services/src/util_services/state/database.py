"""One database for what sensors keep: SQLite in a file, or PostgreSQL.

Whatever is kept survives a kill: each step is one transaction. SQLite serves the processes of one
machine, PostgreSQL those of several. Both are what Dagster itself stores its runs in.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from util_services.errors import ConfigurationError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

SQLITE, POSTGRESQL = "sqlite", "postgresql"
WAIT_SECONDS = 10  # for another process that writes, or for a connection
SCHEMA_LOCK = 0x64617461  # any number that no other program locks

_schemas = Table(
    "data_services_schemas",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("schema", Integer, nullable=False),
)


class Database:
    """The tables of one purpose in a database; safe for threads and processes.

    Args:
        address: the path of an SQLite file, which is made if it is missing, or a URL in
            SQLAlchemy's form that begins with ``postgresql``.
        tables: the tables, made where they are missing.
        name: the purpose that they serve.
        schema: the number of their layout.

    Raises:
        ConfigurationError: if the address is of another kind, or its driver is not installed.
        StateError: if the database is out of reach, or was made with another layout.
    """

    def __init__(self, address: str, tables: MetaData, name: str, schema: int) -> None:
        url = _url(address)
        self.place = shown(url)
        self._engine = _engine(url)
        self._prepare(tables, name, schema)

    def __repr__(self) -> str:
        """Return the class and the place, without credentials."""
        return f"Database({self.place!r})"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose changes are durable together when this ends, or not at all."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failure(error) from None

    def insert_new(self, connection: Connection, table: Table, **values: Any) -> bool:
        """Insert a row unless there is one of this key; return whether it was inserted."""
        dialect = sqlite if self._engine.dialect.name == SQLITE else postgresql
        statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
        return connection.execute(statement).rowcount == 1

    def _prepare(self, tables: MetaData, name: str, schema: int) -> None:
        with self.transaction() as connection:
            if self._engine.dialect.name == POSTGRESQL:  # which has no IF NOT EXISTS that is safe
                connection.execute(select(func.pg_advisory_xact_lock(SCHEMA_LOCK)))
            _schemas.create(connection, checkfirst=True)
            found = connection.scalar(select(_schemas.c.schema).where(_schemas.c.name == name))
            if found is None:
                tables.create_all(connection)
                connection.execute(insert(_schemas).values(name=name, schema=schema))
            elif found != schema:
                raise StateError(
                    f"The state of sensors in {self.place} has layout {found} and this version of "
                    f"util-services knows {schema}; install the version that made it, or name "
                    "another place in DATA_SERVICES_SENSOR_STATE."
                )

    def _failure(self, error: SQLAlchemyError) -> StateError:
        return StateError(
            f"The state of sensors in {self.place} cannot be used ({type(error).__name__}); check "
            "that it can be reached and written, or name another place in "
            "DATA_SERVICES_SENSOR_STATE."
        )


def _url(address: str) -> URL:
    if "://" not in address:
        return URL.create(SQLITE, database=address)
    try:
        url = make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in {SQLITE, POSTGRESQL}:
        raise ConfigurationError(
            "DATA_SERVICES_SENSOR_STATE is neither the path of a file nor a URL that begins with "
            "'postgresql+psycopg2://'; correct the variable."
        )
    return url


def shown(url: URL) -> str:
    """Return which database an address names, for a sentence and without credentials."""
    if url.get_backend_name() == SQLITE:
        return f"'{url.database}'"
    return f"the PostgreSQL database '{url.database}' at {url.host or 'its default host'}"


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == SQLITE:
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS})
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        return create_engine(
            url, poolclass=NullPool, connect_args={"connect_timeout": WAIT_SECONDS}
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The driver '{error.name}' for PostgreSQL is not installed; install "
            "'data-services[postgres]' and begin the URL with 'postgresql+psycopg2://'."
        ) from None


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    """Take the right to write at once, so that no transaction fails half-way for want of it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
