"""``data-services sniff``: what a file seems to be, as a configuration to check and paste."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--member", help="Which file of a zip archive to look at, where it holds several.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposal as JSON.")
def sniff(*, file: Path, member: str | None, as_json: bool) -> None:
    """Propose how to read FILE: its format, encoding and dialect, with the reasons.

    Nothing is applied: paste the block into a run config once it is right. Cell values are never
    shown, names of columns are.

    Example: data-services sniff patients.csv
    """
    import yaml

    from util_services.datasets.sniffing import propose

    proposal = propose(file, member=member)
    if as_json:
        click.echo(json.dumps(proposal.to_dict(), indent=2, sort_keys=True))
        return
    config = {"ops": {"read_dataset": {"config": proposal.read_config(str(file))}}}
    click.echo(f"# confidence {proposal.confidence:.0%}; check before use")
    for reason in proposal.reasons:
        click.echo(f"# because {reason}")
    for warning in proposal.warnings:
        click.echo(f"# note: {warning}")
    if proposal.columns:
        names = json.dumps(proposal.columns, ensure_ascii=True)
        click.echo(f"# columns: {names}")
    click.echo(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), nl=False)
