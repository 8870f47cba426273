"""A plugin with a job that loads and a hook that raises."""

from util_services.plugins import hookimpl


@hookimpl
def register_jobs():
    import dagster as dg

    @dg.op
    def innocent():
        """Do nothing."""

    @dg.job
    def innocent_job():
        """Do nothing."""
        innocent()

    return [innocent_job]


@hookimpl
def register_notifiers():
    raise LookupError("no channel")
    yield
