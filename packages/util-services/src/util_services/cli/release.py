"""``data-services release``: keys and policies of releases, and the check of a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from util_services.cli.keys.views import as_json_option, print_json
from util_services.cli.releases_out import erase, list_releases, withdraw
from util_services.cli.secret_input import make_key_pair, read_key_pair, with_passphrase
from util_services.errors import printable

if TYPE_CHECKING:
    from util_services.cli.secret_input import PassphraseSource

READABLE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(no_args_is_help=True)
def release() -> None:
    """Make the key of a deployment, sign release policies, check releases, and show what is out.

    Exit status: 0 done; 1 a release is not sound; 2 nothing was checked or signed.

    Example: data-services release verify patients.parquet --key release.key.pub
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys


@release.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--owner", required=True, help="Who releases, as readers of the data know them.")
@click.option(
    "--without-passphrase",
    is_flag=True,
    help="Leave the private file unsealed, as runs need it: whoever can read it can sign.",
)
@with_passphrase
@as_json_option
def key(
    *, file: Path, owner: str, without_passphrase: bool, phrase: PassphraseSource, as_json: bool
) -> None:
    """Make the key pair of a deployment: FILE for it alone, and FILE.pub for all readers.

    Example: data-services release key release.key --owner "Clinic A" --without-passphrase
    """
    public = make_key_pair(file, "release", owner, phrase, is_sealed=not without_passphrase)
    if as_json:
        print_json({"owner": public.owner, "fingerprint": public.fingerprint})
    else:
        click.echo(f"{public.owner}: {public.fingerprint}, made {public.created}")


@release.command(name="sign-policy")
@click.argument("policy", type=READABLE_FILE)
@click.option("--identity", type=READABLE_FILE, required=True, help="The approver's private file.")
@with_passphrase
def sign_policy(*, policy: Path, identity: Path, phrase: PassphraseSource) -> None:
    """Sign the release policy in POLICY; the signature is written beside it.

    Example: data-services release sign-policy release/policy.yaml --identity ada.key
    """
    from util_services.encryption.secret import Secret
    from util_services.releases.checks import release_checks
    from util_services.releases.policy import SIGNATURE_ENDING, checks_of, read_policy, tables_of
    from util_services.releases.policy import sign_policy as sign
    from util_services.storage.private import READABLE, read_small, write_whole

    content = read_small(policy)
    read, known = read_policy(policy.name, content), release_checks()
    checks_of(policy.name, read, known)
    tables_of(policy.name, read, known)
    pair = read_key_pair(identity, "approval", phrase)
    signature = policy.with_name(f"{policy.name}{SIGNATURE_ENDING}")
    envelope = sign(policy.name, content, pair)
    write_whole(signature, Secret(envelope.to_json()), replace=True, mode=READABLE)
    click.echo(f"{pair.public.owner} has signed {policy}: {signature}")


@release.command
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "key_files",
    type=READABLE_FILE,
    multiple=True,
    required=True,
    help="The public key of a deployment whose releases you accept; may be repeated.",
)
@click.option(
    "--policy-signer",
    "signer_files",
    type=READABLE_FILE,
    multiple=True,
    help="The public identity of one who may sign policies; may be repeated.",
)
@as_json_option
@click.pass_context
def verify(
    context: click.Context,
    *,
    path: Path,
    key_files: tuple[Path, ...],
    signer_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Check the release of the dataset at PATH: its signature, each file's digest, its expiry.

    A file that readers would take for a part of it, and that was not signed, makes it unsound. Exit
    with status 1 if it is not sound.

    Example: data-services release verify patients.parquet --key release.key.pub
    """
    from util_services.keys.key_files import read_public_key
    from util_services.releases.errors import UnsoundReleaseError
    from util_services.releases.verifying import check_release

    keys = [read_public_key(file, "release") for file in key_files]
    signers = [read_public_key(file, "approval") for file in signer_files]
    try:
        found = check_release(path, keys, signers)
    except UnsoundReleaseError as error:
        click.echo(f"error: {error}", err=True)
        if as_json:
            print_json({"sound": False, "faults": [str(error)]})
        context.exit(1)
    if as_json:
        print_json(found.to_dict())
    else:
        predicate = found.statement.predicate
        click.echo(f"release    {found.id}")
        click.echo(f"signed by  {found.owner} ({found.key})")
        click.echo(f"purpose    {printable(predicate['purpose'])}")
        click.echo(f"released   {predicate['released']}, holds until {found.statement.expires}")
        signer = found.policy_signer or f"{predicate['policy_signed_by']} (not checked)"
        held = f"{len(predicate['rules'])} rules hold; signed by {printable(signer)}"
        click.echo(f"policy     {held}")
        for name, state in found.files.items():
            click.echo(f"{state:<11}{printable(name)}")
    for fault in found.faults():
        click.echo(f"error: {fault}", err=True)
    if not found.is_sound:
        context.exit(1)


release.add_command(erase)
release.add_command(list_releases)
release.add_command(withdraw)
