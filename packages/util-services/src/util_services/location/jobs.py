"""The jobs of the code location, by name."""

import difflib

import dagster as dg

from util_services.errors import ConfigurationError, quoted_name
from util_services.lasting import keep_for_good
from util_services.location import build_location


def all_jobs() -> dict[str, dg.JobDefinition]:
    """Return all jobs by name, in the order of their names."""
    jobs = build_location().definitions.resolve_all_job_defs()
    named = {job.name: job for job in jobs if not job.name.startswith("__")}
    keep_for_good()
    return dict(sorted(named.items()))


def find_job(name: str) -> dg.JobDefinition:
    """Return a job.

    Raises:
        ConfigurationError: if there is none of this name, with the nearest one.
    """
    jobs = all_jobs()
    if name in jobs:
        return jobs[name]
    near = difflib.get_close_matches(name, jobs, n=1)
    hint = f"did you mean {quoted_name(near[0])}" if near else "see 'data-services jobs'"
    raise ConfigurationError(f"There is no job {quoted_name(name)}; {hint}.")
