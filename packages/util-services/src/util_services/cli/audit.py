"""``data-services audit``: is the audit whole, what is in it, and what has outlived its time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from util_services.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.audit.anchors import Anchor
    from util_services.audit.open_work import OpenWork
    from util_services.audit.verify import Verification


@click.group
def audit() -> None:
    """Verify and read the audit: who did what to which data, and why.

    Example: data-services audit verify
    """


@audit.command
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A report.json of a run whose beginning must be in the audit.",
)
@click.option(
    "--files-only", is_flag=True, help="Do not compare with what the runs in Dagster keep."
)
@click.option(
    "--location", help="Compare with runs of this code location alone; others may audit elsewhere."
)
@click.pass_context
def verify(
    context: click.Context,
    *,
    as_json: bool,
    reports: tuple[Path, ...],
    files_only: bool,
    location: str | None,
) -> None:
    """Check every link of every chain, and compare them with what is kept outside the audit.

    Exit status: 0 the audit is whole; 1 a link is broken, and the first one of each broken chain is
    named; 2 it cannot be verified, for want of a folder, of
    a key, or of Dagster's storage.

    Example: data-services audit verify --json
    """
    from util_services.audit.anchors import anchor_in_report

    kept = [anchor_in_report(report) for report in reports]
    found, states = _of_files(kept) if files_only else _of_files_and_runs(kept, location)
    if as_json:
        told = found.to_dict()
        told["open"] = [
            one.to_dict() | {"state": _state(one, states)} for one in found.open.values()
        ]
        click.echo(json.dumps(told, indent=2, sort_keys=True))
    else:
        _tell(found, states)
    context.exit(0 if found.is_whole else 1)


@audit.command(name="list")
@click.option("--run", "run_id", help="Only records of this run or other work.")
@click.option("--action", help="Only records of this kind of work, such as 'run'.")
@click.option("--user", help="Only records of work that this user did or asked for.")
@click.option("--last", type=click.IntRange(min=1), help="Only so many records, the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
@click.pass_context
def list_records(
    context: click.Context,
    *,
    run_id: str | None,
    action: str | None,
    user: str | None,
    last: int | None,
    as_json: bool,
) -> None:
    """Show the records of work in the order of their times.

    Only authentic records are shown. Exit status: 0; 1 if a chain is broken; 2 without a key.

    Example: data-services audit list --last 20
    """
    from util_services.audit.key import audit_keys, unusable_keys
    from util_services.audit.listing import work_records
    from util_services.audit.place import audit_directory

    def is_wanted(record: Mapping[str, Any]) -> bool:
        return (
            run_id in {None, record["work"], record.get("run_id")}
            and action in {None, record["action"]}
            and user in {None, record.get("user"), record.get("requester")}
        )

    records, findings = work_records(audit_directory(), audit_keys(), is_wanted, unusable_keys())
    shown = records[-last:] if last else records
    if as_json:
        told = {
            "schema": 1,
            "records": shown,
            "findings": [finding.to_dict() for finding in findings],
        }
        click.echo(json.dumps(told, indent=2, sort_keys=True))
    else:
        for record in shown:
            click.echo(_line(record))
    for finding in findings:
        click.echo(printable(f"warning: {finding}"), err=True)
    context.exit(1 if findings else 0)


@audit.command
@click.option("--reason", required=True, help="How the loss came about.")
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A report.json of a run whose beginning is lost too.",
)
@click.option("--location", help="Compare with runs of this code location alone.")
@click.option("--json", "as_json", is_flag=True, help="Print what is acknowledged as JSON.")
@click.pass_context
def acknowledge(
    context: click.Context,
    *,
    reason: str,
    reports: tuple[Path, ...],
    location: str | None,
    as_json: bool,
) -> None:
    """State for good that chains or records are lost, which links that are kept elsewhere name.

    For an audit that was moved without its files, or came back from a backup. The statement is a
    signed record in your name: 'verify' tells of it from then on, and calls the audit whole unless
    something else is broken. An edited or removed line cannot be acknowledged. Exit status: 0; 1 if
    something else is broken; 2 if there is no loss.

    Example: data-services audit acknowledge --reason "moved to /srv/audit, old disk is gone"
    """
    from util_services.audit.acknowledging import acknowledge_recorded
    from util_services.audit.anchors import anchor_in_report
    from util_services.keys.info import account

    kept = [anchor_in_report(report) for report in reports]
    found, _ = _of_files_and_runs(kept, location)
    losses = acknowledge_recorded(found, reason, account())
    if as_json:
        told = [loss.to_dict() for loss in losses]
        click.echo(json.dumps({"schema": 1, "acknowledged": told}, indent=2, sort_keys=True))
    else:
        for loss in losses:
            click.echo(f"acknowledged: {loss}")
    found, _ = _of_files_and_runs(kept, location)
    for finding in found.findings:
        click.echo(printable(f"broken: {finding}"), err=True)
    context.exit(0 if found.is_whole else 1)


@audit.command
@click.option(
    "--days",
    type=click.IntRange(min=1),
    help="How long records are kept. Default: DATA_SERVICES_AUDIT_RETENTION_DAYS.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def prune(*, days: int | None, as_json: bool) -> None:
    """Remove files whose records have all outlived their time; a signed statement remains.

    Nothing is removed from a broken audit, and no work that is still open. Exit status: 0; 1 if the
    audit is broken; 2 if nobody says how long it is kept, or it cannot be verified.

    Example: data-services audit prune --days 3650
    """
    from util_services.audit.retention import prune_recorded, retention_days
    from util_services.errors import ConfigurationError
    from util_services.keys.info import account
    from util_services.runs.audit_verify import held_by, unknown_runs

    days = days or retention_days()
    if days is None:
        raise ConfigurationError(
            "Nobody says how long the audit is kept; give --days, or set "
            "DATA_SERVICES_AUDIT_RETENTION_DAYS."
        )
    found, states = _of_files_and_runs((), None)
    found.require_whole()
    pruned = prune_recorded(days, account(), unknown_runs(states))
    if as_json:
        click.echo(json.dumps({"schema": 1} | pruned.to_dict(), indent=2, sort_keys=True))
    else:
        click.echo(f"{len(pruned.files)} files with {pruned.records} records were removed.")
        if pruned.held_by:
            click.echo(printable(held_by(pruned)))


def _of_files(kept: Sequence[Anchor]) -> tuple[Verification, Mapping[str, str]]:
    """Verify the files alone; nothing is known then of what became of runs."""
    from util_services.audit.key import audit_keys, unusable_keys
    from util_services.audit.place import audit_directory
    from util_services.audit.verify import verify as verify_chains

    return verify_chains(audit_directory(), audit_keys(), kept, unusable_keys()), {}


def _of_files_and_runs(
    kept: Sequence[Anchor], location: str | None
) -> tuple[Verification, Mapping[str, str]]:
    """Verify the files and what runs keep of them, where there is a Dagster home."""
    from util_services.runs.home import dagster_home

    home = dagster_home()
    if not (home / "dagster.yaml").exists():
        click.echo(f"warning: '{home}' is no Dagster home; the files alone are verified.", err=True)
        return _of_files(kept)
    from util_services.runs.audit_verify import asked_dagster, verify_with_runs
    from util_services.runs.execute import open_instance

    with asked_dagster():
        opened = open_instance(home)
    with opened as instance:
        return verify_with_runs(instance, kept, location)


def _tell(found: Verification, states: Mapping[str, str]) -> None:
    for finding in found.findings:
        click.echo(printable(f"broken: {finding}"))
    for note in found.notes:
        click.echo(printable(f"note: {note}"))
    for work in found.open.values():
        state = _state(work, states) or "its end is not recorded"
        click.echo(printable(f"open: {work}: {state}"))
    if found.losses:
        click.echo(
            "If the audit was moved, copy its former files here; if they are gone and you know "
            "why, say so with 'data-services audit acknowledge --reason TEXT'."
        )
    verdict = "is whole" if found.is_whole else "is broken"
    click.echo(
        f"The audit in {found.directory} {verdict} (chains: {len(found.chains)}, records: "
        f"{found.records}, links kept elsewhere: {found.anchors})."
    )


def _state(work: OpenWork, states: Mapping[str, str]) -> str | None:
    """Return what became of open work: of a run what Dagster knows, else what its process tells."""
    return states.get(work.work) or ("interrupted" if work.is_interrupted else None)


def _line(record: Mapping[str, Any]) -> str:
    """Return a record as a person reads it, in one line."""
    what = record.get("outcome") or record["phase"]
    named = {name: record.get(name) for name in ("job", "user", "requester", "purpose", "approval")}
    words = [
        record["time"],
        f"{record['action']:<8}",
        f"{what:<11}",
        record["work"],
        *(f"{name}={value}" for name, value in named.items() if value),
        *(f"input={data['path']}" for data in record.get("inputs", ())),
        *(f"output={data['path']}" for data in record.get("outputs", ())),
        *(f"{name}={count}" for name, count in record.get("counts", {}).items()),
        *([f"error={record['error'][0]}"] if record.get("error") else []),
    ]
    return printable(" ".join(words))
