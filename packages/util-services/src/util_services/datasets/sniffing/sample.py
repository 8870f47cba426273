"""Parts of a file to judge it by: its head, and some places further on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.datasets.compression import COMPRESSIONS, Compression, read_head
from util_services.datasets.signatures import HEAD_BYTES, signature_of

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE_BYTES = 1 << 18
PART_BYTES = 1 << 16
PLACES = (0.25, 0.5, 0.75, 1.0)
ALIGNMENT = 4  # of the widest characters


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a file's content, decompressed.

    Parts behind the head begin and end anywhere; ``is_whole`` says that the head is all there is.
    """

    head: bytes
    parts: tuple[bytes, ...]
    is_whole: bool
    compression: Compression | None


def take_sample(file: Path, member: str | None = None) -> Sample:
    """Read parts of a file; of a compressed one only the head, for the rest costs all before it."""
    with file.open("rb") as content:
        head = content.read(SAMPLE_BYTES)
        found = signature_of(head[:HEAD_BYTES])
        for kind in COMPRESSIONS:
            if found == kind:
                content.seek(0)
                inner = read_head(content, kind, SAMPLE_BYTES + 1, member=member)
                return Sample(inner[:SAMPLE_BYTES], (), len(inner) <= SAMPLE_BYTES, kind)
        size = file.stat().st_size
        parts = []
        if size > SAMPLE_BYTES + len(PLACES) * PART_BYTES:
            for place in PLACES:
                start = int((size - SAMPLE_BYTES - PART_BYTES) * place) + SAMPLE_BYTES
                content.seek(start - start % ALIGNMENT)
                parts.append(content.read(PART_BYTES))
        elif size > SAMPLE_BYTES:
            parts.append(content.read())
    return Sample(head, tuple(parts), size <= SAMPLE_BYTES, None)
