"""Two network namespaces and the bridge between them and this machine: hosts in all but files.

Needs the rights of root over networks. The addresses are of 198.18.0.0/15, which RFC 2544 keeps for
tests of networks; nothing of them leaves the machine.
"""

from __future__ import annotations

import secrets
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Host:
    """Where a program runs.

    Attributes:
        address: the address on which it listens.
        prefix: what stands before its command.
    """

    address: str
    prefix: tuple[str, ...] = ()


LOOPBACK = Host("127.0.0.1")


@contextmanager
def network_namespaces(number: int) -> Iterator[list[Host]]:
    """Make hosts that see each other; the first is this machine, each other one a namespace.

    They are gone afterwards, and whatever ran in them must be.

    Raises:
        PermissionError: if this machine does not let us.
    """
    mark = secrets.token_hex(3)
    network = f"198.{18 + secrets.randbelow(2)}.{secrets.randbelow(256)}"
    hosts, bridge = [Host(f"{network}.1")], f"ds{mark}b"
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{network}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for place in range(number):
            name, outside, address = (
                f"ds{mark}{place}",
                f"ds{mark}v{place}",
                f"{network}.{place + 2}",
            )
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", outside, "master", bridge, "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
            hosts.append(Host(address, ("ip", "netns", "exec", name)))
        yield hosts


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
