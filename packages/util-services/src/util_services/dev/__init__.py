"""The Dagster UI on this machine, started and stopped as one thing."""
