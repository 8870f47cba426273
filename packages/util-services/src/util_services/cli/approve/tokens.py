"""The commands that sign approvals, show them and try them."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from util_services.cli.keys.views import as_json_option, print_json
from util_services.cli.secret_input import read_key_pair, require_terminal, with_passphrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from util_services.approvals.records import ApprovalRequest, Claims
    from util_services.cli.secret_input import PassphraseSource
    from util_services.keys.key_pairs import PublicKey

READABLE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
TOKEN_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
DURATION = re.compile(r"([1-9]\d{0,5})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def with_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what is asked for, as the argument ``request``."""

    @click.option("--job", required=True, help="The job that is to be let run.")
    @click.option("--dataset", type=READABLE_FILE, help="The input, to take its digest.")
    @click.option("--digest", help="The SHA-256 of the input instead, as a report states it.")
    @click.option("--purpose", required=True, help="What for, in the words of the run config.")
    @click.option("--requester", required=True, help="Who asks, by the name in the run config.")
    @click.option("--column", "columns", multiple=True, help="A column; may be repeated.")
    @click.option("--all-columns", is_flag=True, help="Every column instead.")
    @click.option("--rows", type=READABLE_FILE, help="The file that names the rows.")
    @click.option("--all-rows", is_flag=True, help="Every row instead.")
    @wraps(command)
    def with_asked(
        *,
        job: str,
        dataset: Path | None,
        digest: str | None,
        purpose: str,
        requester: str,
        columns: tuple[str, ...],
        all_columns: bool,
        rows: Path | None,
        all_rows: bool,
        **options: Any,
    ) -> None:
        from util_services.approvals.records import ApprovalRequest, digest_of_file

        _exactly_one({"--dataset": dataset, "--digest": digest})
        _exactly_one({"--column": columns, "--all-columns": all_columns})
        _exactly_one({"--rows": rows, "--all-rows": all_rows})
        request = ApprovalRequest(
            job=job,
            dataset=digest_of_file(dataset) if dataset else digest,
            purpose=purpose,
            requester=requester,
            columns=columns or None,
            rows=digest_of_file(rows) if rows else None,
        )
        command(request=request, **options)

    return with_asked


@click.command
@click.option(
    "--identity", type=READABLE_FILE, required=True, help="The private file of the approver."
)
@with_request
@click.option(
    "--valid-for", default="8h", show_default=True, help="Such as 30m, 8h or 7d; 90 days at most."
)
@click.option("--single-use", is_flag=True, help="Let one run alone use it.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a file instead of printing.")
@click.option("--yes", is_flag=True, help="Sign without a question.")
@with_passphrase
def new(
    *,
    identity: Path,
    request: ApprovalRequest,
    valid_for: str,
    single_use: bool,
    out: Path | None,
    yes: bool,
    phrase: PassphraseSource,
) -> None:
    """Sign an approval, having shown what it lets happen.

    Example: data-services approve new --identity ada.key --job depseudonymise_structured_job
    --dataset visits.csv --purpose "complaint 17" --requester bob --column email --all-rows --yes
    """
    from util_services.approvals import token
    from util_services.approvals.check import draft
    from util_services.encryption.secret import Secret
    from util_services.errors import quoted_name
    from util_services.keys.key_files import read_private_key
    from util_services.storage.private import READABLE, NameTakenError, write_whole

    public = read_private_key(identity, "approval").public
    claims = draft(request, public.owner, _duration(valid_for), single_use=single_use)
    _refuse_own_request(public, request)
    if out is not None and os.path.lexists(out):
        raise NameTakenError(f"{quoted_name(str(out))} exists already; choose another name.")
    pair = None
    if phrase.is_given:  # what cannot sign has nothing to show
        pair = read_key_pair(identity, "approval", phrase)
    _describe(claims, err=True)
    if not yes:
        require_terminal("give '--yes' to sign without a question")
        click.confirm("Sign this?", abort=True, err=True)
    text = token.sign(claims, pair or read_key_pair(identity, "approval", phrase))
    if out is None:
        click.echo(text)
    else:
        write_whole(out, Secret(f"{text}\n".encode()), replace=False, mode=READABLE)


