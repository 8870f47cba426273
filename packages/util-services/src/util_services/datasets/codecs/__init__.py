"""Formats that the engine does not read itself: from a file to Arrow batches and back.

``codec_of`` gives the module of a format, which reads and writes as `Codec` says. JSON arrays are
no such format: `json_array` turns them into JSON lines, which the engine reads exactly, and back.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast, get_args

from util_services.datasets.codecs.protocol import DEFAULT_OPTIONS, Codec, CodecOptions

if TYPE_CHECKING:
    from types import ModuleType

CodecFormat = Literal["xlsx", "avro", "orc", "text"]
CODEC_FORMATS: tuple[CodecFormat, ...] = get_args(CodecFormat)


def codec_of(format: CodecFormat) -> Codec:  # noqa: A002 - the public word for a format
    """Return what reads and writes a format; its library is loaded here and not before."""
    module: ModuleType = import_module(f"{__name__}.{format}")
    return cast("Codec", module)


__all__ = ["CODEC_FORMATS", "DEFAULT_OPTIONS", "Codec", "CodecFormat", "CodecOptions", "codec_of"]
