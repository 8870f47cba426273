"""The commands that util-services itself brings; each module imports nothing slow at its top."""

import click

from util_services.cli.approve import approve
from util_services.cli.audit import audit
from util_services.cli.check import check
from util_services.cli.compare import compare
from util_services.cli.completion import completion
from util_services.cli.config import config
from util_services.cli.deployment import deployment
from util_services.cli.dev import dev
from util_services.cli.doctor import doctor
from util_services.cli.health import health
from util_services.cli.jobs import jobs
from util_services.cli.keys import keys
from util_services.cli.metrics import metrics
from util_services.cli.notifications import notifications
from util_services.cli.plugin import plugin
from util_services.cli.plugins import plugins
from util_services.cli.processing import processing
from util_services.cli.release import release
from util_services.cli.run import run
from util_services.cli.sniff import sniff


def built_in_commands() -> dict[str, click.Command]:
    """Return the built-in commands by name."""
    commands = (
        approve,
        audit,
        check,
        compare,
        completion,
        config,
        deployment,
        dev,
        doctor,
        health,
        jobs,
        keys,
        metrics,
        notifications,
        plugin,
        plugins,
        processing,
        release,
        run,
        sniff,
    )
    return {str(command.name): command for command in commands}
