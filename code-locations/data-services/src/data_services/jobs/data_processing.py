"""The template job: a pattern to copy for one's own."""

import dagster as dg

from data_services.ops.data_processing import fetch_data, process_data


# Dagster's default would pickle what goes from op to op into its storage. In memory it reaches the
# next op in the same process only, so this job cannot run with the multiprocess executor.
@dg.job(resource_defs={"io_manager": dg.mem_io_manager})
def data_processing_job() -> None:
    """Fetch a few numbers and summarise them: the pattern for a job of one's own."""
    process_data(fetch_data())
