"""A plugin that loads, and breaks what the conformance check asks for."""

import pandas as pd  # noqa: F401

from util_services.plugins import hookimpl


@hookimpl
def register_jobs():
    from sloppy_plugin.definitions import sloppy_job

    return [sloppy_job]


@hookimpl
def register_notifiers():
    class Shout:
        pass

    return [Shout]
