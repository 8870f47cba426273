"""Numbers that depend on a value and a key: what shifts dates and adds noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from field_pseudonymisation.techniques.encoding import encode
from field_pseudonymisation.techniques.hashing import hmac_sha256

if TYPE_CHECKING:
    import pyarrow as pa

    from util_services.encryption.secret import Secret

BYTES = 16


def numbers_of(values: pa.Array, key: Secret) -> np.ndarray:
    """Return two numbers of 64 bits for each value, which is not missing anywhere."""
    macs = hmac_sha256(key, encode(values), BYTES)
    return np.frombuffer(macs, ">u8").astype(np.uint64).reshape(-1, 2)
