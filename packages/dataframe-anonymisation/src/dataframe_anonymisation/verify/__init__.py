"""Checks of what was published. Imports nothing of the searches, models or hierarchies."""

from dataframe_anonymisation.verify.claims import Claims, Finding, Relabelling, Verdict
from dataframe_anonymisation.verify.verifying import verify

__all__ = ["Claims", "Finding", "Relabelling", "Verdict", "verify"]
