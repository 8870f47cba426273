"""Detectors of personal data in texts; imports neither Dagster nor pluggy."""
