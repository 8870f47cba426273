"""Partitioned jobs of one's own: each YAML file here becomes a job, see docs/partitions.md."""
