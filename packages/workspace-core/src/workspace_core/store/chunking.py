"""Cutting large contents where their bytes say, so that an insertion moves few cut points.

FastCDC with normalised chunking (Xia et al., "The Design of Fast Content-Defined Chunking for Data
Deduplication Based Storage Systems", 2020), in the implementation of pyfastcdc, whose cut points
are those of the Rust crate fastcdc, v2020. Parameters stand in each chunk list; contents cut by
others can always be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIB = 1 << 10
FASTCDC_2020 = 1  # how a chunk list names the algorithm


@dataclass(frozen=True, slots=True)
class Cutting:
    """How contents are cut: sizes in bytes."""

    from_size: int  # smaller ones stay whole
    least: int
    average: int
    most: int


FILES = Cutting(from_size=1024 * KIB + 1, least=64 * KIB, average=256 * KIB, most=1024 * KIB)
# A directory of 100,000 entries is 6 MB; a change of one entry is to cost a piece of it.
DIRECTORIES = Cutting(from_size=16 * KIB, least=2 * KIB, average=8 * KIB, most=32 * KIB)


@cache
def _cutter(cutting: Cutting) -> Any:
    from pyfastcdc import FastCDC  # only where something is large

    return FastCDC(cutting.average, min_size=cutting.least, max_size=cutting.most)


def cut(content: memoryview, cutting: Cutting) -> Iterator[memoryview]:
    """Yield the chunks of a content."""
    for chunk in _cutter(cutting).cut_buf(content):
        yield content[chunk.offset : chunk.offset + chunk.length]


def cut_stream(
    read: Callable[[int], bytes], cutting: Cutting, window: int = 8 * 1024 * KIB
) -> Iterator[memoryview]:
    """Yield the chunks of a stream, the same as of its whole content, with a bounded memory.

    A chunk that ends before its window does would end there in the whole content too; the last one
    of a window may not, and is cut again together with what follows.
    """
    rest = b""
    while fresh := read(window):
        view = memoryview(rest + fresh if rest else fresh)
        last: memoryview | None = None
        for chunk in cut(view, cutting):
            if last is not None:
                yield last
            last = chunk
        rest = bytes(last) if last is not None else b""
    if rest:
        yield from cut(memoryview(rest), cutting)
