"""What bytes mean: formats, dialects, schemas and references to staged data."""

from util_services.datasets.formats import FORMATS, Format, format_of
from util_services.datasets.schema import Column, Schema
from util_services.datasets.staged import Origin, StagedDataset, StepReport

__all__ = [
    "FORMATS",
    "Column",
    "Format",
    "Origin",
    "Schema",
    "StagedDataset",
    "StepReport",
    "format_of",
]
