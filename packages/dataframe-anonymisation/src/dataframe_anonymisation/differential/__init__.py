"""Counts and sums with differential privacy: noise in place of generalisation."""

from dataframe_anonymisation.differential.counts import (
    PrivateCounts,
    Sum,
    counted_privately,
)

__all__ = ["PrivateCounts", "Sum", "counted_privately"]
