"""One entry point that brings an op, a job, a sensor, a command and a hook of its own."""

from util_services.plugins import hookimpl


@hookimpl
def register_hookspecs():
    from good_plugin import specs

    return [specs]


@hookimpl
def register_ops():
    from good_plugin.definitions import count_words

    return [count_words]


@hookimpl
def register_jobs():
    from good_plugin.definitions import count_words_job

    return [count_words_job]


@hookimpl
def register_sensors():
    from good_plugin.definitions import new_text_sensor

    return [new_text_sensor]


@hookimpl
def register_commands():
    from good_plugin.commands import greet

    return [greet]


@hookimpl
def register_greetings():
    from good_plugin.specs import Greeting

    return [Greeting("hello")]


@hookimpl(optionalhook=True)
def register_what_no_installed_package_defines():
    raise RuntimeError("never called")
