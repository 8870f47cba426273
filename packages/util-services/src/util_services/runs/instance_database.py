"""The PostgreSQL database of a Dagster instance: refused in one sentence where it does not answer.

Dagster tries for half a minute, says so line by line, and then names neither database nor variable.
A home on SQLite has no such database, and nothing here concerns it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from dagster._core.errors import DagsterInvalidConfigError
from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from util_services.errors import DataServicesError, RefusedError, printable, quoted
from util_services.state.database import POSTGRESQL, shown

if TYPE_CHECKING:
    from pathlib import Path

    from dagster._core.instance.ref import InstanceRef
    from sqlalchemy import URL

WAIT_SECONDS = 5
PACKAGE = "dagster_postgres"
SETTINGS = "dagster.yaml"
TOKENS = "auth_provider"


class UnusableDatabaseError(RefusedError, OSError):
    """Raised where the database of the Dagster home is not named, or does not let us in."""


class DatabaseLostError(DataServicesError, OSError):
    """Raised where the database of the Dagster home went away while it was in use."""


def require_database(reference: InstanceRef, home: Path) -> None:
    """Refuse an instance whose PostgreSQL database cannot be connected to within a few seconds.

    Raises:
        UnusableDatabaseError: naming the database without credentials, and what names it.
    """
    for settings in _postgres_settings(reference):
        if TOKENS in settings:  # which Dagster alone can ask for
            continue
        _connect(_url(settings, home), _source(settings, home))


@contextmanager
def told_of_its_database(
    reference: InstanceRef, home: Path, *, is_opening: bool = False
) -> Iterator[None]:
    """Turn what Dagster raises in the block over its PostgreSQL database into one sentence.

    Raises:
        UnusableDatabaseError: where it is being opened.
        DatabaseLostError: where it went away afterwards.
    """
    try:
        yield
    except Exception as error:
        settings = next(_postgres_settings(reference), None)
        if settings is None or not _is_of_database(error):
            raise
        if is_opening:
            raise UnusableDatabaseError(
                f"{_named(_url(settings, home))} cannot be prepared for Dagster's runs "
                f"({type(error).__name__}); check that this user may make and use tables there."
            ) from None
        raise DatabaseLostError(
            f"{_named(_url(settings, home))}, in which Dagster keeps its runs, was lost while the "
            "command was at work, so what became of its run is not recorded; bring the database "
            "back and look at the run before you start it again."
        ) from None


def read_reference(home: Path, overrides: Mapping[str, Any] | None = None) -> InstanceRef:
    """Return what the ``dagster.yaml`` of a home says.

    Raises:
        UnusableDatabaseError: if it is not what Dagster understands.
    """
    from dagster._core.instance.ref import InstanceRef

    try:
        return InstanceRef.from_dir(str(home), overrides=overrides)
    except (DagsterInvalidConfigError, yaml.YAMLError):  # their texts quote the settings
        raise UnusableDatabaseError(
            f"'{home / SETTINGS}' is not what Dagster understands; correct it, 'dagster instance "
            "info' says where."
        ) from None


def _postgres_settings(reference: InstanceRef) -> Iterator[Mapping[str, Any]]:
    """Give the settings of each PostgreSQL database that an instance names, once."""
    known: list[Mapping[str, Any]] = []
    for data in (
        reference.storage_data,
        reference.run_storage_data,
        reference.event_storage_data,
        reference.schedule_storage_data,
    ):
        if data is None or data.module_name.partition(".")[0] != PACKAGE:
            continue
        settings = data.config_dict
        if settings not in known:
            known.append(settings)
            yield settings


def _url(settings: Mapping[str, Any], home: Path) -> URL:
    try:
        from dagster_postgres.utils import pg_url_from_config
    except ModuleNotFoundError as error:
        raise _no_driver(error, _source(settings, home)) from None
    names = list(_variables(settings))
    if missing := [name for name in names if not os.environ.get(name)]:
        are = "are" if len(missing) > 1 else "is"
        raise UnusableDatabaseError(
            f"{quoted(missing)} {are} not set, and '{home / SETTINGS}' takes from there which "
            "database Dagster keeps its runs in; set it to postgresql+psycopg2://USER:PASSWORD@"
            "HOST:5432/DATABASE, or to what that file asks for."
        )
    try:
        url = make_url(pg_url_from_config(_resolved(settings)))
    except Exception:  # noqa: BLE001 - of several libraries, and their texts quote the address
        url = None
    if url is None or url.get_backend_name() != POSTGRESQL:
        raise UnusableDatabaseError(
            f"{_source(settings, home)} holds no address of a PostgreSQL database; write "
            "postgresql+psycopg2://USER:PASSWORD@HOST:5432/DATABASE there, with reserved "
            "characters percent-encoded."
        )
    return url


def _connect(url: URL, source: str) -> None:
    try:
        engine = create_engine(
            url, poolclass=NullPool, connect_args={"connect_timeout": WAIT_SECONDS}
        )
        engine.connect().close()
    except ModuleNotFoundError as error:
        raise _no_driver(error, source) from None
    except SQLAlchemyError as error:
        raise UnusableDatabaseError(
            f"{_named(url)}, in which Dagster keeps its runs, cannot be connected to "
            f"({type(error).__name__}); check that it is up and lets this user in, or correct "
            f"{source}."
        ) from None


def _no_driver(error: ModuleNotFoundError, source: str) -> UnusableDatabaseError:
    return UnusableDatabaseError(
        f"The driver '{printable(str(error.name))}' for PostgreSQL is not installed; install "
        f"'data-services[postgres]', and begin the address in {source} with "
        "'postgresql+psycopg2://'."
    )


def _is_of_database(error: Exception) -> bool:
    return isinstance(error, SQLAlchemyError) or type(error).__module__.startswith(PACKAGE)


def _named(url: URL) -> str:
    text = printable(shown(url))
    return text[0].upper() + text[1:]


def _source(settings: Mapping[str, Any], home: Path) -> str:
    """Return where the address stands, for a sentence."""
    names = list(_variables(settings))
    return quoted(names) if names else f"'{home / SETTINGS}'"


def _variables(settings: object) -> Iterator[str]:
    """Give the environment variables that settings refer to, as Dagster writes that."""
    if isinstance(settings, Mapping):
        if set(settings) == {"env"}:
            yield str(settings["env"])
            return
        for value in settings.values():
            yield from _variables(value)


def _resolved(settings: Any) -> Any:
    """Return settings with the values of the variables that they refer to."""
    if not isinstance(settings, Mapping):
        return settings
    if set(settings) == {"env"}:
        return os.environ[str(settings["env"])]
    return {key: _resolved(value) for key, value in settings.items()}
