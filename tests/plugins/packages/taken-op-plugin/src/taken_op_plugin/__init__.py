"""A plugin with a job of its own name, and an op of a name that good-plugin has."""

from util_services.plugins import hookimpl


@hookimpl
def register_jobs():
    import dagster as dg

    @dg.op
    def count_words():
        """Do nothing."""

    @dg.job
    def another_count_job():
        """Do nothing."""
        count_words()

    return [another_count_job]
