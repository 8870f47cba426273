"""Lineage as a crate of the Workflow Run RO-Crate family: the profile for runs without a workflow.

Sources: RO-Crate Metadata Specification 1.1; Process Run Crate 0.5, which describes tools that were
run one after the other without a program that orders them. The crate has no data: contents are
named by addresses in the workspace or outside of it, with their content ids as identifiers.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from blake3 import blake3

from workspace_core import __version__
from workspace_core.lineage.model import DIRECTORY, MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.lineage.exports.runs import ExportedLineage, ExportedRun
    from workspace_core.lineage.model import HashCertificate

METADATA = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE, PROFILE_VERSION = "https://w3id.org/ro/wfrun/process/0.5", "0.5"
COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"
NAME_DIGITS = 16
NO_LICENCE = "None is stated: the crate has no data, only what led to them."

Entity = dict[str, Any]


def ro_crate(lineage: ExportedLineage) -> str:
    """Return the metadata of the crate of runs, as JSON-LD."""
    crate = _Crate(lineage)
    actions = [crate.action(run) for run in lineage.runs]
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Lineage of {lineage.name}",
        "description": f"The recorded runs of steps in the workspace {lineage.name}, with what "
        "they read and wrote. The data themselves are not in the crate.",
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": NO_LICENCE,
        "identifier": f"urn:uuid:{lineage.workspace_id}",
        "conformsTo": {"@id": PROFILE},
        "hasPart": [{"@id": one} for one in crate.data],
        "mentions": [{"@id": one} for one in actions],
    }
    described: list[Entity] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": SPECIFICATION},
            "about": {"@id": "./"},
            "sdPublisher": f"workspace-core {__version__}",
        },
        root,
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": PROFILE_VERSION,
        },
        *crate.data.values(),
        *crate.others.values(),
    ]
    return json.dumps({"@context": CONTEXT, "@graph": described}, indent=1) + "\n"


class _Crate:
    """Entities by their names: data, and all that tells of them."""

    def __init__(self, lineage: ExportedLineage) -> None:
        self.lineage = lineage
        self.data: dict[str, Entity] = {}
        self.others: dict[str, Entity] = {}

    def action(self, run: ExportedRun) -> str:
        """Add a run with all that it refers to, and return its name."""
        step, name = run.step, f"#run-{run.id}"
        entity: Entity = {
            "@id": name,
            "@type": "CreateAction",
            "name": step.step_name,
            "startTime": run.began,
            "endTime": run.ended,
            "instrument": {"@id": self._tool(run)},
            "object": [
                *({"@id": self._content(one)} for one in run.inputs),
                *self._values(f"#parameter-{run.id}", step.parameters),
            ],
            "result": [
                *({"@id": self._content(one)} for one in run.outputs),
                *self._values(f"#metric-{run.id}", step.metrics or {}),
            ],
            "actionStatus": {"@id": COMPLETED if step.is_complete else FAILED},
            "identifier": step.id,
        }
        if step.command_line is not None:
            entity["description"] = " ".join(step.command_line)
        elif step.run_description is not None:
            entity["description"] = step.run_description
        if not step.is_complete:
            entity["error"] = "The step has failed."
        self.others[name] = entity
        return name

    def _tool(self, run: ExportedRun) -> str:
        """Add what was run: the step by its name, and the versions of its code."""
        code = [self._content(one, is_code=True) for one in run.code]
        name = f"#tool-{_digest(json.dumps([run.step.step_name, *code]))}"
        entity: Entity = {
            "@id": name,
            "@type": "SoftwareApplication",
            "name": run.step.step_name,
        }
        if code:
            entity["hasPart"] = [{"@id": one} for one in code]
        self.others.setdefault(name, entity)
        return name

    def _values(self, start: str, values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        for number, (name, value) in enumerate(values.items()):
            identity = f"{start}-{number}"
            is_simple = isinstance(value, (str, int, float))
            self.others[identity] = {
                "@id": identity,
                "@type": "PropertyValue",
                "name": name,
                "value": value if is_simple else json.dumps(value, sort_keys=True),
            }
            yield {"@id": identity}

    def _content(self, one: HashCertificate, *, is_code: bool = False) -> str:
        """Add a content at a path, and return its address."""
        address = self.lineage.named(one).address
        end = "/" if one.kind == DIRECTORY else ""
        version = quote(one.hashval or MISSING, safe=":")
        name = f"{address}{end}?content={version}"
        entity: Entity = {
            "@id": name,
            "@type": "Dataset" if one.kind == DIRECTORY else "File",
            "name": address if one.ref.is_outside else str(one.ref),
        }
        if one.hashval is not None:
            entity["identifier"] = one.hashval
        if one.size and one.kind != DIRECTORY:
            entity["contentSize"] = str(one.size)
        found = self.data.setdefault(name, entity)
        if is_code and found["@type"] == "File":
            found["@type"] = ["File", "SoftwareSourceCode"]
        return name


def _digest(text: str) -> str:
    return blake3(text.encode("utf-8", "surrogateescape")).hexdigest()[:NAME_DIGITS]
