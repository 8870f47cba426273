"""The detectors that all installed packages bring."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.models import model_detectors
from field_pseudonymisation.errors import PolicyError
from util_services.errors import quoted_name
from util_services.plugins.manager import plugin_manager

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from field_pseudonymisation.detectors.detector import Detector

HOOK = "register_detectors"
FORMER = {  # classes of the platform's former configuration, and our entities
    "PERSON": "person_name, which wants 'model'",
    "EMAIL": "email",
    "PHONE_NUMBERS": "phone",
    "CREDIT_CARD": "payment_card",
    "URL": "url",
    "DATE_OF_BIRTH": "date_of_birth",
    "CREDENTIALS": "credential",
}


def detectors() -> dict[str, Detector]:
    """Return all detectors by their names."""
    return {name: one.value for name, one in plugin_manager().named(HOOK).items()}


def detectors_with(model: str) -> dict[str, Detector]:
    """Return all detectors by their names, and those of a language model if one is named.

    Raises:
        PolicyError: if the model cannot be used.
    """
    return {one.name: one for one in model_detectors(model)} | detectors()


def chosen_detectors(
    names: Iterable[str], known: Mapping[str, Detector] | None = None
) -> tuple[Detector, ...]:
    """Return detectors by their names or by what they find; all if there are no names.

    Args:
        names: of detectors or entities.
        known: those to choose from; by default those that packages bring.

    Raises:
        PolicyError: for a name that no detector has.
    """
    known = detectors() if known is None else known
    wanted = list(names)
    if not wanted:
        return tuple(known.values())
    for name in wanted:
        require_known(name, known)
    return tuple(one for one in known.values() if one.name in wanted or one.entity in wanted)


def require_known(name: str, known: Mapping[str, Detector]) -> None:
    """Refuse a name that is neither a detector's nor an entity's.

    Raises:
        PolicyError: with the nearest name.
    """
    all_names: Collection[str] = dict.fromkeys([*(one.entity for one in known.values()), *known])
    if name in all_names:
        return
    if name in FORMER:
        raise PolicyError(
            f"'{name}' is a class of the platform's former configuration; here it is {FORMER[name]}"
        )
    near = difflib.get_close_matches(name, all_names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    entities = ", ".join(sorted({one.entity for one in known.values()}))
    raise PolicyError(
        f"nothing looks for {quoted_name(name)}; {hint}Entities are {entities}; the detectors of "
        "each are named in the documentation"
    )
