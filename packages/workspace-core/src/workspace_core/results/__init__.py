"""Metrics of snapshots side by side: pure functions from records to tables and drawings."""
