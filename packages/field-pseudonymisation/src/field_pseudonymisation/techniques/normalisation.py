"""Forms of texts that count as equal before they are keyed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError
from field_pseudonymisation.techniques.encoding import is_text


def normalise(values: pa.Array, form: str) -> pa.Array:
    """Return texts in a form; values of other types as they are.

    Raises:
        CellsError: with the positions of texts without a digit, of which nothing would be left.
    """
    if form == "none" or not is_text(values.type):
        return values
    if form in {"nfc", "nfkc"}:
        return pc.utf8_normalize(values, form.upper())
    if form == "digits":
        digits = pc.replace_substring_regex(values, r"[^0-9]", "")
        is_lost = pc.and_(pc.equal(digits, ""), pc.not_equal(values, ""))
        rows = np.flatnonzero(pc.fill_null(is_lost, False).to_numpy(zero_copy_only=False))
        if len(rows):
            reason = "texts without a digit, which 'normalise: digits' would make one of"
            raise CellsError("values", reason, rows, "correct the data, or use another form")
        return digits
    nfc = pc.utf8_normalize(values, "NFC")
    folded = [None if text is None else text.casefold() for text in nfc.to_pylist()]
    return pc.utf8_normalize(pa.array(folded, values.type), "NFC")


def count_not_nfc(values: pa.Array) -> int:
    """Return how many texts would be other texts in normal form C."""
    if not is_text(values.type) or not len(values):
        return 0
    is_plain = pc.string_is_ascii(values)
    if pc.all(is_plain).as_py() in {True, None}:
        return 0
    others = values.filter(pc.invert(pc.fill_null(is_plain, True)))
    return int(pc.sum(pc.not_equal(others, pc.utf8_normalize(others, "NFC"))).as_py() or 0)
