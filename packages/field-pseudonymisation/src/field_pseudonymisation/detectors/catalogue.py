"""The built-in detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.contact import contact_detectors
from field_pseudonymisation.detectors.credentials import credential_detectors
from field_pseudonymisation.detectors.dates import date_detectors
from field_pseudonymisation.detectors.national import national_detectors
from field_pseudonymisation.detectors.payment import payment_detectors
from field_pseudonymisation.detectors.phones import phone_detectors
from field_pseudonymisation.detectors.places import place_detectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from field_pseudonymisation.detectors.detector import Detector

NOT_LOOKED_FOR = {  # by patterns; a language model may look for some of them, by entity
    "person_name": "names of people",
    "place": "names of places",
    "organisation": "names of organisations",
    "address": "street addresses",
    "meaning": "ages, professions, religion, health and what else tells a person by its meaning",
}


def built_in_detectors() -> Iterable[Detector]:
    """Return the detectors of this package."""
    return (
        *contact_detectors(),
        *phone_detectors(),
        *payment_detectors(),
        *national_detectors(),
        *date_detectors(),
        *credential_detectors(),
        *place_detectors(),
    )
