"""The jobs of the plugin."""

import dagster as dg

from slow_plugin.ops import compute_for_long, nap
from util_services.ops import read_dataset, write_dataset
from util_services.resources import local_storage_resource

compute_for_long_job, _ = compute_for_long.jobs()


@dg.job(resource_defs={"s3": local_storage_resource})
def nap_job():
    """Read, nap, write."""
    write_dataset(nap(read_dataset()))
