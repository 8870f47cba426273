"""``data-services notifications``: what waits to be told, what was given up, and its retry."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.notifications.delivery import ChannelState, Entry
    from util_services.notifications.outbox import Outbox

SCHEMA = 1
MOMENTS = ("created", "changed", "due", "failing_since", "paused_until")


@click.group
def notifications() -> None:
    """Show what waits to be told of runs, send it again, and try the channels.

    Example: data-services notifications list
    """


@notifications.command("list")
@click.option("--all", "show_all", is_flag=True, help="Show what was delivered lately, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_notifications(*, show_all: bool, as_json: bool) -> None:
    """Show the notifications that wait and those that were given up, with the reasons.

    Example: data-services notifications list --json
    """
    from util_services.notifications.delivery import DELIVERED, GIVEN_UP, WAITING

    states = [WAITING, GIVEN_UP, *([DELIVERED] if show_all else [])]
    with _outbox() as outbox:
        channels, entries = outbox.channels(), outbox.entries(states)
    if as_json:
        told = {
            "schema": SCHEMA,
            "outbox": outbox.place,
            "channels": [_plain(asdict(channel)) for channel in channels],
            "notifications": [_plain(asdict(entry)) for entry in entries],
        }
        click.echo(json.dumps(told, indent=2, sort_keys=True))
        return
    for channel in channels:
        click.echo(_channel_line(channel))
    for entry in entries:
        click.echo(_entry_line(entry))
    if not channels:
        click.echo("Nothing was to be told yet.")


@notifications.command
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--channel", help="Only what is for this channel.")
@click.option("--json", "as_json", is_flag=True, help="Print the number as JSON.")
def retry(*, keys: tuple[str, ...], channel: str | None, as_json: bool) -> None:
    """Make what waits or was given up due now; the sensor deliver_notifications sends it.

    KEY is a notification's idempotency key, as 'list' shows it; without one all are meant.

    Example: data-services notifications retry --channel webhook
    """
    with _outbox() as outbox:
        _refuse_unknown(outbox, keys, channel)
        count = outbox.retry(keys, channel)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "due": count}, sort_keys=True))
    else:
        click.echo(f"{count} {'delivery is' if count == 1 else 'deliveries are'} due now.")


@notifications.command
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def test(context: click.Context, *, as_json: bool) -> None:
    """Send a notification about nothing over each channel that this environment configures.

    Exits with status 1 if one of them does not take it.

    Example: data-services notifications test
    """
    import uuid

    from util_services.errors import ConfigurationError
    from util_services.notifications.drain import try_to_deliver
    from util_services.notifications.notification import Notification
    from util_services.sensors.channels import configured_channels

    channels = configured_channels()
    if not channels:
        raise ConfigurationError(
            "No channel is configured; set one of the variables DATA_SERVICES_NOTIFY_…."
        )
    notification = Notification(f"test-{uuid.uuid4()}", "notifications_test", "TEST")
    failures = {
        name: error.reason
        for name, channel in channels.items()
        if (error := try_to_deliver(name, channel, notification)) is not None
    }
    if as_json:
        told = [{"channel": name, "reason": failures.get(name)} for name in channels]
        click.echo(json.dumps({"schema": SCHEMA, "channels": told}, sort_keys=True))
    else:
        for name in channels:
            click.echo(f"{name}: {failures.get(name, 'delivered')}")
    if failures:
        context.exit(1)


def _refuse_unknown(outbox: Outbox, keys: tuple[str, ...], channel: str | None) -> None:
    """Refuse a notification that the outbox does not know, and a channel that nobody has."""
    from util_services.errors import ConfigurationError, quoted_name
    from util_services.notifications.delivery import DELIVERED, GIVEN_UP, WAITING
    from util_services.plugins.manager import plugin_manager

    kinds = plugin_manager().named("register_notifiers")
    channels = {state.channel for state in outbox.channels()} | set(kinds)
    if channel is not None and channel not in channels:
        raise ConfigurationError(
            f"There is no channel {quoted_name(channel)}; {_nearest(channel, channels)}."
        )
    known = outbox.known(keys)
    for key in keys:
        if key not in known:
            entries = outbox.entries([WAITING, GIVEN_UP, DELIVERED])
            near = _nearest(key, {entry.key for entry in entries})
            raise ConfigurationError(f"There is no notification {quoted_name(key)}; {near}.")


def _nearest(name: str, known: set[str]) -> str:
    import difflib

    from util_services.errors import quoted_name

    near = difflib.get_close_matches(name, sorted(known), n=1)
    if near:
        return f"did you mean {quoted_name(near[0])}"
    return "'data-services notifications list --all' shows those that there are"


@contextmanager
def _outbox() -> Iterator[Outbox]:
    """Give the outbox of the Dagster home."""
    from util_services.runs.execute import open_instance
    from util_services.runs.home import prepare_home
    from util_services.sensors.state import outbox_of

    with open_instance(prepare_home()) as instance:
        yield outbox_of(instance)


def _channel_line(channel: ChannelState) -> str:
    counts = f"{channel.waiting} waiting, {channel.given_up + channel.forgotten} given up"
    if channel.failing_since is None:
        return f"{channel.channel}: {counts}"
    return (
        f"{channel.channel}: {counts}; in trouble since {_iso(channel.failing_since)} "
        f"({channel.reason}), next attempt from {_iso(channel.paused_until)}"
    )


def _entry_line(entry: Entry) -> str:
    attempts = f"{entry.attempts} attempt{'' if entry.attempts == 1 else 's'}"
    reason = f": {entry.reason}" if entry.reason else ""
    state = entry.state.replace("_", " ")
    return f"  {entry.key} of {entry.job} on {entry.channel}: {state}, {attempts}{reason}"


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with its moments in ISO 8601."""
    return {
        name: (_iso(value) if value else None) if name in MOMENTS else value
        for name, value in record.items()
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")
