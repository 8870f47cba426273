"""Where requests over HTTP may go, and by which way."""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit

from util_services.errors import ConfigurationError, quoted_name


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
