"""``data-services approve trust``: whom a deployment lets approve."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from util_services.cli.keys.recorded import recorded_change
from util_services.cli.keys.views import as_json_option, print_json

if TYPE_CHECKING:
    from util_services.approvals.trust import Approver


@click.group(no_args_is_help=True)
def trust() -> None:
    """Register the approvers of a deployment in the folder DATA_SERVICES_TRUST.

    Example: data-services approve trust list
    """


@trust.command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--owner", required=True, help="Whose key it is, as you have made sure yourself.")
@click.option("--alias", "aliases", multiple=True, help="Another name under which they may ask.")
@click.option(
    "--until",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="The last day on which the key is trusted.",
)
@as_json_option
def add(
    *, file: Path, owner: str, aliases: tuple[str, ...], until: datetime | None, as_json: bool
) -> None:
    """Register the public FILE of an approver.

    Compare its fingerprint with the one that the approver reads out. Requests by any of the names
    that you give are refused to this approver.

    Example: data-services approve trust add ada.key.pub --owner "Ada Lovelace" --alias ada
    """
    from util_services.approvals.trust import Approver, add_approver, trust_folder
    from util_services.keys.fields import instant
    from util_services.keys.key_files import read_public_key

    end = None
    if until is not None:
        end = instant(until.replace(hour=23, minute=59, second=59, tzinfo=UTC))
    approver = Approver(read_public_key(file, "approval"), owner, aliases, until=end)
    fingerprint = approver.key.fingerprint
    with recorded_change("trust.add", fingerprint=fingerprint, owner=owner):
        added = add_approver(trust_folder(), approver)
    if as_json:
        print_json({"approver": _facts(approver), "file": str(added)})
    else:
        click.echo(f"{owner} may approve with the key {approver.key.fingerprint}.")


@trust.command(name="list")
@as_json_option
def list_approvers(*, as_json: bool) -> None:
    """Show all approvers, those too who may approve no longer.

    Example: data-services approve trust list
    """
    from util_services.approvals.trust import Trust
    from util_services.keys.info import utc_now

    approvers, now = Trust.from_environment().approvers, utc_now()
    if as_json:
        print_json({"approvers": list(map(_facts, approvers))})
        return
    for approver in approvers:
        since = approver.untrusted_since(now)
        state = f"trusted no longer since {since}" if since else f"trusted since {approver.added}"
        click.echo(f"{approver.owner}: {approver.key.fingerprint}, {state}")


@trust.command
@click.argument("fingerprint")
@as_json_option
def revoke(*, fingerprint: str, as_json: bool) -> None:
    """Trust the key with a FINGERPRINT no longer, nor any approval that it has signed.

    Example: data-services approve trust revoke
    90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89
    """
    from util_services.approvals.trust import revoke_approver, trust_folder

    with recorded_change("trust.revoke", fingerprint=fingerprint) as results:
        approver = revoke_approver(trust_folder(), fingerprint)
        results.facts["owner"] = approver.owner
    if as_json:
        print_json({"approver": _facts(approver)})
    else:
        click.echo(f"The key {fingerprint} of {approver.owner} is trusted no longer.")


def _facts(approver: Approver) -> dict[str, Any]:
    record = approver.to_dict()
    return {name: record[name] for name in record if name != "key"}
