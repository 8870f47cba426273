"""The gate: each rule of a policy, tested on the bytes that would be published.

Nothing counts that somebody says of the data, in a report or elsewhere: what is tested is what is
written. The order of the rules is that of this module and then of the policy, and all are tested,
so that a refusal names each one that is missed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from util_services.approvals.trust import are_alike
from util_services.errors import CancelledError, DataServicesError, quoted, quoted_name
from util_services.flow.beside import CHANGES, STATE
from util_services.plugins.manager import PLUGIN_ERRORS
from util_services.releases.checks import EARLIER, Rule
from util_services.releases.tables import reference_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from util_services.releases.checks import Candidate, ReleaseCheck
    from util_services.releases.policy import ReleasePolicy, SignedPolicy

OWN = "policy"  # whose rules those are that need no package
PERSONAL_BESIDE = {CHANGES: "a change log", STATE: "a state"}
MOST_NAMED = 5  # rules in the sentence of a refusal; the report has them all


def judge(
    candidate: Candidate,
    signed: SignedPolicy,
    requester: str,
    known: Mapping[str, ReleaseCheck],
) -> tuple[Rule, ...]:
    """Return each rule with what was found."""
    found = [replace(rule, check=OWN) for rule in _own_rules(candidate, requester)]
    for name, table in candidate.others.items():
        found += [_named(name, replace(rule, check=OWN)) for rule in _rules_of_table(table)]
    if any(_absent(one) for one in (candidate, *candidate.others.values())):
        return tuple(found)  # which refuses the release, whatever packages would find
    found += [replace(rule, check=OWN) for rule in reference_rules(candidate)]
    found += _checked(candidate, signed.checks, known)
    for name, table in candidate.others.items():
        found += [_named(name, rule) for rule in _checked(table, signed.tables[name], known)]
    return tuple(found)


def _checked(
    candidate: Candidate, checks: Mapping[str, BaseModel], known: Mapping[str, ReleaseCheck]
) -> list[Rule]:
    found = []
    for name, config in checks.items():
        rules = tuple(_rules_of(known[name], candidate, config))
        found += [replace(rule, check=name) for rule in rules]
    return found


def _named(table: str, rule: Rule) -> Rule:
    return replace(rule, rule=f"of the table '{table}': {rule.rule}")


def _rules_of_table(table: Candidate) -> Iterator[Rule]:
    limit = table.given.staged.origin.limit_rows
    yield Rule("the whole table", "whole" if limit is None else "a slice", limit is None)
    yield _columns_rule(table.policy, table.given.schema.names)
    yield _rows_rule(table)


def refusal(missed: list[Rule]) -> str:
    """Return the sentence that says which rules are missed."""
    named = "; ".join(f"{one.check}: {one.rule} ({one.found})" for one in missed[:MOST_NAMED])
    rest = len(missed) - MOST_NAMED
    more = f"; and {rest} more, which the report names" if rest > 0 else ""
    count = "1 rule" if len(missed) == 1 else f"{len(missed)} rules"
    return f"The release is refused, for it misses {count} of its policy: {named}{more}."


def _own_rules(candidate: Candidate, requester: str) -> Iterator[Rule]:
    policy, dataset = candidate.policy, candidate.given.staged
    limit = dataset.origin.limit_rows
    yield Rule(
        "the whole dataset, and no slice of it",
        "whole" if limit is None else f"a slice of {limit} rows at most",
        limit is None,
    )
    yield from rules_known_before(policy, candidate.given.schema.names, requester)
    yield _rows_rule(candidate)
    yield from _earlier_rules(candidate)
    beside = [what for kind, what in PERSONAL_BESIDE.items() if kind in dataset.beside]
    if dataset.quarantined:
        beside.append(f"a quarantine of {dataset.quarantined} records")
    yield Rule(
        "nothing beside the data that holds cells of the source",
        ", ".join(beside) or "nothing",
        not beside,
    )


def rules_known_before(
    policy: ReleasePolicy, names: Sequence[str], requester: str
) -> Iterator[Rule]:
    """Yield the rules that no row is needed for: who asks, and which columns there are."""
    may_ask = any(are_alike(requester, name) for name in policy.released_by)
    asked = quoted_name(requester) if requester.strip() else "nobody"
    yield Rule("asked for by one of 'released_by'", f"asked for by {asked}", may_ask)
    yield _columns_rule(policy, names)


def _rows_rule(candidate: Candidate) -> Rule:
    rows, at_least = candidate.given.staged.rows, candidate.policy.minimum_rows
    return Rule(f"at least {at_least} rows", f"{rows} rows", rows >= at_least)


def _earlier_rules(candidate: Candidate) -> Iterator[Rule]:
    """Yield that a policy says what two releases may tell together, where there are two."""
    if not candidate.earlier or EARLIER in candidate.policy.checks:
        return
    names = quoted([one.id for one in candidate.earlier])
    yield Rule(
        f"'{EARLIER}' among the checks, for there are earlier releases of the same data",
        f"released before: {names}",
        holds=False,
    )


def _columns_rule(policy: ReleasePolicy, names: Sequence[str]) -> Rule:
    """Return the rule that a policy speaks of each column, and each column is there."""
    strange = [name for name in names if name not in policy.columns]
    absent = [name for name in policy.columns if name not in names]
    wrong = [f"{quoted(strange)} not in the policy"] if strange else []
    wrong += [f"{quoted(absent)} not in the data"] if absent else []
    return Rule("just the columns of the policy", ", ".join(wrong) or "they are", not wrong)


def _absent(candidate: Candidate) -> list[str]:
    names = candidate.given.schema.names
    return [name for name in candidate.policy.columns if name not in names]


def _rules_of(check: ReleaseCheck, candidate: Candidate, config: object) -> Iterator[Rule]:
    """Yield the rules of a check; one that cannot be tested is one that is missed."""
    try:
        yield from check.check(candidate, config)
    except CancelledError:
        raise
    except DataServicesError as error:
        yield Rule("can be tested", str(error).rstrip("."), False)
    except PLUGIN_ERRORS as error:  # whatever it is, its text stays here
        yield Rule("can be tested", f"stopped on an unexpected {type(error).__name__}", False)
