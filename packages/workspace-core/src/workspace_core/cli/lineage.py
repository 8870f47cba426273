"""``dws lineage``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workspace_core.cli.context import (
    Flags,
    answer,
    answer_by_line,
    complete_resource,
    complete_tag,
    counted,
    json_option,
    label,
    pass_flags,
    shown_path,
    workspace_dir_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.edges import Run
    from workspace_core.lineage.model import HashCertificate, StepLineage
    from workspace_core.lineage.questions import Answer
    from workspace_core.recording.looking import KnownRun

FORMATS = ("html", "dot")
EXPORTS = ("openlineage", "prov", "ro-crate")
MOST_RUNS_SHOWN = 100
MOST_STALE_SHOWN = 20
MOST_READ_SHOWN = 20  # inputs of a run; --json has all of them
snapshot_option = click.option(
    "--snapshot", metavar="TAG|HASH", shell_complete=complete_tag, help="By default now."
)


@click.group()
@workspace_dir_option
@pass_flags
def lineage(flags: Flags, workspace_dir: str | None) -> None:
    """Tell which data, code and run made a file.

    Example: dws lineage show raw/a.csv
    """
    flags.workspace_dir = workspace_dir


@lineage.command()
@click.argument("file", metavar="FILE|RESOURCE:/PATH")
@click.option("--forward", is_flag=True, help="Tell what was made from it instead.")
@snapshot_option
@click.option("--ask-stores", is_flag=True, help="Also ask stores for what jobs have read outside.")
@json_option
@pass_flags
def show(
    flags: Flags,
    file: str,
    snapshot: str | None,
    *,
    forward: bool,
    ask_stores: bool,
    as_json: bool,
) -> None:
    """Tell what made a file or a folder, back to its sources, or what was made from it.

    Example: dws lineage show raw/a.csv --forward
    """
    from workspace_core.lineage.questions import questions
    from workspace_core.lineage.store import without_collecting

    asked = questions(flags.workspace(), snapshot, ask_stores=ask_stores)
    ref = asked.reference(file)
    found = asked.made_from(ref) if forward else asked.made(ref)
    if as_json:
        with without_collecting():
            answer_by_line(found.facts(), steps=list(asked.lines(found.part)))
    elif forward:
        _tell_forward(found)
    else:
        _tell(found)


@lineage.command()
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="By default as OUT ends.")
@click.option("--resource", metavar="NAME", shell_complete=complete_resource)
@snapshot_option
@click.option("--width", type=click.IntRange(min=100), default=1024, show_default=True)
@click.option("--height", type=click.IntRange(min=100), default=800, show_default=True)
@pass_flags
def graph(
    flags: Flags,
    out: Path,
    form: str | None,
    resource: str | None,
    snapshot: str | None,
    width: int,
    height: int,
) -> None:
    """Draw the lineage of all that is there, or of a resource, as a page or for Graphviz.

    Example: dws lineage graph lineage.html
    """
    from workspace_core.commands.lineage_graph import write_graph

    drawn = write_graph(
        flags.workspace(),
        out,
        form=form,
        resource_name=resource,
        tag_or_hash=snapshot,
        width=width,
        height=height,
    )
    click.echo(f"Wrote {shown_path(str(out))}: {counted(len(drawn.nodes), 'node')}")


@lineage.command("export")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(EXPORTS), required=True)
@click.option("--resource", metavar="NAME", shell_complete=complete_resource)
@click.option(
    "--snapshot", metavar="TAG|HASH", shell_complete=complete_tag, help="By default all runs."
)
@click.option(
    "--with-machine-paths", is_flag=True, help="Leave absolute paths in commands as they are."
)
@json_option
@pass_flags
def export_(
    flags: Flags,
    out: Path,
    form: str,
    resource: str | None,
    snapshot: str | None,
    *,
    with_machine_paths: bool,
    as_json: bool,
) -> None:
    """Write recorded runs for other tools: events of OpenLineage, W3C PROV-JSON, or an RO-Crate.

    Contents are never in it, nor what looks like a secret. A crate is a folder, the others a file.

    Example: dws lineage export --format prov lineage.json
    """
    from workspace_core.commands.export_lineage import export_lineage

    done = export_lineage(
        flags.workspace(),
        out,
        form,
        resource_name=resource,
        tag_or_hash=snapshot,
        with_machine_paths=with_machine_paths,
    )
    if as_json:
        answer(done.to_dict())
    else:
        click.echo(f"Wrote {shown_path(done.file)}: {counted(done.runs, 'run')}")


@lineage.command("run")
@click.argument("run_id", metavar="RUN_ID|TAG|HASH")
@json_option
@pass_flags
def run_(flags: Flags, run_id: str, *, as_json: bool) -> None:
    """Tell what a run of a job read and made, and its snapshot; or the run of a snapshot.

    Example: dws lineage run 4f6c2b1e
    """
    from workspace_core.recording.looking import known_run

    found = known_run(flags.workspace(), run_id)
    if as_json:
        answer_by_line(found.to_dict())
    else:
        _tell_run(found)


def show_table(workspace: FiledWorkspace, snapshot: str | None, *, as_json: bool) -> None:
    """Print the table of lineage."""
    from workspace_core.lineage.questions import questions

    rows = questions(workspace, snapshot).table()
    if as_json:
        answer([one.to_dict() for one in rows])
        return
    if not rows:
        click.echo("No step is recorded; 'dws run' records one.")
    for one in rows:
        inputs = ", ".join(map(str, one.inputs))
        source = f" <- {shown_path(inputs)}" if inputs else ""
        click.echo(f"{shown_path(str(one.ref))} ({one.type}): {shown_path(one.details)}{source}")


def _tell(found: Answer) -> None:
    from workspace_core.lineage.questions import UNKNOWN, short

    key = (found.certificate.ref, found.certificate.hashval)
    origin = found.origins.get(key, UNKNOWN)
    name = shown_path(str(found.certificate.ref))
    if found.makers:
        makers = " and ".join(shown_path(f"{one.step_name} {one.id[:8]}") for one in found.makers)
        origin = f"made by {makers}"
    elif origin == UNKNOWN:
        origin = found.detail or "nobody knows what made it: no step that is recorded did"
    click.echo(f"{name} {short(found.certificate.hashval)}: {origin}")
    _tell_steps(found.part.newest_first())
    for late in found.stale[:MOST_STALE_SHOWN]:
        why = late.reasons[0].sentence(late.step.step_name)
        click.echo(f"! {shown_path(str(late.ref))} is out of date: {shown_path(why)}")
    if (more := len(found.stale) - MOST_STALE_SHOWN) > 0:
        click.echo(f"! … and {more} more are out of date; --json has all of them")


def _tell_forward(found: Answer) -> None:
    from workspace_core.lineage.questions import short

    certificate = found.certificate
    steps = found.part.newest_first()[::-1]
    what = f"read by {counted(len(steps), 'run')}" if steps else "no step has read it"
    click.echo(f"{shown_path(str(certificate.ref))} {short(certificate.hashval)}: {what}")
    _tell_steps(steps)


def _tell_steps(runs: Sequence[Run]) -> None:
    """Print the runs nearest to the question, as many as somebody can read."""
    for run in runs[:MOST_RUNS_SHOWN]:
        click.echo("\n".join(_lines_of(run.record())))
    if (more := len(runs) - MOST_RUNS_SHOWN) > 0:
        click.echo(f"… and {counted(more, 'run')} more; --json has all of them")


def _lines_of(step: StepLineage) -> Iterator[str]:
    ended = "" if step.is_complete else ", failed"
    yield (
        f"{shown_path(step.step_name)} {step.id[:8]}: {step.start_time[:19]}Z on "
        f"{shown_path(step.hostname)}, {step.execution_time_seconds:.3g} s{ended}"
    )
    if run := step.more.get("run"):
        yield f"  run    {shown_path(str(run.get('run_id')))}"
    if step.parameters:
        given = ", ".join(f"{name}={value}" for name, value in step.parameters.items())
        yield f"  with   {shown_path(given)}"
    if step.command_line:
        yield f"  as     {shown_path(shlex.join(step.command_line))}"
    read = (*step.input_resources, *step.outside_inputs)
    for word, certificates in (("read", read), ("code", step.code_resources)):
        for one in certificates[:MOST_READ_SHOWN]:
            note = ", which changed meanwhile" if one.changed else ""
            yield f"  {word}   {_told(one)}{note}"
        if len(certificates) > MOST_READ_SHOWN:
            yield f"  {word}   … and {len(certificates) - MOST_READ_SHOWN} more"
    for one in step.outputs():
        yield f"  wrote  {_told(one)}"


def _tell_run(found: KnownRun) -> None:
    job = shown_path(str(found.facts.get("job", "")))
    click.echo(f"run {shown_path(found.run_id)} of {job}: {found.status}")
    if found.step is None:
        click.echo("  it is at work, or was killed; the next run that begins finds that out")
    else:
        click.echo("\n".join(_lines_of(found.step)))
        for note in _notes_of(found.step):
            click.echo(f"  {note}")
    for one in found.taken:
        click.echo(f"snapshot {label(one)} was taken for it")
    if not found.taken and found.kept_in is not None:
        click.echo(f"snapshot {label(found.kept_in)} is the first that was taken after it")


def _notes_of(step: StepLineage) -> Iterator[str]:
    """Yield what else is recorded of the run of a job."""
    run = step.more["run"]
    for path in step.more.get("changed_outputs", ()):
        yield f"wrote  {shown_path(path)}, which was changed right after"
    for ref in step.unfinished:
        yield f"left   {shown_path(str(ref))}, perhaps"
    if "error" in step.more:
        yield f"error  {shown_path(str(step.more['error']))}"
    versions = " ".join(f"{name} {one}" for name, one in sorted(run["versions"].items()))
    yield f"by     {shown_path(versions)}"
    if run["commit"]:
        yield f"commit {shown_path(run['commit'])}"


def _told(certificate: HashCertificate) -> str:
    from workspace_core.lineage.questions import short

    outside = ", outside" if certificate.ref.is_outside else ""
    return (
        f"{shown_path(str(certificate.ref))} {short(certificate.hashval) or 'not there'}{outside}"
    )
