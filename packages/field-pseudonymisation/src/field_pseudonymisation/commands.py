"""``data-services vaults``: what is done to token vaults beside runs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from util_services.approvals import ApprovalRequest

JOB = "vaults_forget"  # by which an approval names this command
READABLE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(no_args_is_help=True)
def vaults() -> None:
    """Look after token vaults.

    Exit status: 0 done; 1 started and failed; 2 refused, and nothing was changed.

    Example: data-services vaults forget tokens.txt --purpose "erasure 9" --requester bob
    --approval approval.token
    """


@vaults.command
@click.argument("file", type=READABLE_FILE)
@click.option("--vault", default="default", show_default=True, help="The vault, by its name.")
@click.option("--purpose", required=True, help="What for; the approval names the same.")
@click.option("--requester", required=True, help="Who asks; the approval names the same.")
@click.option("--approval", type=READABLE_FILE, required=True, help="The signed approval.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forget(
    *, file: Path, vault: str, purpose: str, requester: str, approval: Path, as_json: bool
) -> None:
    """Delete what leads from the tokens in FILE, one to a line, back to their values, for good.

    A second person approves it: `approve new --job vaults_forget --dataset FILE --all-columns
    --all-rows`. It is in the audit before and after. Backups of the vault must forget them too:
    this command does not know those.

    Example: data-services vaults forget tokens.txt --purpose "erasure 9" --requester bob
    --approval approval.token
    """
    from field_pseudonymisation.forgetting import tokens_of
    from field_pseudonymisation.techniques.vault import forget_tokens, vault_file
    from util_services.approvals import ApprovalRequest
    from util_services.approvals.records import digest_of_file
    from util_services.audit import WorkRecord, recorded
    from util_services.keys.info import account

    digest = digest_of_file(file)
    tokens, place = tokens_of(file.read_bytes()), vault_file(vault)
    request = ApprovalRequest(JOB, digest, purpose, requester, columns=None, rows=None)
    approved = _approved(approval, request)
    before = WorkRecord(
        "tokens.forget",
        user=account(),
        requester=requester,
        purpose=purpose,
        approval=approved,
        facts={"vault": vault, "tokens_sha256": digest},
    )
    with recorded(before) as results:
        results.facts |= before.facts
        forgotten = forget_tokens(place, tokens)
        results.counts["tokens_forgotten"] = forgotten
    _tell(vault, forgotten, len(tokens) - forgotten, as_json=as_json)


def _approved(file: Path, request: ApprovalRequest) -> str:
    """Return the id of the approval of just what is asked for; a refusal is in the audit too."""
    from util_services.approvals import ApprovalRefusedError, require
    from util_services.audit import WorkRecord, record

    token = file.read_bytes().decode("ascii", "replace").strip()
    try:
        return require(token, request, run_id=f"{JOB}-{secrets.token_hex(8)}").claims.id
    except ApprovalRefusedError as error:
        asked = WorkRecord(
            "approval", job=JOB, requester=request.requester, purpose=request.purpose
        )
        record(asked.after("refused", approval=error.approval_id, facts={"reason": error.reason}))
        raise


def _tell(vault: str, forgotten: int, missing: int, *, as_json: bool) -> None:
    import json

    if as_json:
        told = {"schema": 1, "vault": vault, "forgotten": forgotten, "not_there": missing}
        click.echo(json.dumps(told, indent=2, sort_keys=True))
        return
    click.echo(
        f"The vault '{vault}' has forgotten {forgotten} tokens; {missing} were not there. Backups "
        "of it still know them."
    )
