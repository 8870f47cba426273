"""The jobs of the release gate: a dataset is read, tested against a policy and let out, or not."""

from util_services.releases.ops import release_gate

RELEASE_JOBS = release_gate.jobs()
