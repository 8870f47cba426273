"""The formats that datasets come in, by name and by file ending."""

from __future__ import annotations

from typing import Literal, get_args

from util_services.errors import ConfigurationError, printable

Format = Literal["csv", "tsv", "jsonl", "parquet"]
FormatOrAuto = Literal["auto", "csv", "tsv", "jsonl", "parquet"]

FORMATS: tuple[Format, ...] = get_args(Format)
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


def format_of(path: str, declared: FormatOrAuto = "auto") -> Format:
    """Return the format of a path: the declared one, else the one its ending stands for.

    Raises:
        ConfigurationError: if the ending is none that is known.
    """
    if declared != "auto":
        return declared
    for ending, known in ENDINGS.items():
        if path.lower().endswith(ending):
            return known
    raise ConfigurationError(
        f"The format of '{printable(path)}' is not clear from its ending; set 'format' to one of "
        f"{', '.join(FORMATS)}."
    )
