"""Anonymisation of tables by published privacy models: the calls for notebooks and scripts.

Names are imported on first use, because discovery imports this package and must stay light.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataframe_anonymisation.api import (
        anonymise,
        assess_risk,
        private_counts,
        verify_anonymity,
    )
    from dataframe_anonymisation.differential import PrivateCounts, Sum
    from dataframe_anonymisation.errors import (
        HierarchyError,
        PolicyError,
        UnattainableError,
        UncoveredValuesError,
        VerificationError,
    )
    from dataframe_anonymisation.hierarchies import Hierarchy
    from dataframe_anonymisation.models import (
        AlphaKAnonymity,
        BetaLikeness,
        DeltaDisclosure,
        DeltaPresence,
        KAnonymity,
        KMap,
        LDiversity,
        TCloseness,
    )
    from dataframe_anonymisation.policy import AnonymisationPolicy

_MODULES = {
    "api": ("anonymise", "assess_risk", "private_counts", "verify_anonymity"),
    "differential": ("PrivateCounts", "Sum"),
    "errors": (
        "HierarchyError",
        "PolicyError",
        "UnattainableError",
        "UncoveredValuesError",
        "VerificationError",
    ),
    "hierarchies": ("Hierarchy",),
    "models": (
        "AlphaKAnonymity",
        "BetaLikeness",
        "DeltaDisclosure",
        "DeltaPresence",
        "KAnonymity",
        "KMap",
        "LDiversity",
        "TCloseness",
    ),
    "policy": ("AnonymisationPolicy",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AlphaKAnonymity",
    "AnonymisationPolicy",
    "BetaLikeness",
    "DeltaDisclosure",
    "DeltaPresence",
    "Hierarchy",
    "HierarchyError",
    "KAnonymity",
    "KMap",
    "LDiversity",
    "PolicyError",
    "PrivateCounts",
    "Sum",
    "TCloseness",
    "UnattainableError",
    "UncoveredValuesError",
    "VerificationError",
    "__version__",
    "anonymise",
    "assess_risk",
    "private_counts",
    "verify_anonymity",
]

__version__ = version("dataframe-anonymisation")


def __getattr__(name: str) -> Any:
    """Return a name of the public API."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"dataframe_anonymisation.{_HOMES[name]}"), name)
