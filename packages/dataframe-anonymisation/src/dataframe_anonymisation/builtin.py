"""The hierarchies that the platform knows by name; imports nothing heavy before they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataframe_anonymisation.hierarchies import Hierarchy


def simpl_age() -> Hierarchy:
    """Return ages in intervals of 5, 10, 20 and 40 years; from 120 on they share a class."""
    from dataframe_anonymisation.hierarchies import Hierarchy

    return Hierarchy.intervals([5, 10, 20, 40], top=120)


def simpl_gender() -> Hierarchy:
    """Return genders, which are published as they are or not at all."""
    from dataframe_anonymisation.hierarchies import Hierarchy

    return Hierarchy.suppression()
