"""A remote: packs of objects in a place, and which object stands where in them.

remote.json       format, id of the remote, its keyset
packs/<name>.pack as in a store, under random names; put there whole, never changed
and notes         whose content it is, which packs nobody is to rely on, what was erased: `notes`

Nothing on a remote refers to anything: which snapshots there are is told by the records in git. So
a transfer that was cut off leaves packs that the next one finds and goes on from, and two that
push at once do not meet. What stands there is never changed; so the tables of packs and the notes
are read once, and kept on this machine, and one request tells all that is new.
"""

from __future__ import annotations

import json
import os
import uuid
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import (
    DamagedFileError,
    DataWorkspacesError,
    FormatVersionError,
    StoreKeyError,
)
from workspace_core.sharing.errors import DamagedRemoteError, RemoteError
from workspace_core.sharing.notes import (
    ERASED,
    LET_GO,
    MOST_BYTES,
    NOTE_NAME,
    PACK_NAME,
    Erasure,
    LetGo,
    Tenant,
    checked_note,
    name_of_tenant,
    new_note_name,
    tenant_of,
)
from workspace_core.sharing.places import Listing
from workspace_core.store.ciphers import StoreKeys
from workspace_core.store.durable import json_bytes, write_whole
from workspace_core.store.frames import HEAD, Frame
from workspace_core.store.identity import ID_BYTES, content_id
from workspace_core.store.packs import (
    CHECK_BYTES,
    FOOTER,
    FORMAT,
    HEADER,
    LENGTH,
    MAGIC,
    ROW,
    SUFFIX,
    Row,
)

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.sharing.places import Listed, Place
    from workspace_core.store.ciphers import PackCipher
    from workspace_core.store.store import Store

