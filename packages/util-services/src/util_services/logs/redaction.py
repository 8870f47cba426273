"""Turn what somebody hands over for a record into plain JSON without what looks like a secret."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"(^|[^a-z])(password|passwd|passphrase|secret|token|credentials?|authorization"
    r"|(api|access|private|secret|signing)[^a-z]?key)([^a-z]|$)"
)
CAMEL_CASE_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
CREDENTIALS_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def redacted(value: Any) -> Any:
    """Return a copy made of JSON types only, with secrets replaced by a mark.

    A secret is what stands under a name such as ``password`` or ``api_key``, or between ``://`` and
    ``@`` of an address. An object that JSON does not know is named by its class: its text could
    quote data.
    """
    if isinstance(value, Mapping):
        return {
            str(name): REDACTED if is_secret_name(str(name)) else redacted(part)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redacted(part) for part in value]
    if isinstance(value, str):
        return CREDENTIALS_IN_ADDRESS.sub(REDACTED, value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return f"<{type(value).__name__}>"


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret rather than the name of one."""
    return SECRET_NAME.search(CAMEL_CASE_BORDER.sub("_", name).lower()) is not None
