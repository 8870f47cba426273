"""Generalisation hierarchies: declared ones, and the taxonomies they give over values."""

from dataframe_anonymisation.hierarchies.hierarchy import Hierarchy
from dataframe_anonymisation.hierarchies.taxonomy import ANY, Taxonomy

__all__ = ["ANY", "Hierarchy", "Taxonomy"]
