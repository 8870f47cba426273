"""One's own pipelines: every YAML file here becomes a job and its twin, see `docs/pipelines.md`."""
