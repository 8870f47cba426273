"""Where the UI lives while it runs: a port and a private folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.dev.stopping import DevRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER_PREFIX = "data-services-dev-"


def choose_port(host: str, port: int) -> int:
    """Return the port, or a free one in place of 0.

    Raises:
        DevRefusedError: if it is taken or the host is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or "127.0.0.1", port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except socket.gaierror:
        raise DevRefusedError(f"The host '{host}' is not known; use '127.0.0.1'.") from None
    except PermissionError:
        raise DevRefusedError(f"Port {port} needs special rights; use one above 1023.") from None
    except OSError as error:
        if error.errno is not None and os.strerror(error.errno) == "Address already in use":
            raise DevRefusedError(
                f"Port {port} on {host} is taken; name another with '--port', or '--port 0' for a "
                "free one."
            ) from None
        raise DevRefusedError(
            f"The host '{host}' is no address of this machine; use '127.0.0.1'."
        ) from None


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder that only this user can enter; sockets need a short path."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_folder_of(previous_socket: str | None) -> None:
    """Remove the private folder of a UI that was killed together with its guard."""
    if previous_socket is not None:
        folder = Path(previous_socket).parent
        if folder.name.startswith(FOLDER_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)
