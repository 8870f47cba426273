"""Lineage as a document of W3C PROV, in PROV-JSON.

Sources: PROV-DM (W3C Recommendation, 30 April 2013), sections 5.1 to 5.3; PROV-JSON (W3C Member
Submission, 24 April 2013). An entity is a content at a path of a resource or at an address
outside, an activity a run, an agent the machine that it ran on. Outputs are derived from all that
their run depended on: which of them led to which output, no record says.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from workspace_core.lineage.model import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.lineage.exports.runs import ExportedLineage, ExportedRun
    from workspace_core.lineage.model import HashCertificate

VOCABULARY = "urn:workspace-core:lineage#"
NAME_DIGITS = 32
INPUT, CODE = "input", "code"


def prov(lineage: ExportedLineage) -> str:
    """Return the document of runs as PROV-JSON."""
    document: dict[str, dict[str, Any]] = {
        "prefix": {
            "dws": VOCABULARY,
            "content": f"{lineage.namespace}/content/",
            "host": f"{lineage.namespace}/host/",
            "run": "urn:uuid:",
        },
        "entity": {},
        "activity": {},
        "agent": {},
        "used": {},
        "wasGeneratedBy": {},
        "wasDerivedFrom": {},
        "wasAssociatedWith": {},
        "wasInformedBy": {},
    }
    for run in lineage.runs:
        for one in (*run.inputs, *run.code, *run.outputs):
            document["entity"].setdefault(_entity(lineage, one), _described(lineage, one))
        document["activity"][f"run:{run.id}"] = _activity(lineage, run)
        for kind, facts in _relations(lineage, run):
            document[kind][f"_:{kind}{len(document[kind])}"] = facts
        if run.step.hostname:
            host = f"host:{_digest(run.step.hostname)}"
            document["agent"][host] = {
                "prov:type": _typed("prov:SoftwareAgent", "prov:QUALIFIED_NAME"),
                "prov:label": run.step.hostname,
            }
            facts = {"prov:activity": f"run:{run.id}", "prov:agent": host}
            document["wasAssociatedWith"][f"_:by{len(document['wasAssociatedWith'])}"] = facts
    return json.dumps({k: v for k, v in document.items() if v}, indent=1, sort_keys=True) + "\n"


def _relations(lineage: ExportedLineage, run: ExportedRun) -> Iterator[tuple[str, dict[str, Any]]]:
    activity = f"run:{run.id}"
    entity = partial(_entity, lineage)
    for role, found in ((INPUT, run.inputs), (CODE, run.code)):
        for one in found:
            used = {"prov:activity": activity, "prov:entity": entity(one), "prov:role": role}
            yield "used", used | {"prov:time": run.began}
    for one in run.outputs:
        made = {"prov:entity": entity(one), "prov:activity": activity}
        yield "wasGeneratedBy", made | {"prov:time": run.ended}
        for source in (*run.inputs, *run.code):
            if entity(source) != entity(one):
                ends = {"prov:generatedEntity": entity(one), "prov:usedEntity": entity(source)}
                yield "wasDerivedFrom", ends | {"prov:activity": activity}
    if run.within is not None:
        yield "wasInformedBy", {"prov:informed": activity, "prov:informant": f"run:{run.within}"}


def _activity(lineage: ExportedLineage, run: ExportedRun) -> dict[str, Any]:
    step = run.step
    facts: dict[str, Any] = {
        "prov:startTime": run.began,
        "prov:endTime": run.ended,
        "prov:label": step.step_name,
        "dws:record": step.id,
        "dws:status": step.status,
    }
    if step.parameters:
        facts["dws:parameter"] = [_pair(name, one) for name, one in step.parameters.items()]
    if step.metrics:
        facts["dws:metric"] = [_pair(name, one) for name, one in step.metrics.items()]
    if step.command_line:
        facts["dws:commandLine"] = json.dumps(list(step.command_line))
    if step.run_from_directory:
        facts["dws:runFromDirectory"] = step.run_from_directory
    if step.run_description:
        facts["dws:description"] = step.run_description
    changed = [lineage.label(one) for one in step.dependencies() if one.changed]
    if changed:
        facts["dws:changedMeanwhile"] = changed
    return facts


def _described(lineage: ExportedLineage, one: HashCertificate) -> dict[str, Any]:
    if one.ref.is_outside:
        address = lineage.named(one).address
        where = {"prov:label": address, "prov:location": address}
    else:
        where = {
            "prov:label": str(one.ref),
            "dws:resource": one.ref.name,
            "dws:path": one.ref.path,
        }
    facts: dict[str, Any] = {**where, "dws:kind": one.kind}
    if one.hashval is not None:
        facts["dws:content"] = one.hashval
    if one.size:
        facts["dws:size"] = _typed(str(one.size), "xsd:long")
    if one.kind == DIRECTORY:
        facts["prov:type"] = _typed("prov:Collection", "prov:QUALIFIED_NAME")
    return facts


def _entity(lineage: ExportedLineage, one: HashCertificate) -> str:
    """Return the name of a content at a path, which is no longer than a name may be."""
    where = [lineage.named(one).address] if one.ref.is_outside else [one.ref.name, one.ref.path]
    return f"content:{_digest(json.dumps([*where, one.hashval]))}"


def _digest(text: str) -> str:
    return blake3(text.encode("utf-8", "surrogateescape")).hexdigest()[:NAME_DIGITS]


def _pair(name: str, value: object) -> str:
    return json.dumps({name: value}, sort_keys=True)


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"$": value, "type": kind}
