"""Links that are kept outside the audit: what is cut or written anew contradicts them."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.audit.chain import Link
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from util_services.audit.key import AuditKey


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link that is kept outside its chain, and who keeps it."""

    link: Link
    keeper: str  # such as "run 3f…"


def sealed_link(owner: str, link: Link, key: AuditKey) -> str:
    """Return a link as it is kept by its owner, where others may write too: they cannot forge it.

    Args:
        owner: whose link it is, a word.
        link: the link.
        key: the key of the audit.
    """
    text = f"{owner} {link}"
    return f"{text} {key.id} {key.sealed(text)}"


def unsealed_link(
    text: str, keys: Sequence[AuditKey], *, believes_unknown: bool = False
) -> tuple[str, Link] | None:
    """Return owner and link of a text that `sealed_link` made, None for what is forged.

    Args:
        text: the text.
        keys: the keys that it may have been sealed with.
        believes_unknown: whether to take a text for true that names another key.
    """
    owner, word, key_id, seal = [*text.split(" "), "", "", ""][:4]
    link, known = Link.parse(word), {key.id: key for key in keys}.get(key_id)
    if known is None:
        is_true = believes_unknown
    else:
        is_true = hmac.compare_digest(known.sealed(f"{owner} {word}"), seal)
    return (owner, link) if link is not None and is_true else None


def anchor_in_report(file: Path) -> Anchor:
    """Return the link that the report of a run keeps: where its beginning is recorded.

    Raises:
        ConfigurationError: if the file is no report that keeps one.
    """
    try:
        link = Link.parse(json.loads(file.read_bytes())["run"]["audit"])
    except (OSError, ValueError, KeyError, TypeError):
        link = None
    if link is None:
        raise ConfigurationError(
            f"'{file}' is no report of a run with a link to the audit; name a '.report.json'."
        )
    return Anchor(link, f"the report '{file.name}'")
