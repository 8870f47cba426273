"""A plugin with a job of a name that util-services has."""

from util_services.plugins import hookimpl


@hookimpl
def register_jobs():
    import dagster as dg

    @dg.op
    def another_report():
        """Do nothing."""

    @dg.job
    def plugin_report_job():
        """Do nothing."""
        another_report()

    return [plugin_report_job]
