"""Searches for classes and their labels, on the contingency table alone."""
