"""Objects as they stand in a pack: compressed where that helps, told by their id, cut if large.

A frame's text is a head (form, size, id) and a payload. What the payload is, the form says: the
content itself, its zstd frame, or a list of the chunks that the content was cut into.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zstandard
from blake3 import blake3

from workspace_core.store.chunking import FASTCDC_2020, Cutting
from workspace_core.store.identity import ID_BYTES, content_id

if TYPE_CHECKING:
    from collections.abc import Iterable

RAW, ZSTD, RAW_LIST, ZSTD_LIST = range(4)
LISTS = (RAW_LIST, ZSTD_LIST)
HEAD = struct.Struct("<BQ32s")
LIST_HEAD = struct.Struct("<32sBIII")
LIST_ENTRY = struct.Struct("<I32s")
LEVEL = 1  # random data costs next to nothing, CSV shrinks to a third or less
LEAST_COMPRESSED = 64  # bytes; a zstd frame of less is no smaller
MOST_PLAIN = 64 << 20  # what one payload may unfold to, chunk lists of terabytes included

_local = threading.local()  # (de)compressors of zstandard are not to be shared between threads


@dataclass(frozen=True, slots=True)
class Frame:
    """The text of a frame, taken apart."""

    object_id: bytes
    form: int
    size: int  # of the content, which for a list is not that of the payload
    payload: bytes | memoryview


@dataclass(frozen=True, slots=True)
class ChunkList:
    """The chunks of a content in their order: (length, id) each."""

    cutting: Cutting
    chunks: tuple[tuple[int, bytes], ...]


def encoded(
    content: bytes | memoryview, object_id: bytes | None = None
) -> tuple[bytes, int, int, bytes | memoryview]:
    """Return id, form, size and payload of a content that is kept whole."""
    found = content_id(content) if object_id is None else object_id
    form, payload = _compressed(content)
    return found, form, len(content), payload


def encoded_list(
    object_id: bytes, size: int, chunks: Iterable[tuple[int, bytes]], cutting: Cutting
) -> tuple[bytes, int, int, bytes | memoryview]:
    """Return id, form, size and payload of a content that is kept in chunks."""
    entries = b"".join(LIST_ENTRY.pack(length, chunk) for length, chunk in chunks)
    head = (FASTCDC_2020, cutting.least, cutting.average, cutting.most)
    checked = struct.pack("<BIII", *head) + entries
    form, payload = _compressed(content_id(checked) + checked)
    return object_id, form + RAW_LIST, size, payload


def decoded_list(payload: bytes) -> ChunkList:
    """Return the chunk list in a payload that is no longer compressed.

    Raises:
        ValueError: if it is none.
    """
    if len(payload) < LIST_HEAD.size or (len(payload) - LIST_HEAD.size) % LIST_ENTRY.size:
        raise ValueError("its chunk list has a wrong length")
    checksum, algorithm, least, average, most = LIST_HEAD.unpack_from(payload)
    if content_id(memoryview(payload)[ID_BYTES:]) != checksum:
        raise ValueError("its chunk list does not fit its checksum")
    if algorithm != FASTCDC_2020:
        raise ValueError("its chunk list names an unknown algorithm")
    chunks = tuple(LIST_ENTRY.iter_unpack(memoryview(payload)[LIST_HEAD.size :]))
    return ChunkList(Cutting(0, least, average, most), chunks)


def plain(form: int, size: int, payload: bytes | memoryview) -> bytes:
    """Return a payload without its compression.

    Raises:
        ValueError: if it cannot be unfolded, or unfolds to more than it may.
    """
    if form in (RAW, RAW_LIST):
        return bytes(payload)
    most = size if form == ZSTD else MOST_PLAIN
    if form not in (ZSTD, ZSTD_LIST) or most > MOST_PLAIN:
        raise ValueError("its form is unknown")
    try:
        if zstandard.frame_content_size(payload) > most:  # what it says is believed below
            raise ValueError("it unfolds to more than it may")
        return _decompressor().decompress(payload, max_output_size=most)
    except zstandard.ZstdError:
        raise ValueError("it cannot be decompressed") from None


def verified(object_id: bytes, size: int, content: bytes) -> bytes:
    """Return a content if it is the one that its id names.

    Raises:
        ValueError: if it is not.
    """
    if len(content) != size or blake3(content).digest() != object_id:
        raise ValueError("its content does not fit its id")
    return content


def _compressed(content: bytes | memoryview) -> tuple[int, bytes | memoryview]:
    if len(content) < LEAST_COMPRESSED:
        return RAW, content
    smaller = _compressor().compress(content)
    return (ZSTD, smaller) if len(smaller) < len(content) else (RAW, content)


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False)
    found: zstandard.ZstdCompressor = _local.compressor
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    found: zstandard.ZstdDecompressor = _local.decompressor
    return found
