"""The entry point of the plugin."""

from util_services.plugins import hookimpl


@hookimpl
def register_jobs():
    from slow_plugin.jobs import compute_for_long_job, nap_job

    return [compute_for_long_job, nap_job]


@hookimpl
def register_pipelines():
    from importlib.resources import files

    return [files("slow_plugin") / "pipelines" / "tidy_cities.yaml"]
