"""Find the commit from which an installed distribution was built."""

from __future__ import annotations

import functools
import json
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from util_services import settings

GIT_TIMEOUT_SECONDS = 5


@functools.cache
def commit_of(name: str) -> str | None:
    """Return the commit of a distribution, or None where nobody recorded it.

    What was installed from a repository carries its commit (PEP 610). For what was built from
    local files ``DATA_SERVICES_COMMIT`` speaks, as the build of an image sets it; without it, an
    editable install has the commit that its checkout stands on.
    """
    origin = _origin(name)
    if "vcs_info" in origin:
        return str(origin["vcs_info"]["commit_id"])
    if not str(origin.get("url", "")).startswith("file:"):
        return None
    if commit := settings.text("COMMIT"):
        return commit
    if origin.get("dir_info", {}).get("editable"):
        return _head(Path(unquote(urlsplit(origin["url"]).path)))
    return None


def _origin(name: str) -> dict[str, Any]:
    try:
        recorded = distribution(name).read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    return dict(json.loads(recorded)) if recorded else {}


def _head(checkout: Path) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - no shell, and the path is pip's own record
            ["git", "-C", str(checkout), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            check=True,
            timeout=GIT_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
