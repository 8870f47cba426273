"""Lineage as run events of OpenLineage: one event a line, as its file transport has them.

Source: https://openlineage.io/spec/2-0-2/OpenLineage.json, and its facets under the versions that
are named here. Each run has an event for its start and one for its end. Data sets are named by
resource and path, in a namespace of the workspace, and those outside of it by their addresses; a
version is a content id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.lineage.exports.columns import column_origins
from workspace_core.lineage.exports.names import name_of
from workspace_core.lineage.model import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.lineage.exports.columns import ColumnOrigin
    from workspace_core.lineage.exports.runs import ExportedLineage, ExportedRun
    from workspace_core.lineage.model import HashCertificate

PRODUCER = f"pkg:pypi/workspace-core@{__version__}"  # a package URL
SPEC = "https://openlineage.io/spec"
START, COMPLETE, FAIL = "START", "COMPLETE", "FAIL"


def openlineage(lineage: ExportedLineage) -> str:
    """Return the events of runs in the order of time, as lines of JSON."""
    names = {one.id: one.step.step_name for one in lineage.runs}
    events = [event for run in lineage.runs for event in _events(lineage, run, names)]
    events.sort(key=lambda one: str(one["eventTime"]))
    return "".join(f"{json.dumps(one, sort_keys=True)}\n" for one in events)


def _events(
    lineage: ExportedLineage, run: ExportedRun, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    space = lineage.namespace
    inputs = [_dataset(lineage, one) | _statistics("input", "1-0-0", one) for one in run.inputs]
    outputs = [_output(lineage, run, one) for one in run.outputs]
    common = {
        "job": {"namespace": space, "name": run.step.step_name, "facets": _job(space, run)},
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    described = {"runId": run.id, "facets": _run(lineage, run, names)}
    yield {
        **common,
        "eventType": START,
        "eventTime": run.began,
        "run": described,
        "inputs": inputs,
        "outputs": [],
    }
    yield {
        **common,
        "eventType": COMPLETE if run.step.is_complete else FAIL,
        "eventTime": run.ended,
        "run": described,
        "inputs": inputs,
        "outputs": outputs,
    }


def _job(space: str, run: ExportedRun) -> dict[str, Any]:
    kind = {"processingType": "BATCH", "integration": "DWS", "jobType": "STEP"}
    facets = {"jobType": _facet("JobTypeJobFacet", "2-0-4", kind)}
    if run.code:
        first = run.code[0]
        place = {"type": "dws", "url": f"{space}/{name_of(first)}", "path": first.ref.path}
        place |= {"version": first.hashval} if first.hashval else {}
        facets["sourceCodeLocation"] = _facet("SourceCodeLocationJobFacet", "1-1-0", place)
    return facets


def _run(lineage: ExportedLineage, run: ExportedRun, names: Mapping[str, str]) -> dict[str, Any]:
    step = run.step
    facets = {
        "processing_engine": _facet(
            "ProcessingEngineRunFacet", "1-1-1", {"version": __version__, "name": "workspace-core"}
        ),
        "dws_step": _own_facet(lineage, run),
    }
    if step.parameters:
        given = [{"key": name, "value": _value(one)} for name, one in step.parameters.items()]
        facets["executionParameters"] = _facet(
            "ExecutionParametersRunFacet", "1-0-0", {"parameters": given}
        )
    if run.within is not None:
        parent = {
            "run": {"runId": run.within},
            "job": {"namespace": lineage.namespace, "name": names[run.within]},
        }
        facets["parent"] = _facet("ParentRunFacet", "1-2-0", parent)
    if not step.is_complete:
        failed = {"message": "The step has failed.", "programmingLanguage": "unknown"}
        facets["errorMessage"] = _facet("ErrorMessageRunFacet", "1-0-1", failed)
    return facets


def _own_facet(lineage: ExportedLineage, run: ExportedRun) -> dict[str, Any]:
    """Return what OpenLineage has no place for; what is not known, or not so, is left out."""
    step = run.step
    facts = {
        "record": step.id,
        "sequence": step.sequence,
        "commandLine": list(step.command_line or ()),
        "runFromDirectory": step.run_from_directory,
        "description": step.run_description,
        "metrics": step.metrics,
        "hostname": step.hostname,
        "code": [{"name": name_of(one), "version": one.hashval} for one in run.code],
        "changedMeanwhile": [lineage.label(one) for one in step.dependencies() if one.changed],
        "unfinished": [f"{one.name}/{one.path}".rstrip("/") for one in step.unfinished],
    }
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunFacet",
        **{name: one for name, one in facts.items() if one},
    }


def _dataset(lineage: ExportedLineage, one: HashCertificate) -> dict[str, Any]:
    facets = {}
    if one.hashval is not None:
        version = {"datasetVersion": one.hashval}
        facets["version"] = _facet("DatasetVersionDatasetFacet", "1-0-1", version)
    named = lineage.named(one)
    return {"namespace": named.namespace, "name": named.name, "facets": facets}


def _output(lineage: ExportedLineage, run: ExportedRun, one: HashCertificate) -> dict[str, Any]:
    """Return a data set that a run wrote, with where its columns come from if that is known."""
    found = _dataset(lineage, one) | _statistics("output", "1-0-2", one)
    origins = column_origins(one, run.inputs, lineage.place)
    if origins:
        fields = {origin.column: {"inputFields": [_field(lineage, origin)]} for origin in origins}
        facet = _facet("ColumnLineageDatasetFacet", "1-2-0", {"fields": fields})
        found["facets"]["columnLineage"] = facet
    return found


def _field(lineage: ExportedLineage, origin: ColumnOrigin) -> dict[str, Any]:
    change = {"type": "DIRECT", "subtype": origin.subtype, "masking": origin.is_masked}
    change |= {"description": origin.done} if origin.done else {}
    source = lineage.named(origin.source)
    return {
        "namespace": source.namespace,
        "name": source.name,
        "field": origin.column,
        "transformations": [change],
    }


def _statistics(side: str, version: str, one: HashCertificate) -> dict[str, Any]:
    """Return how many bytes there were, where that is known; files within a folder tell no size."""
    if not one.size:
        return {}
    facts = {"size": one.size} | ({} if one.kind == DIRECTORY else {"fileCount": 1})
    facet = _facet(f"{side.title()}Statistics{side.title()}DatasetFacet", version, facts)
    return {f"{side}Facets": {f"{side}Statistics": facet}}


def _facet(name: str, version: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    schema = f"{SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **facts}


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
