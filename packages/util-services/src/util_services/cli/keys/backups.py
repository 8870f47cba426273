"""The commands that seal keysets and open what was sealed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from util_services.cli.keys.recorded import recorded_change
from util_services.cli.keys.views import as_json_option, print_json, tell
from util_services.cli.secret_input import make_key_pair, read_key_pair, with_passphrase

if TYPE_CHECKING:
    from util_services.cli.secret_input import PassphraseSource

READABLE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command
@click.argument("name")
@click.option("--out", type=NEW_FILE, required=True, help="The file to be written.")
@click.option(
    "--recipient",
    type=READABLE_FILE,
    help="Seal for the holder of a recovery key, whose public file this is, without a passphrase.",
)
@with_passphrase
@as_json_option
def backup(
    *, name: str, out: Path, recipient: Path | None, phrase: PassphraseSource, as_json: bool
) -> None:
    """Write the keyset NAME to a sealed file, disabled keys too.

    Example: data-services keys backup demo --out demo.backup --recipient recovery.key.pub
    """
    from util_services.keys.backup import Backup
    from util_services.keys.key_files import read_public_key
    from util_services.keys.providers.choice import key_provider
    from util_services.keys.sealing import Recipient
    from util_services.storage.private import write_whole

    public = read_public_key(recipient, "recovery") if recipient is not None else None
    sealer = Recipient(public) if public is not None else phrase.new(f"'{out}'")
    sealed_for = public.fingerprint if public is not None else None
    with recorded_change("keys.backup", keyset=name, file=str(out), recipient=sealed_for):
        keyset = key_provider().load(name, with_disabled=True)
        sealed = Backup.of(keyset, sealer)
        write_whole(out, sealed.to_bytes(), replace=False)
    tell(sealed.info, f"The keyset '{name}' is sealed in '{out}'.", as_json=as_json, file=str(out))


@click.command
@click.argument("file", type=READABLE_FILE)
@click.option("--name", help="Restore under this name instead of its own.")
@click.option(
    "--recovery-key",
    type=READABLE_FILE,
    help="The private file of the recovery key that it was sealed for.",
)
@click.option("--check", is_flag=True, help="Open the backup and keep nothing.")
@with_passphrase
@as_json_option
def restore(
    *,
    file: Path,
    name: str | None,
    recovery_key: Path | None,
    check: bool,
    phrase: PassphraseSource,
    as_json: bool,
) -> None:
    """Open the sealed FILE and keep its keyset here, or with --check tell whether it opens.

    Compare the checks that '--json' shows with those of the lost keyset: anybody can seal
    something for a recovery key.

    Example: data-services keys restore demo.backup --recovery-key recovery.key
    """
    from util_services.keys.backup import Backup
    from util_services.keys.providers.choice import key_provider
    from util_services.keys.sealing import Opener, RecoveryKey
    from util_services.storage.private import read_small

    sealed = Backup.from_bytes(read_small(file))
    opener: Opener = (
        RecoveryKey(read_key_pair(recovery_key, "recovery", phrase))
        if recovery_key is not None
        else phrase.known(f"'{file}'")
    )
    keyset = sealed.open(opener)
    if check:
        tell(keyset.info, f"The backup opens; it was made at {sealed.made}.", as_json=as_json)
        return
    restored = keyset.changed(lambda info: info.restored(name or info.name))
    with recorded_change("keys.restore", keyset=restored.name, file=str(file)):
        key_provider().create(restored)
    tell(restored.info, f"The keyset '{restored.name}' is restored.", as_json=as_json)


@click.command(name="recovery-key")
@click.argument("file", type=NEW_FILE)
@click.option("--owner", required=True, help="Who keeps the private half.")
@click.option(
    "--without-passphrase",
    is_flag=True,
    help="Leave the private file unsealed, for a medium that is locked away.",
)
@with_passphrase
@as_json_option
def recovery_key(
    *, file: Path, owner: str, without_passphrase: bool, phrase: PassphraseSource, as_json: bool
) -> None:
    """Make a recovery key: FILE for its owner alone, and FILE.pub, for which backups are sealed.

    Example: data-services keys recovery-key recovery.key --owner "Data protection officer"
    """
    public = make_key_pair(file, "recovery", owner, phrase, is_sealed=not without_passphrase)
    if as_json:
        print_json({"fingerprint": public.fingerprint, "owner": owner, "file": str(file)})
    else:
        click.echo(
            f"The recovery key {public.fingerprint} is in '{file}', its public half in "
            f"'{file}.pub'; keep the first away from the keys that it opens."
        )
