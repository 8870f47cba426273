"""Keys, tokens and passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.detector import Detector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Part

TOKENS = (  # beginnings that providers document, and what follows
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS access key id
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{60,255}",
    r"glpat-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,255}",  # Slack
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}",  # Stripe
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,512}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,512}",
    r"hv[sb]\.[A-Za-z0-9_-]{20,255}",  # Vault
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}",  # SendGrid
    r"dop_v1_[a-f0-9]{64}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON Web Token (RFC 7519)
)
NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|client[_-]?secret|api[_-]?key|access[_-]?key|"
    r"auth[_-]?token|token|account[_-]?key|shared[_-]?access[_-]?key|passwort|kennwort|"
    r"mot de passe|contraseña|clave|wachtwoord|hasło|senha|lösenord|passord|adgangskode|"
    r"salasana|heslo"
)
ASSIGNED = re.compile(r"[=:]\s*[\"']?")
IS_PLAIN_WORD = re.compile(r"[^\W\d_]+")
IS_CALL = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\(")
SHORTEST = 4


def password_in_address(text: str) -> Iterable[Part]:
    """Return the password between the name of a user and the host."""
    start = text.index(":", text.index("://") + 3) + 1
    yield start, text.rindex("@")


def assigned_value(text: str) -> Iterable[Part]:
    """Return what is assigned, without the quotes around it."""
    found = ASSIGNED.search(text)
    if found is not None:
        yield found.end(), len(text.rstrip("\"'.,;)"))


def is_secret(text: str) -> bool:
    """Return whether a text may be a secret: no plain word, no call, no placeholder."""
    if len(text) < SHORTEST or IS_PLAIN_WORD.fullmatch(text) or IS_CALL.match(text):
        return False
    return len(set(text) - set("*xX.•")) > 1 and text[0] not in "<{$%["


def credential_detectors() -> Iterable[Detector]:
    """Return the detectors of credentials."""
    return (
        Detector(
            name="token",
            entity="credential",
            summary="keys and tokens by the beginnings that their providers give them",
            pattern=f"(?:{'|'.join(TOKENS)})",
            score=0.95,
        ),
        Detector(
            name="private_key",
            entity="credential",
            summary="private keys in PEM",
            pattern=(
                r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
                r"(?:\s{0,4}[A-Za-z-]{1,32}: [^\x{0}\n]{0,128}\n){0,4}"
                r"[A-Za-z0-9+/=\s]*(?:-----END [A-Z0-9 ]{1,40}-----)?"
            ),
            score=0.99,
            edges="none",
        ),
        Detector(
            name="password_in_address",
            entity="credential",
            summary="passwords in connection strings and addresses",
            pattern=r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\x{0}\s:/@?#]{0,64}:[^\x{0}\s/@]{1,128}@",
            parts=password_in_address,
            score=0.95,
            edges="none",
        ),
        Detector(
            name="assigned_secret",
            entity="credential",
            summary="passwords and keys behind a name that says so",
            pattern=rf"(?i)(?:{NAMES})[\"']?\s{{0,3}}(?:=|:|:=|=>)\s{{0,3}}[\"']?[^\x{{0}}\s\"',;]{{4,256}}",
            parts=assigned_value,
            check=is_secret,
            score=0.8,
            edges="none",
        ),
        Detector(
            name="bearer_token",
            entity="credential",
            summary="tokens of the scheme Bearer (RFC 6750) and Basic (RFC 7617)",
            pattern=r"(?i)(?:bearer|basic)\s{1,3}[A-Za-z0-9._~+/-]{16,}={0,2}",
            parts=lambda text: ((len(text) - len(text.split()[-1]), len(text)),),
            check=lambda text: any(one.isdigit() for one in text),
            score=0.85,
        ),
    )
