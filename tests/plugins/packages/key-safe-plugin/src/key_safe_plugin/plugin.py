from util_services.plugins import hookimpl


@hookimpl
def register_key_providers():
    from key_safe_plugin.provider import SafeProvider

    return [SafeProvider]
