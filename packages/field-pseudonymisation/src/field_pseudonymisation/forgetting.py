"""Tokens that are to be forgotten, as a file names them."""

from __future__ import annotations

import pyarrow as pa

from field_pseudonymisation.errors import PolicyError, TokenError
from field_pseudonymisation.techniques.tokens import read_tokens


def tokens_of(content: bytes) -> list[bytes]:
    """Return what tells the tokens of a file apart, each once; one stands on each line.

    Raises:
        PolicyError: if it holds anything else, or nothing.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise PolicyError("The file of tokens is not in UTF-8; correct it.") from None
    filled = {line: number for number, line in enumerate(lines, 1) if line}
    if not filled:
        raise PolicyError("The file of tokens holds none; write one on each line.")
    try:
        groups = list(read_tokens(pa.array(list(filled), pa.large_string()), "tok"))
    except TokenError as error:
        numbers = [list(filled.values())[position] for position in error.positions]
        raise PolicyError(
            f"The file of tokens holds on line {', '.join(map(str, numbers))} what is no token of "
            "'tokenise'; write one on each line, and nothing else."
        ) from None
    return [token for group in groups for token in group.payloads.to_payloads() if token]
