"""Pseudonymisation of the fields of datasets: the calls for notebooks and scripts.

Names are imported on first use, because discovery imports this package and must stay light.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from field_pseudonymisation.api import depseudonymise, pseudonymise, repseudonymise
    from field_pseudonymisation.policy import PseudonymisationPolicy
    from field_pseudonymisation.text.api import detect, detect_personal_data

__all__ = [
    "PseudonymisationPolicy",
    "__version__",
    "depseudonymise",
    "detect",
    "detect_personal_data",
    "pseudonymise",
    "repseudonymise",
]

__version__ = version("field-pseudonymisation")
_PLACES = {
    "PseudonymisationPolicy": "policy",
    "detect": "text.api",
    "detect_personal_data": "text.api",
}


def __getattr__(name: str) -> Any:
    """Return a name of the public API."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    place = _PLACES.get(name, "api")
    return getattr(import_module(f"field_pseudonymisation.{place}"), name)
