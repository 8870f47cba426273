"""Data that comes from a service: no files, but a hash that whoever fetches it writes down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError
from workspace_core.resources.pointed import StateResource
from workspace_core.store.durable import json_bytes, read_json, write_whole
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.workspace import JSONDict

RESOURCE_TYPE = "api-resource"
SCHEMA = 1
HASH, FILE = "hash", "hash.json"
MOST_CHARACTERS = 1000
ROLES = (ResourceRoles.SOURCE_DATA_SET, ResourceRoles.INTERMEDIATE_DATA)


class ApiResource(StateResource):
    """Data of a service, known by a hash alone."""

    not_restored = "its data are the service's, and a snapshot keeps their hash alone"

    def check_new(self) -> None:
        """Refuse roles that take files."""
        if self.role not in ROLES:
            raise ConfigurationError(
                f"An api-resource has no files and cannot have the role '{self.role}'; use one of "
                f"{', '.join(ROLES)}."
            )

    @property
    def hash_value(self) -> str | None:
        """The hash of the data that were fetched last on this machine, None before that."""
        try:
            return str(read_json(self._file, SCHEMA)[HASH])
        except (FileNotFoundError, KeyError):
            return None

    def set_hash(self, value: str) -> None:
        """Write down the hash of the data that were fetched.

        Raises:
            ConfigurationError: if it is empty, or no text of one line.
        """
        if not 0 < len(value) <= MOST_CHARACTERS or not value.isprintable():
            raise ConfigurationError(
                f"The hash of '{self.name}' must be a text of one line, of at most "
                f"{MOST_CHARACTERS} characters."
            )
        write_whole(self._file, json_bytes({"schema": SCHEMA, HASH: value}))

    def state(self) -> dict[str, bytes] | None:
        """Return the hash, None where nothing was fetched yet."""
        value = self.hash_value
        return None if value is None else {HASH: value.encode()}

    def snapshot_facts(self) -> JSONDict:
        """Return the hash, for people."""
        value = self.hash_value
        return {} if value is None else {HASH: value}

    @property
    def _file(self) -> Path:
        return self.workspace.local_state(self.name) / FILE
