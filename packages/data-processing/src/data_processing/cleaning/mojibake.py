"""Repair texts that were decoded in a wrong encoding, such as 'cafÃ©' for 'café'.

The library ftfy (R. Speer, 2019) recognises them by sequences that no language writes. Of its many
repairs only those of the encoding are made, line by line as ftfy itself does; and none that would
put U+FFFD in the place of a character that is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ftfy

from data_processing.cleaning.distinct import map_distinct, with_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    import pyarrow as pa

ENCODING_ONLY = ftfy.TextFixerConfig(replace_lossy_sequences=False, explain=False)


def repair(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a frame with the texts of some columns repaired."""
    return with_columns(
        frame,
        {name: map_distinct(frame[name], repaired, on_ascii=_unchanged) for name in columns},
    )


def repaired(text: str) -> str:
    """Return a text as it was before it was decoded in a wrong encoding."""
    return "\n".join(ftfy.fix_encoding(line, ENCODING_ONLY) for line in text.split("\n"))


def _unchanged(texts: pa.Array) -> pa.Array:
    """Return texts of ASCII alone: ASCII is the same in all encodings that are mixed up."""
    return texts
