"""Turn what somebody hands over for a record into plain JSON without what looks like a secret."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"(^|[^a-z])(password|passwd|passphrase|secret|token|credentials?|authorization"
    r"|(api|access|private|secret|signing)[^a-z]?key)([^a-z]|$)"
)
# The digest of a token, which nobody guesses, gives it away to nobody; that of a password may.
TOKEN_DIGEST_NAME = re.compile(r"(^|.*[^a-z])token_sha256")
SHA256 = re.compile(r"[0-9a-f]{64}")
CAMEL_CASE_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
KEY_VARIABLE = re.compile(r"^DATA_SERVICES_(\w+_KEY$|KEYSET_)")
SHORTEST_SECRET = 8  # of the environment: what is shorter is too likely another word
CREDENTIALS_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# The texts are anybody's, so no pattern may take more than one look at a word, however long it is.
ASSIGNMENT = re.compile(
    r"""(?<![\w.-])([A-Za-z][\w.-]*+)(["']?\s*+[=:]\s*+["']?)([^\s"'&,;)}\]]++)"""
)
PATTERNS = (  # each hides what follows its first group
    re.compile(r"(?i)\b(bearer |basic )[\w.~+/=-]{16,}+"),
    re.compile(r"(?i)([?&](?:x-amz-signature|signature|sig)=)[^&\s]+"),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # an access key of AWS
    re.compile(r"()(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+"),  # a JSON Web Token (RFC 7519)
    re.compile(r"(?s)()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*KEY-----|$)"),
)


def redacted(value: Any) -> Any:
    """Return a copy made of JSON types only, with secrets replaced by a mark.

    A secret is what stands under a name such as ``password`` or ``api_key``, and in a text what
    looks like one: ``password=…``, ``://…@`` of an address, a bearer token, an access key, a
    private key, and every secret of this process's environment. The SHA-256 of a token, under such
    a name as ``token_sha256``, is none: by it an auditor knows the token again. An object that JSON
    does not know is named by its class: its text could quote data.
    """
    if isinstance(value, Mapping):
        return {
            str(name): REDACTED if _is_secret(str(name), part) else redacted(part)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redacted(part) for part in value]
    if isinstance(value, str):
        return _redacted_text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return f"<{type(value).__name__}>"


def _redacted_text(text: str) -> str:
    for secret in _environment_secrets():
        text = text.replace(secret, REDACTED)
    text = CREDENTIALS_IN_ADDRESS.sub(REDACTED, text)
    for pattern in PATTERNS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return ASSIGNMENT.sub(_redacted_assignment, text)


def _redacted_assignment(found: re.Match[str]) -> str:
    name, sign, value = found.groups()
    return f"{name}{sign}{REDACTED}" if _is_secret(name, value) else found[0]


def _environment_secrets() -> Iterator[str]:
    """Return the values of the variables of the environment that hold secrets."""
    for name in filter(_names_a_secret, os.environ):
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST_SECRET:
            yield value


def _is_secret(name: str, value: Any) -> bool:
    if not is_secret_name(name):
        return False
    is_digest = isinstance(value, str) and SHA256.fullmatch(value) is not None
    return not (is_digest and TOKEN_DIGEST_NAME.fullmatch(name) and _is_plain(name))


def _is_plain(name: str) -> bool:
    """Return whether nothing but the end of a name speaks of a secret."""
    return not is_secret_name(name.removesuffix("token_sha256"))


@lru_cache(maxsize=1024)
def _names_a_secret(variable: str) -> bool:
    return KEY_VARIABLE.search(variable) is not None or is_secret_name(variable)


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name holds a secret rather than the name of one."""
    return SECRET_NAME.search(CAMEL_CASE_BORDER.sub("_", name).lower()) is not None
