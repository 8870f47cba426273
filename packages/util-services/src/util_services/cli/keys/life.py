"""The commands that change keysets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from util_services.cli.keys.recorded import recorded_change
from util_services.cli.keys.views import as_json_option, tell
from util_services.cli.secret_input import require_terminal

if TYPE_CHECKING:
    from util_services.keys.info import KeysetInfo


@click.command
@click.argument("name")
@click.option(
    "--purpose",
    default="pseudonymisation",
    show_default=True,
    help="What the keys are for; they are refused for anything else.",
)
@as_json_option
def create(*, name: str, purpose: str, as_json: bool) -> None:
    """Make the keyset NAME with one random key.

    Example: data-services keys create demo --purpose pseudonymisation
    """
    from util_services.keys.keyset import Keyset
    from util_services.keys.providers.choice import key_provider

    keyset = Keyset.generate(name, purpose)
    key_id = keyset.info.require_primary().id
    with recorded_change("keys.create", keyset=name, key=key_id, kind=purpose):
        key_provider().create(keyset)
    tell(keyset.info, f"The keyset '{name}' is made; back it up now.", as_json=as_json)


@click.command
@click.argument("name")
@as_json_option
def rotate(*, name: str, as_json: bool) -> None:
    """Give the keyset NAME a new primary key; what the older ones made can still be read.

    Example: data-services keys rotate demo
    """
    from util_services.keys.providers.choice import key_provider

    with recorded_change("keys.rotate", keyset=name) as results:
        info = key_provider().update(name, lambda info: info.rotated())
        key_id = info.require_primary().id
        results.facts["key"] = key_id
    tell(info, f"'{name}' has the new primary key {key_id}; back it up now.", as_json=as_json)


@click.command
@click.argument("name")
@click.argument("key_id", metavar="KEY")
@as_json_option
def disable(*, name: str, key_id: str, as_json: bool) -> None:
    """Let nobody use a KEY of the keyset NAME until it is enabled again.

    Example: data-services keys disable demo 00a1b2c3
    """
    from util_services.keys.providers.choice import key_provider

    with recorded_change("keys.disable", keyset=name, key=key_id):
        info = key_provider().update(name, lambda info: info.disabled(key_id))
    tell(info, f"The key {key_id} of '{name}' is disabled.", as_json=as_json)


@click.command
@click.argument("name")
@click.argument("key_id", metavar="KEY")
@as_json_option
def enable(*, name: str, key_id: str, as_json: bool) -> None:
    """Let a disabled KEY of the keyset NAME be read with again.

    Example: data-services keys enable demo 00a1b2c3
    """
    from util_services.keys.providers.choice import key_provider

    with recorded_change("keys.enable", keyset=name, key=key_id):
        info = key_provider().update(name, lambda info: info.enabled(key_id))
    tell(info, f"The key {key_id} of '{name}' is enabled.", as_json=as_json)


@click.command
@click.argument("name")
@click.argument("key_id", metavar="[KEY]", required=False)
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@as_json_option
def destroy(*, name: str, key_id: str | None, reason: str, yes: bool, as_json: bool) -> None:
    """Destroy a KEY of the keyset NAME, or without KEY all its keys, for good.

    What was made with it can then be read by nobody; its id, times and reason stay on record.
    Destroy its backups too: this command does not know them.

    Example: data-services keys destroy demo 00a1b2c3 --reason "end of the study" --yes
    """
    from util_services.keys.providers.choice import key_provider

    def destroyed(info: KeysetInfo) -> KeysetInfo:
        return info.destroyed(key_id, reason)

    provider = key_provider()
    destroyed(provider.describe(name))  # so that what cannot be is refused before it is asked for
    if not yes:
        _ask(name, f"the key {key_id}" if key_id else "every key")
    with recorded_change("keys.destroy", reason=reason, keyset=name, key=key_id) as results:
        info = provider.update(name, destroyed)
        results.facts["keys_left"] = len(info.living)
    left = f"Keys left in '{name}': {len(info.living)}"
    tell(info, f"Destroyed. {left}. Destroy its backups too.", as_json=as_json)


def _ask(name: str, what: str) -> None:
    require_terminal("give '--yes' to destroy without a question")
    click.echo(f"This destroys {what} of '{name}' and cannot be undone.", err=True)
    if click.prompt("Type the name of the keyset to go on", err=True) != name:
        raise click.UsageError("That is another name; nothing was destroyed.")
