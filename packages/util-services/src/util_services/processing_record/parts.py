"""The parts that the record and the input of an assessment are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.processing_record.document import Listing, Part, Source, Statement
from util_services.processing_record.recorded import audit_source
from util_services.processing_record.steps import columns_of_runs, described_steps
from util_services.reports.shown import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from util_services.processing_record.grouping import Group
    from util_services.processing_record.known import Known
    from util_services.processing_record.steps import ColumnFacts, DescribedStep
    from util_services.releases.registered import Standing

NOBODY = "Nobody has stated"
ERASURE = "release.erasure"  # actions of the audit
APPROVAL = "approval"
RELEASE = "release"
REIDENTIFICATION = "reidentification"


class Told:
    """What is known of one activity, and the parts that tell it."""

    def __init__(self, known: Known, group: Group) -> None:
        self.known, self.group = known, group
        self.steps: list[DescribedStep] = described_steps(known, group.runs)
        self.columns: dict[str, ColumnFacts] = columns_of_runs(known, group.runs, self.steps)
        for standing in group.releases:
            for table in standing.release.tables.values():
                for name, role in table.columns.items():
                    if name in self.columns:
                        self.columns[name].roles.add(role)
                        self.columns[name].is_released = True
                        self.columns[name].add(release_source(standing))

    def purposes(self) -> Part:
        """Return the purpose and the legal basis."""
        statements: list[Statement] = []
        gaps: list[str] = []
        if self.group.purpose is None:
            gaps.append(f"{NOBODY} for which purpose these data are processed.")
        else:
            sources = self.stated_at("purpose")
            sources += tuple(map(release_source, self.group.releases))
            runs = [run for run in self.group.runs if run.purpose == self.group.purpose]
            sources += tuple(run.sources[0] for run in runs)
            statements.append(
                Statement(
                    f"Purpose: {self.group.purpose}", sources, {"purpose": self.group.purpose}
                )
            )
        if self.group.dataset is not None:
            sources = self.stated_at("dataset") if self._states("dataset") else ()
            sources += tuple(map(release_source, self.group.releases))
            sources = sources or tuple(run.sources[-1] for run in self.group.runs)
            text = f"The data: {self.group.dataset}."
            statements.append(Statement(text, sources, {"dataset": self.group.dataset}))
        self._text(
            "legal_basis",
            "Legal basis",
            "on which legal basis they are processed",
            statements,
            gaps,
        )
        return Part("purposes", "Purposes", "30(1)(b)", tuple(statements), tuple(gaps))

    def categories(self) -> Part:
        """Return the categories of data subjects and of personal data."""
        statements: list[Statement] = []
        gaps: list[str] = []
        self._list("data_subjects", "data subjects", "whose data these are", statements, gaps)
        stated = self.group.stated.personal_data if self.group.stated is not None else None
        by_column: dict[str, str] = {}
        for position, one in enumerate(stated or ()):
            kind = ", a special category (article 9(1))" if one.special else ""
            columns = f" ({', '.join(one.columns)})" if one.columns else ""
            facts = {"category": one.category, "special": one.special}
            facts["columns"] = list(one.columns)
            source = self.stated_at("personal_data", position)
            text = f"Personal data: {one.category}{kind}{columns}."
            statements.append(Statement(text, source, facts))
            by_column |= dict.fromkeys(one.columns, one.category)
        unknown = [name for name in by_column if self.columns and name not in self.columns]
        if unknown:
            gaps.append(
                f"No report tells of these columns, which a category names: {', '.join(unknown)}."
            )
        missing = [name for name in self.columns if name not in by_column]
        if missing:
            gaps.append(
                f"{NOBODY} to which category of personal data these columns belong: "
                f"{', '.join(missing)}."
            )
        elif not self.columns and stated is None:
            gaps.append(f"{NOBODY} which categories of personal data these are.")
        gaps += [read.gap for run in self.group.runs if (read := self.known.reports[run.id]).gap]
        rows = tuple(
            Statement(
                "",
                tuple(column.sources),
                {
                    "column": column.name,
                    "roles": column.ordered_roles,
                    "category": by_column.get(column.name),
                    "treatments": column.treatments,
                    "left": _left(column),
                },
            )
            for column in self.columns.values()
        )
        headings = {
            "column": "column",
            "roles": "classified as",
            "category": "category",
            "treatments": "what was done",
            "left": "in the result",
        }
        listings = (Listing("Columns", headings, rows),) if rows else ()
        title = "Categories of data subjects and of personal data"
        return Part("categories", title, "30(1)(c)", tuple(statements), tuple(gaps), listings)

    def recipients(self) -> Part:
        """Return whom the data were disclosed to, and what was released."""
        statements: list[Statement] = []
        gaps: list[str] = []
        stated = self.group.stated.recipients if self.group.stated is not None else None
        named: list[str] = []
        for position, one in enumerate(stated or ()):
            named += one.releases
            of = f", of the releases {', '.join(one.releases)}" if one.releases else ""
            facts = {"recipient": one.name, "releases": list(one.releases)}
            source = self.stated_at("recipients", position)
            statements.append(Statement(f"{one.name}{of}.", source, facts))
        if stated == ():
            statements.append(
                Statement("Nobody.", self.stated_at("recipients"), {"recipients": []})
            )
        if stated is None:
            gaps.append(f"{NOBODY} to whom the data are disclosed.")
        else:
            gaps += [
                f"{NOBODY} who received the release {one.release.id}."
                for one in self.group.releases
                if not any(name and one.release.id.startswith(name) for name in named)
            ]
        releases = tuple(map(self._release, self.group.releases))
        headings = {
            "release": "release",
            "released": "released",
            "holds_until": "holds until",
            "state": "state",
            "requester": "asked for by",
            "approval": "approval",
            "policy_signed_by": "policy signed by",
            "rows": "rows",
        }
        listings = (Listing("Releases", headings, releases),) if releases else ()
        title = "Categories of recipients"
        return Part("recipients", title, "30(1)(d)", tuple(statements), tuple(gaps), listings)

    def transfers(self) -> Part:
        """Return transfers to third countries and international organisations."""
        stated = self.group.stated.transfers if self.group.stated is not None else None
        title, article = "Transfers to third countries", "30(1)(e)"
        if stated is None:
            gap = f"{NOBODY} whether the data go to a third country or international organisation."
            return Part("transfers", title, article, gaps=(gap,))
        statements = [
            Statement(
                f"To {one.to}: {one.safeguards}",
                self.stated_at("transfers", position),
                {"to": one.to, "safeguards": one.safeguards},
            )
            for position, one in enumerate(stated)
        ]
        none = Statement("None.", self.stated_at("transfers"), {"transfers": []})
        return Part("transfers", title, article, tuple(statements) or (none,))

    def erasure(self) -> Part:
        """Return when data are erased, and what became of releases."""
        statements: list[Statement] = []
        gaps: list[str] = []
        self._text("retention", "Retention", "when the data are erased", statements, gaps)
        for standing in self.group.releases:
            release, withdrawal = standing.release, standing.withdrawal
            facts: dict[str, Any] = {"release": release.id, "holds_until": release.expires}
            text = f"The release {release.id} holds until {release.expires}."
            if withdrawal is not None:
                facts |= {"withdrawn": withdrawal.at, "reason": withdrawal.reason}
                text += f" It was withdrawn at {withdrawal.at}: {withdrawal.reason}"
            statements.append(Statement(text, (release_source(standing),), facts))
        digests = {digest for run in self.group.runs for digest in run.read | run.made}
        for record in self.known.records:
            is_done = record["action"] == ERASURE and record.get("outcome") == "success"
            if is_done and digests & {one.get("sha256") for one in record.get("inputs", ())}:
                text = (
                    f"An erasure was asked for by {record.get('requester')}; all that is known to "
                    "be derived from the data was named to those who keep it."
                )
                facts = dict(record.get("counts", {}))
                statements.append(Statement(text, (audit_source(dict(record)),), facts))
        title = "Time limits for erasure"
        return Part("erasure", title, "30(1)(f)", tuple(statements), tuple(gaps))

    def measures(self) -> Part:
        """Return what was done to protect the data, as it was measured."""
        statements = [*self._models(), *self._treatments(), *self._approvals()]
        gaps: list[str] = []
        if not statements:
            gaps.append("No report tells of a technical measure that was taken on these data.")
        if self._states("measures"):
            self._list("measures", "organisational measure", "", statements, gaps)
        title = "Technical and organisational measures"
        return Part("measures", title, "30(1)(g)", tuple(statements), tuple(gaps))

    def runs(self) -> Part:
        """Return what was done, run by run and step by step."""
        rows = []
        for run in self.group.runs:
            read = self.known.reports[run.id]
            steps = [step.operation for step in read.report.steps] if read.report else []
            facts = {
                "run": run.id,
                "job": run.job,
                "began": run.began,
                "user": run.user,
                "read": [str(one["path"]) for one in run.inputs],
                "rows_read": run.counts.get("in"),
                "steps": steps,
                "published": [str(one["path"]) for one in run.outputs],
                "rows_published": run.counts.get("out"),
                "slice_of_rows": read.report.input.limit_rows if read.report else None,
            }
            sources = (*run.sources, *([read.source] if read.source else []))
            rows.append(Statement("", sources, facts))
        headings = {
            "began": "began",
            "job": "job",
            "user": "by",
            "read": "read",
            "rows_read": "rows read",
            "steps": "operations",
            "published": "published",
            "rows_published": "rows published",
        }
        gaps = () if rows else ("No run that is on record belongs to this activity.",)
        listings = (Listing("Runs", headings, tuple(rows)),) if rows else ()
        return Part("processing", "What was done", "", gaps=gaps, listings=listings)

    def assessed(
        self, key: str, title: str, what: str, statements: list[Statement], gaps: list[str]
    ) -> None:
        """Add what people have stated for an assessment under a key, or that nobody has.

        Args:
            key: the key.
            title: what introduces the text.
            what: what nobody has stated; empty where that is no gap.
            statements: to which a statement is added.
            gaps: to which a gap is added.
        """
        stated = self.group.stated
        text = getattr(stated.assessment, key) if stated is not None else None
        if text is not None:
            source = self.stated_at("assessment", key)
            statements.append(Statement(f"{title}: {text}", source, {key: text}))
        elif what:
            gaps.append(f"{NOBODY} {what}.")

    def stated_at(self, *path: str | int) -> tuple[Source, ...]:
        """Return a place in what is stated of this activity as a source; none if nothing is."""
        if self.group.position is None:
            return ()
        return self.known.stated.source("activities", self.group.position, *path)

    def _models(self) -> Iterable[Statement]:
        for one in self.steps:
            for model in one.description.models:
                asked = [
                    f"{name} = {number(value)}"
                    for name, value in model.demanded.items()
                    if isinstance(value, int | float) and not isinstance(value, bool)
                ]
                of = f" of {model.attribute}" if model.attribute else ""
                found = "kept by its mechanism"
                if model.measured is not None:
                    found = f"measured {number(model.measured)}"
                    found += "" if model.holds else ", so that it is missed"
                operation = one.step.operation
                text = f"{model.model}{of}: demanded {', '.join(asked)}; {found} ({operation})."
                facts = {
                    "model": model.model,
                    "attribute": model.attribute,
                    "demanded": dict(model.demanded),
                    "measured": model.measured,
                    "holds": model.holds,
                    "operation": operation,
                    "run": one.run.id,
                }
                yield Statement(text, (one.report,), facts)

    def _treatments(self) -> Iterable[Statement]:
        """Yield what was done to columns, each with all columns that it was done to."""
        treated: dict[str, list[ColumnFacts]] = {}
        for column in self.columns.values():
            for treatment in column.treatments:
                treated.setdefault(treatment, []).append(column)
        for treatment, columns in sorted(treated.items()):
            names = [column.name for column in columns]
            sources = tuple(dict.fromkeys(one for column in columns for one in column.reports))
            facts = {"treatment": treatment, "columns": names}
            yield Statement(f"{treatment}: {', '.join(names)}.", sources, facts)

    def _approvals(self) -> Iterable[Statement]:
        ids = {run.id for run in self.group.runs}
        refused = [
            record
            for record in self.known.records
            if record["action"] == RELEASE
            and record.get("outcome") == "refused"
            and record.get("purpose") == self.group.purpose
        ]
        if refused:
            text = f"Releases for this purpose that the gate has refused: {len(refused)}."
            sources = tuple(audit_source(dict(record)) for record in refused)
            yield Statement(text, sources, {"refused": len(refused)})
        for record in self.known.records:
            if record.get("run_id") not in ids or record.get("outcome") is None:
                continue
            who = record.get("requester")
            if record["action"] == APPROVAL and record["outcome"] == "success":
                approver = record.get("facts", {}).get("approver")
                text = f"Approved by {approver}, as {who} had asked."
                facts = {"approver": approver, "requester": who, "approval": record["approval"]}
                yield Statement(text, (audit_source(dict(record)),), facts)
            if record["action"] == REIDENTIFICATION:
                text = f"Originals were brought back, as {who} had asked: {record['outcome']}."
                facts = {"requester": who, "outcome": record["outcome"]}
                yield Statement(text, (audit_source(dict(record)),), facts)

    def _release(self, standing: Standing) -> Statement:
        release = standing.release
        facts = {
            "release": release.id,
            "released": release.released,
            "holds_until": release.expires,
            "state": standing.state(f"{self.known.at}T23:59:59Z"),
            "requester": release.requester,
            "approval": release.approval,
            "policy_signed_by": release.policy["signed_by"],
            "rows": sum(table.rows for table in release.tables.values()),
        }
        return Statement("", (release_source(standing),), facts)

    def _states(self, key: str) -> bool:
        return self.group.stated is not None and getattr(self.group.stated, key) is not None

    def _text(
        self, key: str, title: str, what: str, statements: list[Statement], gaps: list[str]
    ) -> None:
        """Add what people have stated under a key, or that nobody has."""
        if self._states(key):
            text = getattr(self.group.stated, key)
            statements.append(Statement(f"{title}: {text}", self.stated_at(key), {key: text}))
        else:
            gaps.append(f"{NOBODY} {what}.")

    def _list(
        self, key: str, title: str, what: str, statements: list[Statement], gaps: list[str]
    ) -> None:
        if not self._states(key):
            gaps.append(f"{NOBODY} {what}.")
            return
        for position, text in enumerate(getattr(self.group.stated, key)):
            source = self.stated_at(key, position)
            words = f"{title[:1].upper()}{title[1:]}: {text}"
            statements.append(Statement(words, source, {key: text}))


def release_source(standing: Standing) -> Source:
    """Return a release on the register as a source."""
    release = standing.release
    return Source("release", release.id, (("statement_sha256", release.statement_sha256),))


def _left(column: ColumnFacts) -> str:
    if column.is_released:
        return "released"
    return "published" if column.is_published else "no"
