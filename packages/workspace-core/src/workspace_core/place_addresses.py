"""How the address of a place for content is written, whether anything is there or not."""

from __future__ import annotations

import os
import re

from workspace_core.errors import ConfigurationError, shown_address

S3, RCLONE, FILE = "s3://", "rclone:", "file://"
# What follows a comma or a second colon are options for rclone, some of which start programs.
RCLONE_ADDRESS = re.compile(r"(?P<remote>[\w.+@][\w.+@ -]*):(?P<path>[^\x00-\x1f]*)")
S3_ADDRESS = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f]*)?")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
FORMS = "write 's3://BUCKET/PREFIX', 'rclone:REMOTE:PATH', or the path of a folder."


def checked_place(text: str) -> str:
    """Return an address if it is one; a folder's is absolute then, wherever it is read later.

    Raises:
        ConfigurationError: if it is none, or holds credentials.
    """
    if text.startswith(S3):
        if not S3_ADDRESS.fullmatch(text.removeprefix(S3)):
            raise ConfigurationError(f"{shown_address(text)} names no bucket; {FORMS}")
        return text.rstrip("/")
    if text.startswith(RCLONE):
        if not RCLONE_ADDRESS.fullmatch(text.removeprefix(RCLONE)):
            raise ConfigurationError(
                f"{shown_address(text)} is no remote of rclone's configuration with a path; "
                "write 'rclone:REMOTE:PATH', and give options by 'rclone config'."
            )
        return text
    path = text.removeprefix(FILE)
    if not path or "\0" in path or (SCHEME.match(path) and not os.path.isdir(path)):
        raise ConfigurationError(f"{shown_address(text)} is no place for data; {FORMS}")
    return os.path.abspath(os.path.expanduser(path))
