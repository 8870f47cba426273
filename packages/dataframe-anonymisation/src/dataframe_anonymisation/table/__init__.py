"""Rows as a contingency table, and its groups as classes."""

from dataframe_anonymisation.table.contingency import (
    Attribute,
    Classes,
    Contingency,
    Histogram,
    classes_of,
    tabulate,
)

__all__ = ["Attribute", "Classes", "Contingency", "Histogram", "classes_of", "tabulate"]
