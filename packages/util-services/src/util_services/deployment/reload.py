"""Have a code location loaded anew, and wait until it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from util_services.deployment.platform import PATIENCE_SECONDS, POLL_SECONDS, PlatformError
from util_services.graphql import UnreachableError

if TYPE_CHECKING:
    from util_services.deployment.platform import LoadedLocation, Platform


class NotLoadedError(PlatformError):
    """Raised when a code location does not load, or does not become what it should."""


def reload_location(platform: Platform, tag: str | None, timeout_seconds: float) -> LoadedLocation:
    """Reload until the location is loaded, and runs the image with a tag where one is given.

    A code server that does not answer may be about to be replaced; one whose code does not load
    will not get better by waiting.

    Raises:
        RefusedError: if the platform is out of reach, or has no such location.
        NotLoadedError: with the text of the load error, or if the time is up.
        UnreachableError: if the web server stops answering.
    """
    deadline = time.monotonic() + timeout_seconds
    platform.loaded(min(PATIENCE_SECONDS, timeout_seconds))  # a wrong name is told at once
    while True:
        found = None
        try:
            found = platform.reload()
        except UnreachableError:
            if time.monotonic() >= deadline:
                raise
        else:
            if found.error and not found.error.is_unreachable:
                raise NotLoadedError(
                    f"The code location '{found.name}' does not load: {found.error.sentence}"
                )
            if not found.error and not found.is_loading and tag in (None, found.tag):
                return found
        if time.monotonic() >= deadline:
            raise NotLoadedError(_what_is_missing(found, tag, timeout_seconds))
        time.sleep(POLL_SECONDS)


def _what_is_missing(found: LoadedLocation | None, tag: str | None, seconds: float) -> str:
    waited = f"Within {seconds:.0f} seconds"
    if found is None or found.error or found.is_loading:
        return f"{waited} the code server did not answer; look at its log, and at its pod."
    return (
        f"{waited} the code location '{found.name}' still runs the image "
        f"{found.image or 'of which it does not say the name'}, not the tag '{tag}'; look at the "
        "roll-out of its code server."
    )
