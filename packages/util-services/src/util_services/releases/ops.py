"""The op of the release gate, the last before ``write_dataset``: it lets a dataset out, or not."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.flow.operate import Dataset, FindingsError, Outcome, Verified
from util_services.operation import operation
from util_services.releases.config import ReleaseGateConfig

if TYPE_CHECKING:
    from util_services.datasets.layout import Layout
    from util_services.encryption.paths import AnyPath
    from util_services.flow.inputs import Inputs
    from util_services.releases.checks import Candidate, Rule
    from util_services.releases.earlier import EarlierRelease
    from util_services.releases.policy import ReleasePolicy, SignedPolicy
    from util_services.reports import Section

ACTION = "release"
APPROVAL_RULE = "approved by a second person"


def _ready(config: ReleaseGateConfig, inputs: "Inputs") -> None:
    """Refuse what can let nothing out, before a row is read."""
    from util_services.releases.signing import release_key
    from util_services.releases.tables import refuse_other_tables

    signed = _signed(config, inputs)
    refuse_other_tables(signed.policy, config.tables)
    if signed.policy.approval == "required" and config.approval is not None:
        inputs.content(config.approval)
    release_key()


def _tried(dataset: Dataset, config: ReleaseGateConfig) -> Outcome:
    """Tell what is known of a release before all rows are: a slice of them is never let out."""
    from util_services.errors import quoted
    from util_services.releases.gate import rules_known_before

    if dataset.inputs is None:
        raise AssertionError("an operation in a run has inputs")
    signed = _signed(config, dataset.inputs)
    policy = signed.policy
    rules = rules_known_before(policy, dataset.schema.names, config.requester)
    warnings = [f"refused: {rule.rule} ({rule.found})" for rule in rules if not rule.holds]
    if policy.approval == "required" and config.approval is None:
        warnings.append("refused until a second person approves it")
    if policy.checks:
        warnings.append(f"tested on all rows only: {quoted(list(policy.checks))}")
    facts = {"purpose": policy.purpose, "policy_signed_by": signed.signer}
    return Outcome(None, facts=facts, warnings=tuple(warnings))


@operation(
    ready=_ready,
    tried=_tried,
    business_operation="RELEASE",
    default={"policy": "release/policy.yaml", "requester": "nobody"},
    publishes=True,
)
def release_gate(
    dataset: Dataset, config: ReleaseGateConfig, context: dg.OpExecutionContext
) -> Outcome:
    """Let a dataset out if it meets a signed policy in every rule; publish nothing otherwise.

    The rules are tested on the bytes that would be published. A refusal names each rule that is
    missed, and leaves a report. What is let out is published with a signed statement on the digest
    of data, reports and policy, which 'data-services release verify' checks on any machine.
    """
    from util_services.flow.beside import RELEASE, table_kind
    from util_services.releases.checks import Candidate, release_checks
    from util_services.releases.earlier import earlier_releases, unlike
    from util_services.releases.gate import judge, refusal
    from util_services.releases.places import is_there
    from util_services.releases.register import Register
    from util_services.releases.sealing import write_decision
    from util_services.releases.tables import bring_tables
    from util_services.reports.record import digest_of_objects
    from util_services.runs.dead_runs import is_over

    if dataset.inputs is None:
        raise AssertionError("an operation in a run has inputs")
    inputs = dataset.inputs
    signed = _signed(config, inputs)
    tables = bring_tables(dataset, inputs, signed.policy, config.tables)
    objects = dataset.staged.objects
    source = digest_of_objects(objects)
    for _, one in sorted(tables.items()):
        objects += one.given.staged.objects
    digest = digest_of_objects(objects)  # of all that an approval is about

    facts: dict[str, Any] = {}
    limits = _limits(signed.policy)

    def let_out(files: "Sequence[AnyPath]", layout: "Layout") -> Verified:
        known = Register().settle(
            partial(is_there, inputs.storage), partial(is_over, context.instance)
        )
        earlier = earlier_releases(known, inputs, signed.policy.dataset, source, config.earlier)
        candidate = Candidate(files, layout, dataset, signed.policy, others=tables)
        candidate = replace(candidate, earlier=unlike(candidate, earlier))
        rules = judge(candidate, signed, config.requester, release_checks())
        is_met = all(rule.holds for rule in rules)
        rule, approval = _approved(dataset, config, context, signed, digest, is_met=is_met)
        rules = (*rules, rule) if rule is not None else rules
        facts.update(_decision(config, signed, approval, rules, earlier, tables))
        facts["approval_digest"] = digest
        section = _section(rules, signed, facts)
        missed = [one for one in rules if not one.holds]
        _record(context, config, signed, approval, missed)
        if missed:
            raise FindingsError(refusal(missed), facts=facts, sections=(section,), limits=limits)
        return Verified(facts, (section,))

    def decision(file: "AnyPath") -> None:
        write_decision({**facts, "policy": signed.envelope.to_json().decode()}, file)

    beside: dict[str, Callable[[Any], None]] = {RELEASE: decision}
    beside |= {table_kind(name): partial(_move, one.files[0]) for name, one in tables.items()}
    return Outcome(None, limits=limits, verify=let_out, beside=beside)


def _move(source: "AnyPath", target: "AnyPath") -> None:
    """Bring the very file that was judged to where it is published from."""
    with source.open("rb") as judged, target.open("wb") as published:
        shutil.copyfileobj(judged, published)
    source.unlink()


def _decision(
    config: ReleaseGateConfig,
    signed: "SignedPolicy",
    approval: str | None,
    rules: "Sequence[Rule]",
    earlier: "Sequence[EarlierRelease]",
    tables: "Mapping[str, Candidate]",
) -> dict[str, Any]:
    return {
        "dataset": signed.policy.dataset,
        "earlier": [one.id for one in earlier],
        "demanded": {name: dict(values) for name, values in signed.policy.checks.items()},
        "tables": {
            name: {"rows": one.given.staged.rows, "columns": dict(one.policy.columns)}
            for name, one in tables.items()
        },
        "purpose": signed.policy.purpose,
        "requester": config.requester,
        "approval": approval,
        "valid_days": signed.policy.valid_days,
        "policy_sha256": signed.envelope.payload_sha256,
        "policy_signed_by": signed.signer,
        "columns": dict(signed.policy.columns),
        "rules": [one.to_dict() for one in rules],
    }


def _signed(config: ReleaseGateConfig, inputs: "Inputs") -> "SignedPolicy":
    from util_services.approvals.trust import Trust
    from util_services.releases.checks import release_checks
    from util_services.releases.policy import SIGNATURE_ENDING, SignedPolicy, unsigned

    policy = inputs.content(config.policy)
    if not inputs.has(config.policy + SIGNATURE_ENDING):
        raise unsigned(config.policy)
    return SignedPolicy.read(
        config.policy,
        policy,
        inputs.content(config.policy + SIGNATURE_ENDING),
        Trust.from_environment(),
        release_checks(),
    )


def _approved(
    dataset: Dataset,
    config: ReleaseGateConfig,
    context: dg.OpExecutionContext,
    signed: "SignedPolicy",
    digest: str,
    *,
    is_met: bool,
) -> "tuple[Rule | None, str | None]":
    """Return the rule that a second person has approved the release, and the approval's id.

    An approval for a single use is used up only where every other rule holds.
    """
    from util_services.approvals import ApprovalRefusedError, ApprovalRequest, check
    from util_services.releases.checks import Rule
    from util_services.releases.gate import OWN
    from util_services.runs.approving import require_in_run

    if signed.policy.approval == "none":
        return None, None
    if config.approval is None:
        return Rule(APPROVAL_RULE, "there is no approval", holds=False, check=OWN), None
    request = ApprovalRequest(
        job=context.job_name,
        dataset=digest,
        purpose=signed.policy.purpose,
        requester=config.requester,
    )
    token = dataset.content(config.approval).decode("ascii", errors="replace").strip()
    try:
        approval = require_in_run(context, token, request) if is_met else check(token, request)
    except ApprovalRefusedError as error:
        return Rule(APPROVAL_RULE, str(error).rstrip("."), holds=False, check=OWN), None
    claims = approval.claims
    return Rule(APPROVAL_RULE, f"approved by '{claims.approver}'", True, OWN), claims.id


def _record(
    context: dg.OpExecutionContext,
    config: ReleaseGateConfig,
    signed: "SignedPolicy",
    approval: str | None,
    missed: "Sequence[Rule]",
) -> None:
    """Record in the audit what was decided, and by which policy."""
    from util_services.audit import WorkRecord
    from util_services.runs.auditing import record_in_run

    work = WorkRecord(
        ACTION,
        requester=config.requester,
        purpose=signed.policy.purpose,
        approval=approval,
        facts={
            "policy_sha256": signed.envelope.payload_sha256,
            "policy_signed_by": signed.signer,
            "missed": "; ".join(f"{one.check}: {one.rule}" for one in missed),
        },
    )
    record_in_run(context, work.after("refused" if missed else "success"))


def _section(
    rules: "Sequence[Rule]", signed: "SignedPolicy", told: "Mapping[str, Any]"
) -> "Section":
    """Return what a person reads of a decision: the verdict, what is missed first, and whose."""
    from util_services.reports import Section, Table

    missed = sum(not rule.holds for rule in rules)
    which = f"of the policy that '{signed.signer}' signed"
    is_or_are = "is" if missed == 1 else "are"
    verdict = f"{missed} of {len(rules)} rules {which} {is_or_are} missed; nothing was let out."
    rows = tuple(
        ("holds" if rule.holds else "missed", rule.check, rule.rule, rule.found)
        for rule in sorted(rules, key=lambda rule: rule.holds)
    )
    columns = tuple(signed.policy.columns.items()) + tuple(
        (f"{name}.{column}", role)
        for name, table in signed.policy.tables.items()
        for column, role in table.columns.items()
    )
    return Section(
        "Release",
        text=(verdict if missed else f"Every rule {which} holds.",),
        facts={
            "data": told["dataset"],
            "purpose": told["purpose"],
            "asked_for_by": told["requester"],
            "approval": told["approval"] or f"none; the policy says: {signed.policy.approval}",
            "digest_to_approve": told["approval_digest"],
            "holds_for": f"{told['valid_days']} days",
            "earlier_releases_of_the_same_data": told["earlier"],
            "policy_digest": told["policy_sha256"],
        },
        tables=(
            Table("Rules", ("verdict", "check", "rule", "found"), rows),
            Table("Columns", ("column", "role"), columns),
        ),
        shows=tuple(told),
    )


def _limits(policy: "ReleasePolicy") -> tuple[str, ...]:
    """Return what a release does not promise, though every rule holds."""
    roles = [*policy.columns.values()]
    roles += [role for table in policy.tables.values() for role in table.columns.values()]
    pseudonyms = (
        "It holds pseudonyms and so personal data still: who has the keys can tell whose they are.",
    )
    return (
        "The models hold for the columns that the policy calls quasi-identifiers; whether these "
        "are the right ones is the judgement of who signed it.",
        *(pseudonyms if "pseudonym" in roles else ()),
        "What others released of the same people is not known here.",
    )
