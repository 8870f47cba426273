"""Tag every job of the code location, and so its runs, with the package that brought it.

Dagster's pages of jobs know no groups, and what they show of a tag is short: the key has no prefix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from util_services.location.contributions import Job

PACKAGE_TAG = "package"


def tagged(job: Job, package: str) -> Job:
    """Return a job with the tag, or as it is, where it has a tag of this name itself."""
    if not isinstance(job, dg.JobDefinition) or PACKAGE_TAG in {*job.tags, *job.run_tags}:
        return job
    tag = {PACKAGE_TAG: package}
    own = job.run_tags if job.has_separately_defined_run_tags else None
    return job._copy(tags={**job.tags, **tag}, run_tags=None if own is None else {**own, **tag})
