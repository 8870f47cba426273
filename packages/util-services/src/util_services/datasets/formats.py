"""The formats that datasets come in, by name and by file ending."""

from __future__ import annotations

from typing import Literal, get_args

from util_services.datasets.compression import COMPRESSIONS, Compression, compression_of
from util_services.errors import ConfigurationError, printable

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc", "text"]
FormatOrAuto = Literal[
    "auto", "csv", "tsv", "json", "jsonl", "parquet", "xlsx", "avro", "orc", "text"
]
CompressionOrAuto = Literal["auto", "none", "gz", "bz2", "zst", "zip"]

FORMATS: tuple[Format, ...] = get_args(Format)
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".avro": "avro",
    ".orc": "orc",
    ".txt": "text",
}
SELF_COMPRESSED: frozenset[Format] = frozenset({"parquet", "xlsx", "avro", "orc"})


def format_of(path: str, declared: FormatOrAuto = "auto") -> Format:
    """Return the format of a path: the declared one, else the one its ending stands for.

    The ending of a compression, as in ``a.csv.gz``, is passed over.

    Raises:
        ConfigurationError: if the ending is none that is known.
    """
    if declared != "auto":
        return declared
    name, _ = compression_of(path)
    for ending, known in ENDINGS.items():
        if name.lower().endswith(ending):
            return known
    raise ConfigurationError(
        f"The format of '{printable(path)}' is not clear from its ending; set 'format' to one of "
        f"{', '.join(FORMATS)}."
    )


def compression_in(path: str, declared: CompressionOrAuto = "auto") -> Compression | None:
    """Return the compression of a path: the declared one, else the one its ending stands for."""
    if declared == "none":
        return None
    return declared if declared in COMPRESSIONS else compression_of(path)[1]