SCHEMA = 1
SETTINGS, PACKS = "remote.json", "packs"
END_BYTES = 256 << 10  # of a pack; holds the tables of all but those of many small objects
READERS = 8
ROW_BITS = 32
MOST_TABLE = 128 << 20  # three times that of a pack of nothing but empty files


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """What a remote is, decided when it is made."""

    id: str
    keyset: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as the file has them."""
        return {"schema": SCHEMA, "id": self.id, "keyset": self.keyset}

    @classmethod
    def from_bytes(cls, content: bytes, address: str) -> RemoteSettings:
        """Return the settings that a file holds.

        Raises:
            DamagedRemoteError: if it holds none.
            FormatVersionError: if a newer release has written it.
        """
        try:
            record = json.loads(content)
            schema, keyset = int(record["schema"]), record.get("keyset")
            found = cls(str(uuid.UUID(record["id"])), None if keyset is None else str(keyset))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DamagedRemoteError(address, SETTINGS, "it names no remote") from None
        if schema > SCHEMA:
            raise FormatVersionError(f"{address}/{SETTINGS}", schema, SCHEMA)
        return found


class RemotePack:
    """A pack on a remote, of which the table is here."""

    def __init__(self, name: str, header: bytes, end: bytes, keys: StoreKeys | None) -> None:
        """Take a table apart.

        Args:
            name: of the pack.
            header: how the pack begins, where it is encrypted.
            end: the table and what follows it.
            keys: of the remote.

        Raises:
            ValueError: if these are no table.
        """
        self.name, self.header, self.end = name, header, end
        self._cipher = None if keys is None else _cipher(header, keys)
        if len(end) < FOOTER.size or not end.endswith(MAGIC):
            raise ValueError("its end is missing")
        place, length, count, checksum, _ = FOOTER.unpack(end[-FOOTER.size :])
        table = end[: -FOOTER.size]
        if len(table) != length or content_id(table) != checksum:
            raise ValueError("its table does not fit its checksum")
        if self._cipher is not None:
            table = self._cipher.unseal(place, table)
        if len(table) != count * (ID_BYTES + ROW.size):
            raise ValueError("its table has a wrong length")
        self.size = place + length + FOOTER.size
        self._count = count
        self._ids, self._rows = table[: count * ID_BYTES], table[count * ID_BYTES :]
        self._by_place: list[tuple[int, int]] | None = None

    def ids(self) -> list[bytes]:
        """Return the ids of all objects, sorted."""
        ids = self._ids
        return [ids[n : n + ID_BYTES] for n in range(0, len(ids), ID_BYTES)]

    def find(self, object_id: bytes) -> int | None:
        """Return the number of an object, None where the pack does not hold it."""
        ids = self._ids
        at = bisect_left(
            range(self._count), object_id, key=lambda n: ids[n * ID_BYTES : (n + 1) * ID_BYTES]
        )
        is_there = ids[at * ID_BYTES : (at + 1) * ID_BYTES] == object_id
        return at if is_there else None

    def row(self, number: int) -> Row:
        """Return where the object with a number stands."""
        return Row(*ROW.unpack_from(self._rows, number * ROW.size))

    def within(self, start: int, end: int) -> list[tuple[bytes, Row]]:
        """Return the objects whose frames lie between two places, in their order."""
        if self._by_place is None:
            self._by_place = sorted((self.row(n).place, n) for n in range(self._count))
        found = []
        for at in range(bisect_left(self._by_place, (start, 0)), self._count):
            _, number = self._by_place[at]
            row = self.row(number)
            if row.place + LENGTH.size + row.length > end:
                break
            found.append((self._ids[number * ID_BYTES : (number + 1) * ID_BYTES], row))
        return found

    def frame(self, object_id: bytes, row: Row, body: bytes | memoryview) -> Frame:
        """Return the frame in a body, as yet without a check of its content.

        Raises:
            ValueError: if it is another one.
        """
        if len(body) != row.length or row.length < HEAD.size:
            raise ValueError("a frame is cut off")
        text = body if self._cipher is None else self._cipher.unseal(row.place, body)
        form, size, found = HEAD.unpack_from(text)
        if (found, form, size) != (object_id, row.form, row.size):
            raise ValueError("another frame stands there")
        return Frame(object_id, form, size, memoryview(text)[HEAD.size :])


class Remote:
    """The packs of a remote, as they were when it was looked at.

    Args:
        place: where it is.
        settings: what it is.
        keys: with which it is encrypted.
        cache: a folder of this machine for what is known of it.
    """

    def __init__(
        self, place: Place, settings: RemoteSettings, keys: StoreKeys | None, cache: Path
    ) -> None:
        self.place, self.settings, self.keys = place, settings, keys
        self.cache = cache / settings.id
        self.packs: list[RemotePack] = []
        self.unusable: dict[str, str] = {}  # packs, and what is wrong with them
        self.places: dict[bytes, int] = {}
        self.listing = Listing({}, 0.0)
        self._content = b""  # of the settings
        self.reads_leaving = False  # whether what stands in packs that were let go of is known
        self.notes: dict[str, LetGo | Erasure] = {}
        self.let_go: dict[str, float] = {}  # packs that are not to be relied on, and since when
        self.erased: dict[bytes, Erasure] = {}
        self.damaged: dict[str, set[bytes]] = {}  # objects by pack that are not relied on

    @classmethod
    def open(cls, place: Place, cache: Path) -> Remote:
        """Return the remote at a place, with what it holds now, to read from.

        What stands in packs that were let go of alone is known, too, as long as they are there.

        Raises:
            RemoteError: if there is none.
            StoreKeyError: if it is encrypted, and its keyset is not to be had.
        """
        listing = place.everything()
        if SETTINGS not in listing.files:
            raise RemoteError(place.address, "nothing was ever pushed there; check the address")
        return cls._opened(place, listing, cache, reads_leaving=True)

    @classmethod
    def create(cls, place: Place, cache: Path, store: Store) -> Remote:
        """Return the remote at a place to send to, made for a store where there was none.

        What is encrypted in the store is encrypted there, too.

        Raises:
            StoreKeyError: if the store is encrypted, and the remote that is there is not.
        """
        listing = place.everything()
        if SETTINGS not in listing.files:
            made = json_bytes(RemoteSettings(str(uuid.uuid4()), store.settings.keyset).to_dict())
            found = (
                cls._with(place, made, listing, cache)
                if place.create(SETTINGS, made)
                else cls._opened(place, place.everything(), cache)  # somebody was faster
            )
        else:
            found = cls._opened(place, listing, cache)
        if store.settings.keyset is not None and found.settings.keyset is None:
            raise StoreKeyError(
                f"The store is encrypted, and the remote '{place.address}' is not, so nothing was "
                "sent there; use another place."
            )
        return found

    @classmethod
    def _opened(
        cls, place: Place, listing: Listing, cache: Path, *, reads_leaving: bool = False
    ) -> Remote:
        """Return the remote of which there is a listing; its settings are known as a rule."""
        listed = listing.files[SETTINGS]
        with suppress(OSError):
            stamp, _, content = _known_settings(place, cache).read_bytes().partition(b"\n")
            if listed.stamp and stamp == _stamp(listed) and len(content) == listed.size:
                return cls._with(place, content, listing, cache, reads_leaving=reads_leaving)
        content = _small(place, SETTINGS, listed)
        found = cls._with(place, content, listing, cache, reads_leaving=reads_leaving)
        found._remember(listing)
        return found

    @classmethod
    def _with(
        cls,
        place: Place,
        content: bytes,
        listing: Listing,
        cache: Path,
        *,
        reads_leaving: bool = False,
    ) -> Remote:
        settings = RemoteSettings.from_bytes(content, place.address)
        keys = None
        if settings.keyset is not None:
            from util_services.keys.keyset import Keyset

            keys = StoreKeys(Keyset.load(settings.keyset), settings.id)
        found = cls(place, settings, keys, cache)
        found._content, found.reads_leaving = content, reads_leaving
        found._take(listing)
        return found

    def _remember(self, listing: Listing) -> None:
        """Keep the settings, which need not be fetched as long as their stamp is the same."""
        listed = listing.files.get(SETTINGS)
        if listed is not None and listed.stamp and listed.size == len(self._content):
            file = _known_settings(self.place, self.cache.parent)
            with suppress(DataWorkspacesError):  # what can be lost without harm
                write_whole(file, _stamp(listed) + b"\n" + self._content)

    def look(self) -> None:
        """See what there is now, and read the tables and notes that are new.

        Raises:
            DamagedRemoteError: if a note is damaged.
        """
        self._take(self.place.everything())
        if not _known_settings(self.place, self.cache.parent).exists():
            self._remember(self.listing)

    def _take(self, listing: Listing) -> None:
        self.listing = listing
        with ThreadPoolExecutor(READERS, "tables") as pool:
            self._take_notes(pool)
            names = [
                one for one in self._pack_names() if self.reads_leaving or one not in self.let_go
            ]
            names.sort(key=lambda one: (one not in self.let_go, one))  # the last one is relied on
            self.unusable = {}
            sizes = [listing.files[f"{PACKS}/{one}"].size for one in names]
            found = list(pool.map(self._table, names, sizes))
        self.packs, self.places = [], {}
        for pack in found:
            if pack is not None:
                self._know(pack)
        with suppress(OSError):
            for file in self.cache.glob(f"*{SUFFIX}"):
                if f"{PACKS}/{file.name}" not in listing.files:
                    file.unlink()

    def _pack_names(self) -> list[str]:
        below = len(PACKS) + 1
        names = [one[below:] for one in self.listing.files if one.startswith(f"{PACKS}/")]
        return [one for one in names if PACK_NAME.fullmatch(one)]

    def _take_notes(self, pool: ThreadPoolExecutor) -> None:
        names = [
            name
            for name in sorted(self.listing.files)
            if name.startswith((f"{LET_GO}/", f"{ERASED}/"))
            and NOTE_NAME.fullmatch(name.partition("/")[2])
        ]
        self.notes = {
            name: note
            for name, note in zip(names, pool.map(self._note, names), strict=True)
            if note is not None
        }
        self.let_go, self.erased = {}, {}
        for name, note in self.notes.items():
            if isinstance(note, LetGo):
                since = self.listing.files[name].changed
                for pack in note.packs:
                    self.let_go[pack] = min(since, self.let_go.get(pack, since))
            else:
                self.erased.update(dict.fromkeys(note.objects, note))

    def _note(self, name: str) -> LetGo | Erasure | None:
        file, listed = self.cache / name, self.listing.files[name]
        with suppress(OSError, DataWorkspacesError):
            content = file.read_bytes()
            if len(content) == listed.size:
                return checked_note(self.place.address, name, content)
        try:
            content = _small(self.place, name, listed)
        except FileNotFoundError:
            return None  # it has gone meanwhile, as its packs have
        found = checked_note(self.place.address, name, content)
        with suppress(DataWorkspacesError):  # what can be lost without harm
            write_whole(file, content)
        return found

    def usable(self) -> set[str]:
        """Return the names of the packs that may be relied on."""
        return {pack.name for pack in self.packs} - self.let_go.keys()

    def tenants(self) -> set[str]:
        """Return the ids of the workspaces whose content is there."""
        return {found for name in self.listing.files if (found := tenant_of(name))}

    def sign(self, tenant: Tenant) -> None:
        """Take note that content of a workspace is there, unless that is known."""
        if tenant.id not in self.tenants():
            self.place.create(name_of_tenant(tenant.id), json_bytes(tenant.to_dict()))

    def note(self, note: LetGo | Erasure) -> None:
        """Leave a note for all who come later."""
        folder = LET_GO if isinstance(note, LetGo) else ERASED
        if not self.place.create(new_note_name(folder), json_bytes(note.to_dict())):
            raise RemoteError(self.place.address, "a note has a name that is taken")

    def has(self, object_id: bytes) -> bool:
        """Return whether an object is there."""
        return object_id in self.places

    def locate(self, object_id: bytes) -> tuple[RemotePack, Row]:
        """Return where an object stands, which is there."""
        place = self.places[object_id]
        pack = self.packs[place >> ROW_BITS]
        return pack, pack.row(place & ((1 << ROW_BITS) - 1))

    def copies(self, object_id: bytes) -> list[tuple[RemotePack, Row]]:
        """Return all places where an object stands."""
        found = [(pack, pack.find(object_id)) for pack in self.packs]
        return [(pack, pack.row(number)) for pack, number in found if number is not None]

    def send(self, file: Path) -> None:
        """Make a pack of this machine one of the remote; its table need never be fetched."""
        self.place.put(f"{PACKS}/{file.name}", file)
        with suppress(OSError, ValueError, DataWorkspacesError):
            with file.open("rb") as pack:
                header = pack.read(HEADER.size)
                pack.seek(-FOOTER.size, os.SEEK_END)
                place, *_ = FOOTER.unpack(pack.read(FOOTER.size))
                pack.seek(place)
                end = pack.read()
            self._keep_table(RemotePack(file.name, header, end, self.keys))

    def distrust_damaged(self) -> list[str]:
        """Read all packs, and treat as absent what of them is damaged; return their names.

        Their tables, too: what is known of them on this machine may be all that is sound of them.
        """
        from workspace_core.sharing.fetch import damaged_in

        with suppress(OSError):
            for file in self.cache.glob(f"*{SUFFIX}"):
                file.unlink()
        self._take(self.listing)
        damaged = {pack.name: set(damaged_in(self, pack)) for pack in self.packs}
        self.damaged = {name: ids for name, ids in damaged.items() if ids}
        packs, self.packs, self.places = self.packs, [], {}
        for pack in packs:
            self._know(pack)
        return [*self.unusable, *self.damaged]

    def _know(self, pack: RemotePack) -> None:
        first = len(self.packs) << ROW_BITS
        self.packs.append(pack)
        damaged = self.damaged.get(pack.name, set()) | self.erased.keys()
        self.places.update(
            (object_id, number)
            for object_id, number in zip(
                pack.ids(), range(first, first + (1 << ROW_BITS)), strict=False
            )
            if object_id not in damaged
        )

    def _table(self, name: str, size: int) -> RemotePack | None:
        """Return the table of a pack, None for one that cannot be used."""
        file = self.cache / name
        with suppress(OSError, ValueError, DataWorkspacesError):
            content = file.read_bytes()
            known = RemotePack(name, content[: HEADER.size], content[HEADER.size :], self.keys)
            if known.size == size:
                return known
        try:
            found = self._fetch_table(name, size)
        except (ValueError, StoreKeyError) as error:
            self.unusable[name] = str(error)  # as if it were not there: it is sent again
            return None
        self._keep_table(found)
        return found

    def _keep_table(self, pack: RemotePack) -> None:
        with suppress(DataWorkspacesError):  # what can be lost without harm
            file = self.cache / pack.name
            write_whole(file, pack.header.ljust(HEADER.size, b"\0") + pack.end)

    def _fetch_table(self, name: str, size: int) -> RemotePack:
        path = f"{PACKS}/{name}"
        if size < HEADER.size + FOOTER.size:
            raise ValueError("it is cut off")
        start = max(0, size - END_BYTES)
        end = self.place.read_range(path, start, size - start)
        place, length, _, _, magic = FOOTER.unpack(end[-FOOTER.size :])
        if magic != MAGIC or place + length + FOOTER.size != size or length > MOST_TABLE:
            raise ValueError("its end is missing")
        if place < start:
            end = self.place.read_range(path, place, start - place) + end
            start = place
        header = b""
        if self.keys is not None:
            header = self.place.read_range(path, 0, HEADER.size)
        return RemotePack(name, header, end[place - start :], self.keys)


def _small(place: Place, name: str, listed: Listed) -> bytes:
    """Return a small file.

    Raises:
        FileNotFoundError: if there is none any more.
        DamagedRemoteError: if it is not small.
    """
    if listed.size > MOST_BYTES:
        raise DamagedRemoteError(place.address, name, "it is too large for what it is")
    content = place.read(name)
    if content is None:
        raise FileNotFoundError(name)
    return content


def _known_settings(place: Place, cache: Path) -> Path:
    """Return where the settings of the remote at a place are kept on this machine."""
    return cache / f"{content_id(place.address.encode()).hex()}.json"


def _stamp(listed: Listed) -> bytes:
    return content_id(listed.stamp.encode()).hex().encode()


def new_pack_name() -> str:
    """Return a name that no other pack has."""
    return f"{os.urandom(16).hex()}{SUFFIX}"


def _cipher(header: bytes, keys: StoreKeys) -> PackCipher:
    """Return the cipher of a pack that begins so.

    Raises:
        ValueError: if no pack does.
    """
    head, check = header[:-CHECK_BYTES], header[-CHECK_BYTES:]
    if len(header) != HEADER.size or content_id(head)[:CHECK_BYTES] != check:
        raise ValueError("it does not begin like a pack")
    _, form, _, key_id, salt, _ = HEADER.unpack(header)
    if form > FORMAT:
        raise DamagedFileError("a pack", "its format is of a newer release")
    return keys.cipher(key_id.rstrip(b"\0").decode(), salt)
