"""Cleaning and transformation of tabular datasets: the calls for notebooks and scripts.

Names are imported on first use, because discovery imports this package and must stay light.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_processing.api import clean, remove_duplicates

__all__ = ["__version__", "clean", "remove_duplicates"]

__version__ = version("data-processing")


def __getattr__(name: str) -> Any:
    """Return a name of the public API."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module("data_processing.api"), name)
