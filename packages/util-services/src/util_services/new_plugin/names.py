"""Which names a package of one's own may have."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from util_services.errors import ConfigurationError, quoted_name

MAX_LENGTH = 30  # so that no line of the template becomes too long
SHAPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class PluginNameError(ConfigurationError):
    """Raised for a name that a package cannot have."""


def package_of(name: str) -> str:
    """Return the Python package of a distribution.

    Raises:
        PluginNameError: if it may not be called so, or something that is installed is.
    """
    shown = quoted_name(name)
    if not SHAPE.fullmatch(name) or not 2 <= len(name) <= MAX_LENGTH:
        raise PluginNameError(
            f"A package cannot be called {shown}: use 2 to {MAX_LENGTH} lower-case letters, digits "
            "and single hyphens, beginning with a letter, such as 'clinic-tools'."
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or package in sys.stdlib_module_names:
        raise PluginNameError(f"{shown} is a word of Python itself; choose another name.")
    if _is_installed(name) or find_spec(package) is not None:
        raise PluginNameError(f"A package called {shown} is installed here; choose another name.")
    return package


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
