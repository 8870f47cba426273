"""What a release policy may want of two releases of the same data together (AN-49)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from util_services.releases.checks import Rule
from util_services.releases.errors import UnreachableReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from dataframe_anonymisation.verify.together import Finding, Table, Texts
    from util_services.releases.checks import Candidate
    from util_services.releases.earlier import EarlierRelease

MAIN = ""


class EarlierReleases(BaseModel):
    """What a release and each earlier one of the same data must keep together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    criterion: Literal["joined_classes", "none"] = Field(
        default="joined_classes",
        description=(
            "Whether joined classes are tested; with 'none' the signer of the policy vouches that "
            "readers of the one release never get the other."
        ),
    )
    k: int = Field(default=2, ge=2, description="How many persons each joined class has at least.")
    l: int | None = Field(  # noqa: E741 - the name of the model
        default=None,
        ge=1,
        description="How many values of each sensitive column it shows at least.",
    )
    unreachable: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="Whether an earlier release whose bytes are nowhere to be read is passed over.",
    )


def earlier_releases(candidate: Candidate, config: EarlierReleases) -> Iterator[Rule]:
    """Yield what the release tells with each earlier one and with all of them, table by table."""
    if not candidate.earlier:
        yield Rule("nothing undone by an earlier release", "there is none", holds=True)
    if config.criterion == "none":
        for earlier in candidate.earlier:
            told = "the signer of the policy vouches for it"
            yield Rule(f"not tested: what '{earlier.id}' tells together with this", told, True)
        return
    for name, table in {MAIN: candidate, **candidate.others}.items():
        others = [one for one in candidate.earlier if name in one.release.tables]
        if others:
            yield from _compared(table, others, name, config)


def _compared(
    candidate: Candidate, earlier: Sequence[EarlierRelease], name: str, config: EarlierReleases
) -> Iterator[Rule]:
    """Yield what a table tells with that of each earlier release, and with those of all."""
    from dataframe_anonymisation.verify.all_together import compare_all
    from dataframe_anonymisation.verify.together import Texts, compare

    of_table = f", table '{name}'" if name else ""
    texts = Texts()
    now, reached = _now(candidate, texts), []
    for one in earlier:
        what = f"together with the release '{one.id}'{of_table}"
        try:
            before = _before(one, name, texts)
        except UnreachableReleaseError as error:
            accepted = config.unreachable == "accept"
            told = str(error).rstrip(".")
            yield Rule(f"{what}: its bytes can be read", told, holds=accepted)
            continue
        reached.append(before)
        found = compare(now, before, texts, config.k, config.l)
        if not found:
            told = "no pseudonyms tie them together, and their quasi-identifiers differ"
            yield Rule(f"{what}: classes can be compared", told, holds=False)
        for finding in found:
            yield _rule(what, finding, config)
    if len(reached) > 1:
        what = f"together with all {len(reached)} earlier releases{of_table}"
        for finding in compare_all(now, reached, texts, config.k, config.l):
            yield _rule(what, finding, config)


def _rule(what: str, found: Finding, config: EarlierReleases) -> Rule:
    least = f"{config.k} {'persons' if found.tied_by else 'rows'}"
    if found.tied_by is None:
        rule = f"{what}: classes apart or nested, and differing in none or {least} at least"
        told = f"{found.overlapping} pairs overlap, {found.small} of {found.groups} differences"
    else:
        values = f" and {config.l} values of each sensitive column" if config.l else ""
        rule = f"{what}: joined classes of {least}{values} at least, tied by '{found.tied_by}'"
        told = f"{found.small} of {found.groups} joined classes"
    smallest = "" if found.smallest is None else f"; the smallest has {found.smallest}"
    told += f" are smaller{smallest}"
    if found.uniform:
        told += f"; {found.uniform} show fewer values"
    return Rule(rule, told, found.holds)


def _now(candidate: Candidate, texts: Texts) -> Table:
    roles = candidate.policy.columns
    return _table(candidate.frames(_compared_columns(roles)), roles, texts)


def _before(earlier: EarlierRelease, name: str, texts: Texts) -> Table:
    roles = earlier.release.tables[name].columns
    return _table(earlier.frames(_compared_columns(roles), name), roles, texts)


def _compared_columns(roles: Mapping[str, str]) -> list[str]:
    return [name for name, role in roles.items() if role != "insensitive"]


def _table(frames: Iterator[pd.DataFrame], roles: Mapping[str, str], texts: Texts) -> Table:
    from dataframe_anonymisation.verify.together import Table

    def of(role: str) -> list[str]:
        return [name for name, own in roles.items() if own == role]

    return Table.of(frames, texts, of("quasi_identifier"), of("sensitive"), of("pseudonym"))
