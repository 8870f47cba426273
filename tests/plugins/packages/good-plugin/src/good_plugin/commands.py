"""The command of the plugin."""

import click


@click.command
def greet():
    """Say all greetings that are registered.

    Example: data-services greet
    """
    from util_services.plugins import plugin_manager

    click.echo(" ".join(plugin_manager().named("register_greetings")))
