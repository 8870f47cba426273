"""Pseudonymisation of the fields of datasets."""
