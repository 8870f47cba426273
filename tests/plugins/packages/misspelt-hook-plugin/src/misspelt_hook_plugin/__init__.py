"""A plugin whose hook nobody would call."""

from util_services.plugins import hookimpl


@hookimpl
def register_job():
    return []
