"""Tokens out of a vault: random, so that nothing but the vault leads back to a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from field_pseudonymisation.errors import TokenError
from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import decode, decode_each, encode, plain
from field_pseudonymisation.techniques.normalisation import normalise
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.techniques.tokens import read_tokens, write_tokens
from field_pseudonymisation.techniques.vault import TOKEN_BYTES, Vault

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "a token that the vault does not have, that belongs to another domain, or was forgotten"


class Tokenisation(Base):
    """Random tokens, the same for the same value of a domain."""

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the tokens; they are in the vault before they are returned."""
        if self.target.policy == "random":
            return self._tokens(plain(values), is_random=True)
        return per_distinct(plain(values), self._tokens)

    def _tokens(self, values: pa.Array, *, is_random: bool = False) -> pa.Array:
        form = normalise(values, self.options.normalise)
        encoded = encode(form, as_text=self.options.as_ == "text")
        present = encoded.is_valid().to_numpy(zero_copy_only=False)
        wanted = encoded.drop_null().to_pylist()
        vault = self._vault
        given = vault.new_tokens(wanted) if is_random else vault.tokens_for(wanted)
        ids = np.array([key_id for key_id, _ in given], dtype=object)
        tokens = [token for _, token in given]
        rows = np.flatnonzero(present)
        result = pa.nulls(len(values), self.output)
        for key_id in sorted(set(ids)):
            mine = ids == key_id
            here = np.zeros(len(values), bool)
            here[rows[mine]] = True
            data = b"".join(token for token, is_mine in zip(tokens, mine, strict=True) if is_mine)
            flat = Flat(np.frombuffer(data, np.uint8), np.where(here, TOKEN_BYTES, 0), here)
            result = pa.compute.coalesce(result, write_tokens("tok", key_id, flat))
        return result

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the values that the vault has for the tokens."""
        encoded = pa.array(self._found(values), pa.large_binary())
        return decode(encoded, self.target.type, as_text=self.options.as_ == "text")

    def reverse_each(self, values: pa.Array) -> list[Any]:
        """Return the values that the vault has, each of the type that it tells itself."""
        return decode_each(self._found(values))

    def _found(self, values: pa.Array) -> list[bytes | None]:
        """Return the bytes of values that the vault has for tokens.

        Raises:
            TokenError: with the positions of tokens that it does not have.
        """
        tokens = plain(values)
        found: list[bytes | None] = [None] * len(tokens)
        for group in read_tokens(tokens, "tok"):
            rows = np.flatnonzero(group.payloads.present).tolist()
            payloads = group.payloads.to_payloads()
            opened = self._vault.values_of(group.key_id, [payloads[row] for row in rows])
            wrong = [row for row, value in zip(rows, opened, strict=True) if value is None]
            if wrong:
                raise TokenError("values", UNKNOWN, wrong, "nothing was decrypted")
            for row, value in zip(rows, opened, strict=True):
                found[row] = value
        return found

    @property
    def _vault(self) -> Vault:
        return Vault.of(self.options.vault, self.target)
