"""Rows as a contingency table, and its groups as classes."""

from dataframe_anonymisation.table.contingency import (
    Attribute,
    Cells,
    Classes,
    Contingency,
    Histogram,
    classes_of,
    histogram,
    tabulate,
)

__all__ = [
    "Attribute",
    "Cells",
    "Classes",
    "Contingency",
    "Histogram",
    "classes_of",
    "histogram",
    "tabulate",
]
