"""Compressed files: from a file to a file in small pieces, the same bytes for the same content."""

from __future__ import annotations

import bz2
import gzip
import shutil
import sys
import zipfile
import zlib
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

from util_services.datasets.signatures import CALLED, HEAD_BYTES, check_signature
from util_services.errors import ConfigurationError, DataServicesError, DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from util_services.encryption.paths import AnyPath

Compression = Literal["gz", "bz2", "zst", "zip"]
COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)
PIECE_BYTES = 1 << 20
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip archive can name
PERMISSIONS = 0o644 << 16
BESIDE_DATA = "__MACOSX/"  # what macOS adds to archives
MEGABYTE = 1 << 20
ZIP64_BYTES = 1 << 31


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a compressed file may hold, so that a small one cannot fill the disk.

    Content of up to ``free_bytes`` is always read. Beyond, it may be ``max_ratio`` times as large
    as the file and at most ``max_bytes`` where such a limit is set.
    """

    max_ratio: float = 1000
    free_bytes: int = 64 * MEGABYTE
    max_bytes: int | None = None

    def check(self, held: int, compressed: int) -> None:
        """Refuse content that is too large.

        Raises:
            DatasetError: naming the limit.
        """
        if self.max_bytes is not None and held > self.max_bytes:
            raise DatasetError(
                f"The compressed file holds more than {self.max_bytes} bytes, the limit that is "
                "set; raise 'max_bytes' if it is meant to."
            )
        if held > self.free_bytes and held > self.max_ratio * compressed:
            raise DatasetError(
                f"The compressed file holds more than {self.max_ratio:g} times its size, as files "
                "do that are made to fill a disk; raise 'max_ratio' if it is meant to."
            )


DEFAULT_BOUNDS = Bounds()


def compression_of(path: str) -> tuple[str, Compression | None]:
    """Return a path without the ending of a compression, and which one the ending stands for."""
    for kind in COMPRESSIONS:
        if path.lower().endswith(f".{kind}"):
            return path[: -len(kind) - 1], kind
    return path, None


def decompress(
    source: AnyPath,
    target: AnyPath,
    kind: Compression,
    *,
    member: str | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> int:
    """Write the content of a compressed file to another file, and return its length.

    Args:
        source: the compressed file; several streams one behind the other are one content.
        target: the file to write; a name inside an archive is never used as a path.
        kind: the compression.
        member: which member of a zip archive, where it has several.
        bounds: how much the file may hold.

    Raises:
        DatasetError: if the file is damaged, breaks off, is encrypted or holds too much.
        ConfigurationError: if the member is not clear.
    """
    with source.open("rb") as file:
        check_signature(file.read(HEAD_BYTES), kind)
    size, held = source.stat().st_size, 0
    with _refusing_damage(kind), source.open("rb") as file, target.open("wb") as content:
        for piece in _pieces(file, kind, member):
            held += len(piece)
            bounds.check(held, size)
            content.write(piece)
    return held


def read_head(
    file: BinaryIO, kind: Compression, length: int, *, member: str | None = None
) -> bytes:
    """Return the first bytes of what a compressed file holds; the file must be seekable.

    Raises:
        DatasetError: if the file is damaged before that.
        ConfigurationError: if the member is not clear.
    """
    head = b""
    check_signature(file.read(HEAD_BYTES), kind)
    file.seek(0)
    with (
        _refusing_damage(kind),
        closing(_pieces(file, kind, member)) as pieces,
    ):
        for piece in pieces:
            head += piece
            if len(head) >= length:
                break
    return head[:length]


@contextmanager
def _refusing_damage(kind: Compression) -> Iterator[None]:
    """Turn what the libraries raise for damaged content into one sentence."""
    try:
        yield
    except DataServicesError:
        raise
    except EOFError:
        raise DatasetError(
            f"The file breaks off: it is {CALLED[kind]} without its end; copy it anew."
        ) from None
    except NotImplementedError:
        raise DatasetError(
            "The zip archive uses a compression that cannot be read; write it with 'deflate'."
        ) from None
    except _damage() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a disk's fault, not the file's
        raise DatasetError(
            f"The file is damaged: it begins like {CALLED[kind]}, but its content cannot be read; "
            "copy it anew."
        ) from None


def compress(source: AnyPath, target: AnyPath, kind: Compression, *, member: str = "data") -> None:
    """Write a file compressed: neither times nor names of this machine are in it.

    Args:
        source: the file.
        target: the compressed file to write.
        kind: the compression.
        member: the name inside a zip archive.
    """
    with source.open("rb") as content, target.open("wb") as file:
        match kind:
            case "gz":
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as sink:
                    shutil.copyfileobj(content, sink, PIECE_BYTES)
            case "bz2":
                with bz2.BZ2File(file, "wb") as sink:
                    shutil.copyfileobj(content, sink, PIECE_BYTES)
            case "zst":
                zstd = _zstd()
                frame = zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
                while piece := content.read(PIECE_BYTES):
                    file.write(frame.compress(piece))
                file.write(frame.flush())
            case "zip":
                _compress_member(content, file, member, source.stat().st_size)


def _pieces(file: BinaryIO, kind: Compression, member: str | None) -> Generator[bytes]:
    """Return the content of a compressed file in pieces of bounded size."""
    if member is not None and kind != "zip":
        raise ConfigurationError("'member' is for zip archives only; leave it out.")
    match kind:
        case "gz":
            with gzip.GzipFile(fileobj=file) as content:
                while piece := content.read(PIECE_BYTES):
                    yield piece
        case "bz2":
            yield from _streams(file, bz2.BZ2Decompressor)
        case "zst":
            yield from _streams(file, _zstd().ZstdDecompressor)
        case "zip":
            with (
                zipfile.ZipFile(file) as archive,
                archive.open(_member(archive, member)) as content,
            ):
                while piece := content.read(PIECE_BYTES):
                    yield piece


def _streams(file: BinaryIO, decompressor: Any) -> Iterator[bytes]:
    """Return the content of all streams of a file; what stands behind one must be another."""
    data = file.read(PIECE_BYTES)
    while data:
        stream = decompressor()
        while not stream.eof:
            if stream.needs_input and not data:
                data = file.read(PIECE_BYTES)
                if not data:
                    raise EOFError
            piece = stream.decompress(data, PIECE_BYTES)
            data = b""
            if piece:
                yield piece
        data = stream.unused_data or file.read(PIECE_BYTES)


def _member(archive: zipfile.ZipFile, wanted: str | None) -> zipfile.ZipInfo:
    """Return the member of an archive that is meant."""
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith(BESIDE_DATA)
    ]
    names = [info.filename for info in members]
    if not members:
        raise DatasetError("The zip archive holds no file; write it anew.")
    if wanted is None and len(members) > 1:
        raise ConfigurationError(
            f"The zip archive holds {len(members)} files; set 'member' to one of {quoted(names)}."
        )
    found = members if wanted is None else [i for i in members if i.filename == wanted]
    if not found:
        raise ConfigurationError(
            f"The zip archive has no member {quoted([str(wanted)])}; it holds {quoted(names)}."
        )
    if len(found) > 1:
        raise DatasetError(
            f"The zip archive holds {len(found)} files of the name that 'member' gives; write it "
            "with different names."
        )
    if found[0].flag_bits & 1:
        raise DatasetError("The zip archive is encrypted; write it without a password.")
    return found[0]


def _compress_member(content: BinaryIO, file: BinaryIO, member: str, size: int) -> None:
    info = zipfile.ZipInfo(member, EARLIEST)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = PERMISSIONS
    info.create_system = 3  # the permissions are those of Unix, on every machine
    with (
        zipfile.ZipFile(file, "w") as archive,
        archive.open(info, "w", force_zip64=size >= ZIP64_BYTES) as sink,
    ):
        shutil.copyfileobj(content, sink, PIECE_BYTES)


def _damage() -> tuple[type[Exception], ...]:
    """Return what the libraries raise for damaged content."""
    return (OSError, ValueError, zipfile.BadZipFile, zlib.error, _zstd().ZstdError)


def _zstd() -> Any:
    """Return the module for Zstandard: that of Python 3.14, or its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
