"""``data-services release list``, ``withdraw``, ``erase``: what is out, and what is to go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from util_services.cli.keys.views import as_json_option, print_json
from util_services.errors import printable, quoted_name

if TYPE_CHECKING:
    from util_services.audit import Link
    from util_services.releases.registered import Standing

SCHEMA = 1


@click.command(name="list")
@click.option("--dataset", help="Only releases whose policies name their data so.")
@click.option(
    "--expiring-days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Call those 'expiring' that expire within so many days.",
)
@as_json_option
def list_releases(*, dataset: str | None, expiring_days: int, as_json: bool) -> None:
    """Show all releases on the register: what is out, expiring, expired or withdrawn.

    A release that is 'announced' was about to appear when its run was last heard of. Exit status:
    0; 1 if the register is broken; 2 without its key.

    Example: data-services release list --json
    """
    from util_services.keys.info import utc_now
    from util_services.releases.places import is_on_this_machine
    from util_services.releases.register import Register

    now = utc_now()
    found = [
        one
        for one in Register().settle(is_on_this_machine)
        if dataset is None or one.release.dataset == dataset
    ]
    if as_json:
        told = [one.to_dict(now, expiring_days) for one in found]
        print_json({"schema": SCHEMA, "now": now, "releases": told})
        return
    for one in found:
        click.echo(_line(one, one.state(now, expiring_days)))
    if not found:
        click.echo("No release is on the register.")


@click.command
@click.argument("release_id", metavar="RELEASE")
@click.option("--reason", required=True, help="Why it is to be used no more, in a sentence.")
@as_json_option
def withdraw(*, release_id: str, reason: str, as_json: bool) -> None:
    """Record that RELEASE, by its id, is to be used no more.

    The bytes stay where they are: those who have them are to be told, and later releases of the
    same data are compared with them all the same.

    Example: data-services release withdraw 0123456789abcdef --reason "consent was withdrawn"
    """
    import getpass

    from util_services.audit import record
    from util_services.keys.info import utc_now
    from util_services.releases.register import Register, register_record

    if not reason.strip():
        raise click.UsageError("'--reason' is empty; say in a sentence why it is withdrawn.")
    register, user = Register(), getpass.getuser()

    def recorded(link: Link) -> None:
        record(register_record(register, link, found.release.id, user))

    found = register.find(release_id)
    done = register.withdraw(found.release.id, user, reason, recorded)
    now = utc_now()
    if as_json:
        print_json(done.to_dict(now))
    else:
        click.echo(_line(done, done.state(now)))


@click.command
@click.argument("digest", metavar="SHA256")
@click.option("--purpose", required=True, help="Why the data are erased.")
@click.option("--requester", required=True, help="Who asks.")
@click.option(
    "--approval",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The file with the approval, for the job 'release_erase'.",
)
@as_json_option
@click.pass_context
def erase(
    context: click.Context,
    *,
    digest: str,
    purpose: str,
    requester: str,
    approval: Path,
    as_json: bool,
) -> None:
    """Withdraw every release of the data with this digest, and name everything derived from them.

    Derived is what runs of this deployment published, as the audit tells, and what packages know.
    Nothing is deleted: what is named is to be erased by those who keep it. Exit status: 0; 1 if no
    installed package knows what was derived, so that only releases are named; 2 without approval.

    Example: data-services release erase 0f3a… --purpose "a person's right to erasure"
    """
    import getpass

    from util_services.releases.erasure import erase as erase_data
    from util_services.releases.erasure import finders
    from util_services.storage.private import read_small

    token = read_small(approval).decode("ascii", errors="replace").strip()
    done = erase_data(digest, purpose, requester, token, getpass.getuser(), finders())
    if as_json:
        print_json({"schema": SCHEMA} | done.to_dict())
    else:
        for one in done.derived:
            click.echo(f"erase {one.kind} {one.place}")
        for standing in done.releases:
            click.echo(f"withdrawn, and to be erased by all readers: {standing.release.id}")
    if not done.asked:
        click.echo("error: No installed package knows what was derived from the data.", err=True)
        context.exit(1)


def _line(standing: Standing, state: str) -> str:
    release = standing.release
    rows = sum(table.rows for table in release.tables.values())
    of = quoted_name(release.dataset) if release.dataset else "unnamed data"
    told = f"{release.id}  {state:<10} until {release.expires}  {rows} rows of {of}"
    why = f": {printable(standing.withdrawal.reason)}" if standing.withdrawal else ""
    asked = f"for {quoted_name(release.purpose)}, by {printable(release.requester)}"
    return f"{told} {asked}, {printable(release.table.address)}{why}"
