"""What the commands on keys show: names, ids, states and times, and never a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from util_services.cli.keys.recorded import recorded_change

if TYPE_CHECKING:
    from util_services.keys.info import KeysetInfo

SCHEMA = 1
DESCRIPTION_KIND = "data-services/keyset-description"

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def tell(info: KeysetInfo, sentence: str, *, as_json: bool, **facts: Any) -> None:
    """Say what was done, or print the keyset as JSON."""
    if as_json:
        print_json({"keyset": info.to_dict(), **facts})
    else:
        click.echo(sentence)


def print_json(record: dict[str, Any]) -> None:
    """Print a report with its schema number."""
    click.echo(json.dumps({"schema": SCHEMA, **record}, indent=2, sort_keys=True))


@click.command(name="list")
@as_json_option
@click.pass_context
def list_keysets(context: click.Context, *, as_json: bool) -> None:
    """Show all keysets; exit with status 1 if one of them cannot be used.

    Example: data-services keys list
    """
    from util_services.errors import DataServicesError
    from util_services.keys.providers.choice import key_provider

    provider = key_provider()
    keysets, faults = [], []
    for name in provider.names():
        try:
            keysets.append(provider.describe(name))
        except DataServicesError as error:
            faults.append({"name": name, "fault": str(error)})
    if as_json:
        found = [info.to_dict() for info in keysets]
        print_json({"provider": provider.name, "keysets": found, "faults": faults})
    else:
        for info in keysets:
            primary = info.primary.id if info.primary else "none"
            click.echo(f"{info.name}: {info.purpose}, keys {len(info.living)}, primary {primary}")
    for fault in faults:
        click.echo(f"error: {fault['fault']}", err=True)
    if faults:
        context.exit(1)


@click.command
@click.argument("name")
@as_json_option
def show(*, name: str, as_json: bool) -> None:
    """Show the keys of the keyset NAME by id and state, and what was done to them.

    Example: data-services keys show demo
    """
    from util_services.keys.providers.choice import key_provider

    info = key_provider().describe(name)
    if as_json:
        print_json({"keyset": info.to_dict()})
        return
    click.echo(f"{info.name}: {info.purpose}, made {info.created}, revision {info.revision}")
    for key in info.keys:
        click.echo(f"  {key.id}  {key.state:<9}  since {key.changed}  check {key.check}")
    for event in info.history:
        reason = f": {event.reason}" if event.reason else ""
        click.echo(f"  {event.at}  {event.action} {event.key} by {event.by}{reason}")


@click.command
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Write a file instead of printing.")
def export(*, name: str, out: Path | None) -> None:
    """Print what may be known of the keyset NAME as JSON, for an inventory: never a key.

    Keys leave a provider in a sealed backup alone; see 'data-services keys backup'.

    Example: data-services keys export demo
    """
    from util_services.encryption.secret import Secret
    from util_services.keys.fields import to_json
    from util_services.keys.providers.choice import key_provider
    from util_services.storage.private import READABLE, write_whole

    file = None if out is None else str(out)
    with recorded_change("keys.export", keyset=name, file=file):
        text = to_json(DESCRIPTION_KIND, SCHEMA, key_provider().describe(name).to_dict())
        if out is None:
            click.echo(text, nl=False)
        else:
            write_whole(out, Secret(text.encode()), replace=False, mode=READABLE)
