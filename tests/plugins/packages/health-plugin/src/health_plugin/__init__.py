"""A plugin that checks the health of a deployment."""

from util_services.plugins import hookimpl


@hookimpl
def register_health_checks():
    from health_plugin import checks

    return [
        checks.model_loaded,
        checks.licence_valid,
        checks.quota_left,
        checks.of_a_defect,
        checks.silent,
        checks.leaving,
    ]
