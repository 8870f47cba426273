"""Where requests over HTTP may go, and by which way."""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from http.client import HTTPResponse

PIECE_BYTES = 1 << 16


def opener_for(url: str) -> urllib.request.OpenerDirector:
    """Return what opens addresses on the host of a URL, through a proxy only to other machines.

    Raises:
        ConfigurationError: if the URL does not name a host by http or https, or holds credentials,
            which belong into settings of their own.
    """
    try:
        parts = urlsplit(url)
        host, has_credentials = parts.hostname, "@" in parts.netloc
    except ValueError:
        host, has_credentials = None, False
    if host is None or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(
            "An address must be of the form 'http://HOST:PORT' or 'https://HOST'; correct it."
        )
    if has_credentials:
        raise ConfigurationError(
            f"The address of {quoted_name(host)} holds credentials; leave them out of it and set "
            "them in the environment."
        )
    proxies: dict[str, str] | None = {} if is_loopback(host) else None
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies))


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def body_of(response: HTTPResponse, max_bytes: int, seconds: float) -> bytes:
    """Return the body of a response, which may be so long and take so many seconds as a whole.

    The time limit of a connection holds for each packet, so that what drips would never end.

    Raises:
        TimeoutError: if it takes longer.
        http.client.HTTPException: if it is longer, or cut off.
    """
    deadline = time.monotonic() + seconds
    body = bytearray()
    while piece := response.read1(PIECE_BYTES):
        body += piece
        if len(body) > max_bytes:
            raise http.client.HTTPException("too long")
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)
