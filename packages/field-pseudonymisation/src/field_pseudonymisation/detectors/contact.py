"""How people and machines are reached: e-mail, the web, addresses of the Internet."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.detector import Detector
from field_pseudonymisation.detectors.domains import is_top_level_domain, looks_like_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Part

LONGEST_LOCAL, LONGEST_DOMAIN = 64, 255  # RFC 5321, section 4.5.3.1
LONGEST_LABEL = 63  # RFC 1035, section 2.3.4
BEHIND = ".,;:!?'\"*_-"  # marks that end a sentence and not an address
PAIRS = {")": "(", "]": "[", "}": "{"}
LABEL = r"[A-Za-z0-9\x{C0}-\x{24F}](?:[A-Za-z0-9\x{C0}-\x{24F}-]*[A-Za-z0-9\x{C0}-\x{24F}])?"
QUOTES = r"\x{AB}\x{BB}\x{2018}-\x{201F}"
SPACES = r"\x{0}-\x{20}\x{7F}-\x{A0}\x{2000}-\x{200F}\x{2028}-\x{202F}"
REST = rf"[^{SPACES}{QUOTES}<>\"`{{}}|\\^]"
NAME_AND_ENDING = 2
IPV6_GROUPS = 8
FEWEST_SHOWN = 5  # digits in the short form of an address of version 6


def is_email(text: str) -> bool:
    """Return whether a text is an e-mail address: lengths, dots, a top-level domain of letters."""
    local, _, domain = text.rpartition("@")
    if not local or len(local) > LONGEST_LOCAL or len(domain) > LONGEST_DOMAIN:
        return False
    labels = domain.split(".")
    return (
        ".." not in local
        and all(label and label[0] != "-" != label[-1] for label in labels)
        and (labels[-1].isalpha() or labels[-1].startswith("xn--"))
        and len(labels[-1]) > 1
    )


def email_parts(text: str) -> Iterable[Part]:
    """Return the address without marks around it; none for a password before the name of a host."""
    if text.startswith("://"):
        return
    start = len(text) - len(text.lstrip(".'+-*=/&%"))
    yield start, len(text.rstrip(".-"))


def url_parts(text: str) -> Iterable[Part]:
    """Return the address without marks and closing brackets that belong to the sentence."""
    end = len(text)
    surplus = {
        closing: text.count(closing) - text.count(opened) for closing, opened in PAIRS.items()
    }
    while end and (text[end - 1] in BEHIND or surplus.get(text[end - 1], 0) > 0):
        end -= 1
        if text[end] in surplus:
            surplus[text[end]] -= 1
    yield 0, end


def is_url(text: str) -> bool:
    """Return whether a text has a scheme and a host."""
    _, _, rest = text.partition("://")
    return bool(rest) and (rest[0].isalnum() or rest[0] == "[")


def is_domain(text: str) -> bool:
    """Return whether a text begins with a domain whose last label is in use on the Internet."""
    host = re.split(r"[/:?#]", text, maxsplit=1)[0]
    labels = host.split(".")
    if len(host) > LONGEST_DOMAIN or any(len(label) > LONGEST_LABEL for label in labels):
        return False
    is_told = labels[0].lower() == "www" or "/" in text
    if len(labels) == NAME_AND_ENDING and looks_like_file(host) and not is_told:
        return False
    return is_top_level_domain(labels[-1], is_told=is_told) and (
        labels[-1].islower() or host.isupper()
    )


def is_ipv4(text: str) -> bool:
    """Return whether a text is an address, and none of zeros or of a mask alone."""
    try:
        return not ipaddress.IPv4Address(text.partition("/")[0]).is_unspecified
    except ValueError:
        return False


def is_ipv6(text: str) -> bool:
    """Return whether a text is an address; a short form needs some digits to be told from code."""
    bare = text.partition("/")[0].partition("%")[0]
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return False
    if address.is_unspecified:
        return False
    return bare.count(":") == IPV6_GROUPS - 1 or sum(one.isalnum() for one in bare) >= FEWEST_SHOWN


def ipv6_parts(text: str) -> Iterable[Part]:
    """Return the address, also without a colon or point that ends a sentence."""
    yield 0, len(text)
    bare = text.rstrip(".:")
    if bare != text:
        yield 0, len(bare)


def contact_detectors() -> Iterable[Detector]:
    """Return the detectors of addresses."""
    byte = r"[0-9]{1,3}"
    return (
        Detector(
            name="email",
            entity="email",
            summary="e-mail addresses, also international ones",
            pattern=r"(?:://[^\x{0}\s/@:]{0,64}:)?[\pL\pN\pM._%+'/=&*-]+@[\pL\pN\pM-]+(?:\.[\pL\pN\pM-]+)+",
            parts=email_parts,
            check=is_email,
            score=0.95,
        ),
        Detector(
            name="url",
            entity="url",
            summary="addresses of the web with a scheme",
            pattern=rf"(?i)(?:https?|ftps?|sftp|wss?)://{REST}+",
            parts=url_parts,
            check=is_url,
            score=0.9,
        ),
        Detector(
            name="domain",
            entity="url",
            summary="names of hosts without a scheme, with a path or not",
            pattern=rf"{LABEL}(?:\.{LABEL})+(?::[0-9]{{1,5}})?(?:[/?#]{REST}*)?",
            parts=url_parts,
            check=is_domain,
            score=0.6,
            edges="host",
        ),
        Detector(
            name="ipv4",
            entity="ip_address",
            summary="addresses of the Internet, version 4",
            pattern=rf"{byte}(?:\.{byte}){{3}}(?:/[0-9]{{1,2}})?",
            check=is_ipv4,
            score=0.8,
            edges="number",
        ),
        Detector(
            name="ipv6",
            entity="ip_address",
            summary="addresses of the Internet, version 6",
            pattern=r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}(?:%[0-9A-Za-z]{1,16})?(?:/[0-9]{1,3})?",
            parts=ipv6_parts,
            check=is_ipv6,
            score=0.8,
            edges="host",
        ),
    )
