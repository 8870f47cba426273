"""``data-services approve identity``: the key pair with which a person signs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from util_services.cli.keys.views import as_json_option, print_json
from util_services.cli.secret_input import make_key_pair, with_passphrase

if TYPE_CHECKING:
    from util_services.cli.secret_input import PassphraseSource
    from util_services.keys.key_pairs import PublicKey


@click.group(no_args_is_help=True)
def identity() -> None:
    """Make and show the key pair with which a person signs approvals.

    Example: data-services approve identity create ada.key --owner "Ada Lovelace"
    """


@identity.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--owner", required=True, help="The approver's name, as audits shall show it.")
@click.option(
    "--without-passphrase",
    is_flag=True,
    help="Leave the private file unsealed: whoever can read it can sign.",
)
@with_passphrase
@as_json_option
def create(
    *, file: Path, owner: str, without_passphrase: bool, phrase: PassphraseSource, as_json: bool
) -> None:
    """Make an identity: FILE for its owner alone, and FILE.pub for those who register approvers.

    Example: data-services approve identity create ada.key --owner "Ada Lovelace"
    """
    public = make_key_pair(file, "approval", owner, phrase, is_sealed=not without_passphrase)
    _tell(public, as_json=as_json)


@identity.command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json_option
def show(*, file: Path, as_json: bool) -> None:
    """Show whose identity the public FILE is, and its fingerprint, to be compared by telephone.

    Example: data-services approve identity show ada.key.pub
    """
    from util_services.keys.key_files import read_public_key

    _tell(read_public_key(file, "approval"), as_json=as_json)


def _tell(public: PublicKey, *, as_json: bool) -> None:
    if as_json:
        record = {"owner": public.owner, "created": public.created}
        print_json({**record, "fingerprint": public.fingerprint})
    else:
        click.echo(f"{public.owner}: {public.fingerprint}, made {public.created}")
