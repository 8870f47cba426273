"""Data under the control of DVC: ``.dvc`` files, and the cache that has their contents.

Sources: the files that ``dvc add`` of DVC 3 writes, and https://dvc.org/doc/user-guide/project-structure
(``.dvc`` files, the structure of the cache). An output is a file, or a folder whose list of files,
a JSON array, is in the cache under its MD5 and ``.dir``. Releases before 3 keep contents one level
higher, under the MD5 of texts whose line ends are those of Unix.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.foreign.errors import ForeignFormatError
from workspace_core.foreign.trees import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

CONTROL, CONFIG, CONFIG_HERE = ".dvc", "config", "config.local"
ENDING, CACHE_FILES = ".dvc", ("files", "md5")
IDENTITY = re.compile(r"([0-9a-f]{32})(\.dir)?")
MOST_BYTES, MOST_LIST_BYTES = 1 << 20, 1 << 30
PIECE = 1 << 20
NEWLINE, RETURN_NEWLINE = b"\n", b"\r\n"


@dataclass(frozen=True, slots=True)
class DvcFile:
    """A file that an output consists of."""

    path: str  # in the output
    md5: str
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class DvcOutput:
    """What a ``.dvc`` file stands for.

    Args:
        file: the ``.dvc`` file.
        name: of the file or folder.
        files: what it consists of.
        is_folder: whether it is a folder.
        is_legacy: whether a release before 3 has written it.
        caches: folders in which contents may be.
    """

    file: Path
    name: str
    files: tuple[DvcFile, ...]
    is_folder: bool
    is_legacy: bool
    caches: tuple[Path, ...]

    def copy(self, one: DvcFile, write: Callable[[bytes], object]) -> None:
        """Write the content of a file, once more verified while it is read.

        Raises:
            ForeignFormatError: if it is nowhere, or its MD5 is not what it must be.
        """
        beside = self.file.parent / self.name
        places = [*_places(self.caches, one.md5), beside / one.path if self.is_folder else beside]
        place = next((found for found in places if _is_file(found)), None)
        if place is None:
            raise ForeignFormatError(
                str(self.file),
                f"the content of {one.path[:200]!r} is neither in the cache nor beside it; bring "
                "it here with 'dvc pull'",
            )
        digest = hashlib.md5(usedforsecurity=False)
        unix = _UnixDigest()
        with place.open("rb") as source:
            while piece := source.read(PIECE):
                digest.update(piece)
                if self.is_legacy:
                    unix.update(piece)
                write(piece)
        if one.md5 not in (digest.hexdigest(), unix.hexdigest() if self.is_legacy else ""):
            raise ForeignFormatError(str(place), f"its MD5 is not {one.md5}")


def read_dvc_file(file: Path) -> DvcOutput:
    """Return what a ``.dvc`` file stands for.

    Raises:
        ForeignFormatError: if it is none, or would lead astray; names the rule.
    """
    record = _record(file)
    outputs = record.get("outs")
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise ForeignFormatError(str(file), "it does not have one output")
    (found,) = outputs
    path, identity = found.get("path"), found.get("md5")
    name = path.rstrip("/").rpartition("/")[2] if isinstance(path, str) else ""
    if not name or not is_plain(os.fsencode(name)) or record.get("wdir", ".") != ".":
        raise ForeignFormatError(str(file), "its output does not lie beside it")
    match = IDENTITY.fullmatch(identity) if isinstance(identity, str) else None
    if match is None or found.get("hash", "md5") != "md5":
        raise ForeignFormatError(str(file), "it names no MD5 of its output")
    caches = _caches(file)
    is_legacy = "hash" not in found
    if not match[2]:
        only = DvcFile(name, match[1], found.get("isexec") is True)
        return DvcOutput(file, name, (only,), False, is_legacy, caches)
    return DvcOutput(file, name, _listed(file, caches, match[0]), True, is_legacy, caches)


def directory_list(files: Mapping[str, str]) -> bytes:
    """Return the list of a folder as DVC has it in its cache.

    Args:
        files: MD5s by paths.
    """
    entries = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    return json.dumps(entries, sort_keys=True).encode()


def place_in_cache(cache: Path, identity: str) -> Path:
    """Return where a content is in a cache of DVC 3."""
    return cache.joinpath(*CACHE_FILES, identity[:2], identity[2:])


def _record(file: Path) -> dict[str, Any]:
    import yaml

    if not os.path.lexists(file):
        raise ForeignFormatError(str(file), "there is no such file")
    try:
        if not _is_file(file) or file.stat().st_size > MOST_BYTES:
            raise ForeignFormatError(str(file), "it is no file of DVC")
        found = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    except OSError as error:
        raise ForeignFormatError(str(file), f"it cannot be read ({error.strerror})") from None
    if not isinstance(found, dict):
        raise ForeignFormatError(str(file), "it is no file of DVC")
    return found


def _listed(file: Path, caches: Sequence[Path], identity: str) -> tuple[DvcFile, ...]:
    place = next((one for one in _places(caches, identity) if _is_file(one)), None)
    if place is None:
        raise ForeignFormatError(
            str(file), "the list of its files is not in the cache; bring it here with 'dvc pull'"
        )
    content = place.read_bytes() if place.stat().st_size <= MOST_LIST_BYTES else b""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != identity.partition(".")[0]:
        raise ForeignFormatError(str(place), "its MD5 is not what its name says")
    try:
        entries = json.loads(content)
        files = [
            DvcFile(str(one["relpath"]), str(one["md5"]), one.get("isexec") is True)
            for one in entries
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ForeignFormatError(str(place), "it is no list of files") from None
    paths = {one.path for one in files}
    for one in files:
        match = IDENTITY.fullmatch(one.md5)
        if match is None or match[2] or not is_plain(_bytes(one.path)):
            raise ForeignFormatError(str(place), "it names a file that leads elsewhere")
        if paths & {one.path[:at] for at, letter in enumerate(one.path) if letter == "/"}:
            raise ForeignFormatError(str(place), "a file of it has something below it")
    if len(paths) != len(files):
        raise ForeignFormatError(str(place), "it names a file twice")
    return tuple(files)


def _bytes(path: str) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return b""


def _caches(file: Path) -> tuple[Path, ...]:
    """Return the cache of the project that a file belongs to, by its configuration."""
    for folder in file.absolute().parents:
        control = folder / CONTROL
        if control.is_dir():
            chosen = None
            for name in (CONFIG, CONFIG_HERE):
                parser = configparser.ConfigParser(interpolation=None, strict=False)
                try:
                    parser.read(control / name, encoding="utf-8")
                    chosen = parser.get("cache", "dir", fallback=chosen)
                except (configparser.Error, ValueError, OSError):
                    raise ForeignFormatError(
                        str(control / name), "it is no configuration"
                    ) from None
            return (control / os.path.expanduser(chosen or "cache"),)
    return ()


def _places(caches: Sequence[Path], identity: str) -> list[Path]:
    legacy = [cache / identity[:2] / identity[2:] for cache in caches]
    return [*(place_in_cache(cache, identity) for cache in caches), *legacy]


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


class _UnixDigest:
    """The MD5 of a text with the line ends of Unix, piece by piece."""

    def __init__(self) -> None:
        self._digest = hashlib.md5(usedforsecurity=False)
        self._held = b""

    def update(self, piece: bytes) -> None:
        piece = self._held + piece
        self._held = b"\r" if piece.endswith(b"\r") else b""
        self._digest.update(piece.removesuffix(self._held).replace(RETURN_NEWLINE, NEWLINE))

    def hexdigest(self) -> str:
        whole = self._digest.copy()
        whole.update(self._held)
        return whole.hexdigest()
