"""The record of processing activities of article 30(1)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from util_services.processing_record.document import Chapter, Document, Part, Statement
from util_services.processing_record.grouping import groups
from util_services.processing_record.parts import NOBODY, Told
from util_services.processing_record.recorded import audit_source

if TYPE_CHECKING:
    from util_services.processing_record.activities import Party
    from util_services.processing_record.known import Known

KIND = "processing-record"
KEY_ACTIONS = {"keys.create": "made", "keys.rotate": "rotated", "keys.destroy": "destroyed"}


def processing_record(known: Known) -> Document:
    """Return the record of processing activities, as far as it is known."""
    return Document(
        kind=KIND,
        title="Record of processing activities (article 30 GDPR)",
        at=known.at,
        since=known.since,
        remarks=remarks(known),
        general=Chapter("All activities", (controller(known), general_measures(known))),
        activities=tuple(
            Chapter(
                told.group.title,
                (
                    told.purposes(),
                    told.categories(),
                    told.recipients(),
                    told.transfers(),
                    told.erasure(),
                    told.measures(),
                    told.runs(),
                ),
            )
            for told in (Told(known, group) for group in groups(known))
        ),
    )


def remarks(known: Known) -> tuple[str, ...]:
    """Return what a reader should know of a document as a whole."""
    told = [
        "What runs did is told as it was recorded. It is no verdict on whether the processing is "
        "lawful, and pseudonymised data are personal data still.",
    ]
    told += [
        f"The audit is broken at {finding} What it recorded from there on may be missing here."
        for finding in known.findings
    ]
    if not known.records:
        told.append("There is no audit of this deployment up to that day; nothing of runs is told.")
    unsealed = [one for one in known.reports.values() if one.report is not None and not one.seal]
    if unsealed:
        told.append(
            f"Reports whose digest is neither in the audit nor signed with a release: "
            f"{len(unsealed)} of {len(known.reports)}. Each tells of the output that the audit "
            "knows by its digest, and counts as it was found."
        )
    return tuple(told)


def controller(known: Known) -> Part:
    """Return who answers for the processing."""
    stated, statements, gaps = known.stated.activities, [], []

    def party(one: Party | None, what: str, missing: str, *path: str | int) -> None:
        if one is None:
            if missing:
                gaps.append(f"{NOBODY} {missing}.")
            return
        facts = {"role": what.lower().replace(" ", "_"), "name": one.name, "contact": one.contact}
        text = f"{what}: {one.name}, {one.contact}"
        statements.append(Statement(text, known.stated.source(*path), facts))

    party(stated.controller, "Controller", "who the controller is", "controller")
    for position, one in enumerate(stated.joint_controllers):
        party(one, "Joint controller", "", "joint_controllers", position)
    party(stated.representative, "Representative", "", "representative")
    party(
        stated.data_protection_officer,
        "Data protection officer",
        "who the data protection officer is",
        "data_protection_officer",
    )
    return Part("controller", "Controller", "30(1)(a)", tuple(statements), tuple(gaps))


def general_measures(known: Known) -> Part:
    """Return measures that concern all activities: organisation, settings, audit and keys."""
    stated, statements, gaps = known.stated.activities.measures, [], []
    if stated is None:
        gaps.append(f"{NOBODY} which organisational measures are taken (article 32(1)).")
    for position, text in enumerate(stated or ()):
        source = known.stated.source("measures", position)
        statements.append(Statement(f"Organisational: {text}", source, {"measure": text}))
    statements += known.settings
    statements += _audit(known)
    statements += _keys(known)
    title = "Technical and organisational measures"
    return Part("measures", title, "30(1)(g)", tuple(statements), tuple(gaps))


def _audit(known: Known) -> list[Statement]:
    if not known.records:
        return []
    outcomes = Counter(run.outcome for run in known.runs)
    counts = ", ".join(f"{outcome} {number}" for outcome, number in sorted(outcomes.items()))
    sources = (audit_source(dict(known.records[0])), audit_source(dict(known.records[-1])))
    facts: dict[str, Any] = {"records": len(known.records), "runs": dict(sorted(outcomes.items()))}
    text = (
        "Every run is recorded in an audit of keyed hash chains before it reads a row and when it "
        f"ends; records: {len(known.records)}; runs: {counts or 'none'}."
    )
    return [Statement(text, tuple(dict.fromkeys(sources)), facts)]


def _keys(known: Known) -> list[Statement]:
    """Return what was done to keysets; names and times, and no key."""
    done: dict[str, list[Any]] = {}
    for record in known.records:
        if record["action"] in KEY_ACTIONS and record.get("outcome") == "success":
            done.setdefault(str(record.get("facts", {}).get("keyset")), []).append(record)
    statements = []
    for name, records in sorted(done.items()):
        events = [(KEY_ACTIONS[record["action"]], record["time"]) for record in records]
        text = ", ".join(f"{what} at {when}" for what, when in events)
        facts = {"keyset": name, "events": [list(event) for event in events]}
        sources = tuple(map(audit_source, records))
        statements.append(Statement(f"The keyset '{name}' was {text}.", sources, facts))
    return statements
