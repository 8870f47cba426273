"""``data-services processing``: the record of processing activities, and the input of a DPIA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from util_services.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from util_services.processing_record.document import Document


@click.group(no_args_is_help=True)
def processing() -> None:
    """Tell what a record of processing activities (GDPR, article 30) and a DPIA want to know.

    Exit status: 0 done; 1 the audit is broken, so that something may be missing; 2 nothing could be
    told. Gaps are told in the documents, and are no failure.

    Example: data-services processing record --activities activities.yaml --out record
    """


def _document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--activities",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="The file of what only people know; 'processing template' writes one.",
        ),
        click.option("--since", help="Only runs since this day, and releases that held since."),
        click.option("--at", help="The day at whose end it is to hold. Default: today (UTC)."),
        click.option(
            "--report",
            "reports",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            multiple=True,
            help="A report.json that is not where its run published it; may be repeated.",
        ),
        click.option("--json", "form", flag_value="json", help="Print it as JSON."),
        click.option(
            "--markdown", "form", flag_value="markdown", help="Print it as Markdown (default)."
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            help="Write it as JSON and as Markdown into this folder, over former ones.",
        ),
        click.pass_context,
    )
    for option in reversed(options):
        command = option(command)
    return command


@processing.command
@_document_options
def record(context: click.Context, **options: Any) -> None:
    """Tell who processes which personal data, why, for whom, how long and how protected.

    From the audit, the register of releases, the reports beside what runs published, the settings
    of this process, and what people have stated. Each statement says where it comes from; what
    nobody has stated is a gap.

    Example: data-services processing record --activities activities.yaml --json
    """
    from util_services.processing_record import processing_record

    _tell(context, processing_record, **options)


@processing.command
@_document_options
def assessment(context: click.Context, **options: Any) -> None:
    """Tell what a data protection impact assessment (article 35(7)) begins with.

    The operations, what was measured of risks, what reports warn of, and the measures, beside what
    people have stated of necessity, risks and advice.

    Example: data-services processing assessment --activities activities.yaml --out assessment
    """
    from util_services.processing_record import assessment_input

    _tell(context, assessment_input, **options)


@processing.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def template(file: Path) -> None:
    """Write a FILE for what only people know: all keys with comments, and nothing stated.

    Example: data-services processing template activities.yaml
    """
    from util_services.cli.output_file import write_whole
    from util_services.processing_record.activities import template as text_of_template

    if file.exists():
        raise click.UsageError(f"'{file}' exists; name a new file, so that nothing is lost.")
    write_whole(file, text_of_template())
    click.echo(f"{file}: fill it in, and give it to 'processing record --activities'.")


def _tell(
    context: click.Context,
    document_of: Callable[..., Document],
    *,
    activities: Path | None,
    since: str | None,
    at: str | None,
    reports: tuple[Path, ...],
    form: str | None,
    out: Path | None,
) -> None:
    from util_services.processing_record import Known, read_activities, render_document

    if out is not None and form is not None:
        raise click.UsageError("'--out' writes both forms; leave '--json' and '--markdown' out.")
    stated = None if activities is None else read_activities(activities)
    known = Known.gather(stated, at=at, since=since, reports=reports)
    document = document_of(known)
    if out is not None:
        _write(out, document)
    elif form == "json":
        click.echo(document.to_json(), nl=False)
    else:
        click.echo(render_document(document), nl=False)
    for finding in known.findings:
        click.echo(printable(f"warning: The audit is broken: {finding}"), err=True)
    context.exit(1 if known.findings else 0)


def _write(folder: Path, document: Document) -> None:
    from util_services.cli.output_file import write_whole
    from util_services.processing_record import render_document
    from util_services.storage.private import unwritable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    for ending, text in (("json", document.to_json()), ("md", render_document(document))):
        file = folder / f"{document.kind}.{ending}"
        write_whole(file, text)
        click.echo(file)
    click.echo(f"Gaps: {len(document.gaps)}.")
