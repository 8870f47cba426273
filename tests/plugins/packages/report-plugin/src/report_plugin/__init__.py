"""A plugin that adds sections to the report of every run, and one that cannot be made."""

from util_services.plugins import hookimpl


@hookimpl
def register_report_sections():
    from report_plugin.sections import kept_share, made_of_a_defect

    return [kept_share, made_of_a_defect]
