"""Masking: characters are hidden behind others; what stays is what a rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import is_text, joined, plain
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXED = 3  # characters that stand for a part whose length is hidden
EMAIL = r"(?s)^(?:(.)[^@]+|[^@])(@[^@]+)$"  # of one character before the @ none is shown


class Mask(Base):
    """Hides characters of texts; a text too short to hide anything of is hidden whole."""

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return self.target.type if is_text(self.target.type) else pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the masked texts."""
        texts = plain(values)
        if not is_text(texts.type):
            texts = texts.cast(pa.string())
        if self.options.form == "email":
            return per_distinct(texts, self._emails).cast(self.output)
        if self.options.length is not None:
            return self._fixed(texts).cast(self.output)
        return self._true_length(texts).cast(self.output)

    def _emails(self, texts: pa.Array) -> pa.Array:
        hidden = self.options.character * FIXED
        masked = pc.replace_substring_regex(texts, EMAIL, rf"\1{hidden}\2")
        is_address = pc.match_substring_regex(texts, EMAIL)
        return pc.if_else(is_address, masked, pa.scalar(hidden, texts.type))

    def _fixed(self, texts: pa.Array) -> pa.Array:
        """Hide all between the kept ends behind so many characters, whatever was there."""
        first, last = self.options.keep_first, self.options.keep_last
        hidden = self.options.character * self.options.length
        lengths = pc.utf8_length(texts)
        if len(texts) and (pc.min(lengths).as_py() or 0) > first + last:
            stop = -last if last else int(np.iinfo(np.int32).max)
            return pc.utf8_replace_slice(texts, first, stop, hidden)
        ends = [pc.if_else(texts.is_valid(), pa.scalar(hidden, texts.type), None)]
        if first:
            ends.insert(0, pc.utf8_slice_codeunits(texts, 0, first))
        if last:
            ends.append(pc.utf8_slice_codeunits(texts, -last))
        masked = joined(texts.type, *ends)
        is_long = pc.greater(lengths, first + last)
        return pc.if_else(is_long, masked, pa.scalar(hidden, masked.type))

    def _true_length(self, array: pa.Array) -> pa.Array:
        options, texts = self.options, Texts.of(array)
        point = ord(options.character)
        characters = texts.characters
        if point >= 128 and characters.dtype == np.uint8:
            characters = characters.astype(np.uint32)
        hidden = np.full(len(characters), point, characters.dtype)
        is_long = texts.lengths > options.keep_first + options.keep_last
        starts = texts.starts[is_long]
        ends = starts + texts.lengths[is_long]
        for place in range(options.keep_first):
            hidden[starts + place] = characters[starts + place]
        for place in range(1, options.keep_last + 1):
            hidden[ends - place] = characters[ends - place]
        if options.separators:
            points = np.frombuffer(options.separators.encode("utf-32-le"), np.uint32)
            stays = np.isin(characters, points)
            hidden[stays] = characters[stays]
        return texts.with_characters(hidden).to_array(array.type)
