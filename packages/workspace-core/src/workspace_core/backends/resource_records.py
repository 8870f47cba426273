"""Removing, renaming and exchanging resources, so that every older snapshot stays of use.

removed/<name>.json   the record of a resource that was removed, by which it can be brought back

Contents are never touched: what is changed are records, and what is known on this machine.
"""

from __future__ import annotations

import shutil
from abc import abstractmethod
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError
from workspace_core.snapshots.names import FORMERLY
from workspace_core.store.durable import (
    json_bytes,
    read_json,
    remove_file,
    sync_folder,
    write_whole,
)
from workspace_core.workspace import (
    RESOURCE_NAME,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    Workspace,
    checked_resource_name,
    factory_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workspace_core.snapshots.catalogue import Catalogue

SCHEMA = 1
REMOVED = "removed"
ADDED, PARAMS, STAT = "added", "params.json", "stat"
RENAMES = "renames"  # in a record: how often the resource was renamed
CARRIED_TYPES = frozenset({"bool", "enum"})  # of parameters that an exchange does not concern


class ResourceRecords(Workspace):
    """A workspace that keeps a file for each resource, and for each that was removed."""

    metadata: Path
    catalogue: Catalogue

    @abstractmethod
    def _resource_file(self, name: str) -> Path:
        """Return the file of a resource."""

    def _ignore(self, path: str) -> None:
        """Have git ignore a folder, if it lies in the workspace."""

    def get_removed_resource_names(self) -> list[str]:
        """Return the names of resources that were removed, and can be brought back."""
        files = self._removed.glob("[!.]*.json")
        return sorted({file.stem for file in files} - set(self.get_resource_names()))

    def remove_resource(self, name: str) -> None:
        """Let the workspace do without a resource; its folder and older snapshots stay.

        Raises:
            ConfigurationError: if there is none.
        """
        record = self._get_resource_params(name)
        write_whole(self._removed / f"{name}.json", json_bytes(record))
        remove_file(self._resource_file(name))
        # What is known of its folder is believed no more once somebody else may write there.
        remove_file(self.local_state(name) / STAT)

    def bring_resource_back(self, name: str) -> Resource:
        """Let the workspace have a resource again that was removed.

        Raises:
            ConfigurationError: if none of that name was removed, or its folder belongs to another
                resource by now.
        """
        file = self._removed / f"{name}.json"
        if name not in self.get_removed_resource_names():
            known = ", ".join(self.get_removed_resource_names()) or "none"
            raise ConfigurationError(f"No resource '{name[:80]}' was removed; there are: {known}.")
        record = read_json(file, SCHEMA)
        factory = factory_of(record["resource_type"])
        local = self._get_resource_local_params(name) or {}
        resource = factory.from_json(record, local, self)
        if isinstance(resource, LocalStateResourceMixin):
            place = resource.get_local_path_if_any()
            if place is not None:
                self.validate_local_path_for_resource(name, place)
        write_whole(self._resource_file(name), json_bytes(record))
        remove_file(file)
        return resource

    def rename_resource(self, old: str, new: str) -> None:
        """Give a resource another name; older snapshots tell of it under the new one, too.

        Raises:
            ConfigurationError: if there is no such resource, or snapshots know another one by the
                new name.
        """
        record = self._get_resource_params(old)
        checked_resource_name(new)
        former = list(dict.fromkeys([*record.get(FORMERLY, ()), old]))
        if new in self.get_resource_names():
            raise ConfigurationError(f"There is a resource '{new}' already; choose another name.")
        if new not in former:
            self._require_unknown(new)
        record |= {"name": new, FORMERLY: [one for one in former if one != new]}
        record[RENAMES] = int(record.get(RENAMES, 0)) + 1
        write_whole(self._resource_file(new), json_bytes(record))
        self.finish_renames()

    def exchange_resource(self, name: str, *location: str) -> Resource:
        """Let a resource be what lies elsewhere, under its name and with its role.

        Args:
            name: its name.
            location: what ``dws add`` takes for its type.

        Raises:
            ConfigurationError: if it holds results, or the new place cannot be one of its type.
        """
        before = self.get_resource_wherever(name)
        if before.has_results_role():
            raise ConfigurationError(
                f"'{name}' holds results, which stay where snapshots have moved them; add another "
                "resource for new ones."
            )
        record = self._get_resource_params(name)
        options = {
            one.name: record[one.name]
            for one in before.parameters
            if one.is_global and one.type.name in CARRIED_TYPES and one.name in record
        }
        resource = factory_of(before.resource_type).from_command_line(
            before.role, name, self, *location, **options
        )
        # What the type does not tell of itself, such as earlier names, the resource keeps.
        kept = {key: value for key, value in record.items() if key not in before.get_params()}
        self._forget(name)
        write_whole(self._resource_file(name), json_bytes({**kept, **resource.get_params()}))
        if isinstance(resource, LocalStateResourceMixin):
            self._add_local_params_for_resource(name, resource.get_local_params())
            place = resource.get_local_path_if_any()
            if place is not None and not resource.workspace_paths():
                self._ignore(place)
        return resource

    def follow_renames(self, theirs: Iterable[JSONDict]) -> bool:
        """Rename resources that another copy of the workspace has renamed; return whether any was.

        Args:
            theirs: the records of its resources.
        """
        present, has_changed = set(self.get_resource_names()), False
        for record in theirs:
            for old in record.get(FORMERLY, ()):
                is_free = old in present and record["name"] not in present
                if is_free and self._get_resource_params(old).get(ADDED) == record.get(ADDED):
                    self.rename_resource(old, record["name"])
                    has_changed = True
        return has_changed

    def finish_renames(self) -> None:
        """Let what is known here of renamed resources follow them, and their former records go."""
        records = {name: self._get_resource_params(name) for name in self.get_resource_names()}
        for name, record in records.items():
            for old in record.get(FORMERLY, ()):
                twin = records.get(old)
                if not RESOURCE_NAME.fullmatch(old) or (twin and not _is_later(record, twin)):
                    continue
                former, present = self.local_state(old), self.local_state(name)
                if former.is_dir() and not (present / PARAMS).exists():
                    shutil.rmtree(present, ignore_errors=True)
                    former.rename(present)
                    sync_folder(present.parent)
                if twin is not None:
                    remove_file(self._resource_file(old))

    @property
    def _removed(self) -> Path:
        return self.metadata / REMOVED

    def _require_unknown(self, name: str) -> None:
        """Refuse a name by which snapshots or records know another resource."""
        former = self.catalogue.names_now()
        known = {one for snapshot in self.catalogue.all() for one in snapshot.compare_hashes}
        if name in {*known, *former, *self.get_removed_resource_names()}:
            raise ConfigurationError(
                f"Snapshots or removed resources go by the name '{name}'; choose another one."
            )

    def _forget(self, name: str) -> None:
        """Forget what is known of the folder of a resource on this machine."""
        for file in (STAT, "partly.json"):
            remove_file(self.local_state(name) / file)

    def require_new_name(self, name: str) -> None:
        """Refuse to add a resource under a name that another one had before.

        Raises:
            ConfigurationError: naming the other one.
        """
        now = self.catalogue.names_now().get(name)
        if now is not None:
            raise ConfigurationError(
                f"The resource '{now}' was called '{name}' before, and older snapshots know it by "
                "that; choose another name."
            )


def _is_later(record: JSONDict, other: JSONDict) -> bool:
    """Return whether a record is what became of the same resource by a rename."""
    renames = [int(one.get(RENAMES, 0)) for one in (record, other)]
    return record.get(ADDED) == other.get(ADDED) and renames[0] > renames[1]