@click.command
@click.argument("file", type=TOKEN_FILE)
@as_json_option
def show(*, file: Path, as_json: bool) -> None:
    """Show what the approval in FILE says, without checking it; '-' reads it from the terminal.

    Example: data-services approve show approval.token
    """
    from util_services.approvals import token

    parsed = token.read(_text(file))
    if as_json:
        print_json({"claims": parsed.claims.to_dict(), "key": parsed.key, "checked": False})
    else:
        _describe(parsed.claims)
        click.echo(f"said to be signed by {parsed.key}; 'approve verify' checks that")


@click.command
@click.argument("file", type=TOKEN_FILE)
@with_request
@as_json_option
@click.pass_context
def verify(context: click.Context, *, file: Path, request: ApprovalRequest, as_json: bool) -> None:
    """Tell whether the approval in FILE would let a run through, without using it up.

    Exit with status 1 if it would not.

    Example: data-services approve verify approval.token --job depseudonymise_structured_job
    --dataset visits.csv --purpose "complaint 17" --requester bob --column email --all-rows
    """
    from util_services.approvals.check import check
    from util_services.approvals.errors import ApprovalRefusedError

    try:
        approval = check(_text(file), request)
    except ApprovalRefusedError as refusal:
        click.echo(f"error: {refusal}", err=True)
        if as_json:
            print_json({"accepted": False, **refusal.to_dict()})
        context.exit(1)
    if as_json:
        print_json({"accepted": True, "approval": approval.to_dict()})
    else:
        claims = approval.claims
        click.echo(f"Approved by {claims.approver} until {claims.expires} ({claims.id}).")


def _refuse_own_request(key: PublicKey, request: ApprovalRequest) -> None:
    """Refuse to sign one's own request, by any name that this deployment knows."""
    from util_services import settings
    from util_services.approvals.errors import UnfitApprovalError
    from util_services.approvals.trust import Trust, trust_folder
    from util_services.errors import quoted_name

    if settings.text("TRUST") is None or not trust_folder().exists():
        return  # an approver may sign where it is not known whom a deployment trusts
    trust = Trust.from_environment()
    approver = trust.find(key.fingerprint)
    if approver is not None and trust.is_same_person(approver, request.requester):
        raise UnfitApprovalError(
            f"{quoted_name(request.requester)} is a name of {quoted_name(approver.owner)}, who "
            "cannot approve a request of their own; ask a second person."
        )


def _text(file: Path) -> str:
    from util_services.storage.private import read_small

    content = read_small(Path("/dev/stdin") if str(file) == "-" else file)
    return content.decode("ascii", errors="replace")


def _describe(claims: Claims, *, err: bool = False) -> None:
    from util_services.errors import quoted

    columns = "all" if claims.columns is None else quoted(claims.columns)
    lines = {
        "approval": claims.id,
        "job": claims.job,
        "dataset": claims.dataset,
        "columns": columns,
        "rows": "all" if claims.rows is None else f"those in the file {claims.rows}",
        "purpose": claims.purpose,
        "requester": claims.requester,
        "approver": claims.approver,
        "valid": f"from {claims.issued} to {claims.expires}",
        "uses": "one" if claims.single_use else "any number",
    }
    for name, value in lines.items():
        click.echo(f"{name + ':':<11}{value}", err=err)


def _duration(text: str) -> timedelta:
    found = DURATION.fullmatch(text)
    if found is None:
        raise click.UsageError("'--valid-for' must be a number with m, h or d, such as '8h'.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _exactly_one(choices: dict[str, object]) -> None:
    if sum(map(bool, choices.values())) != 1:
        raise click.UsageError(f"Give either {' or '.join(choices)}.")
