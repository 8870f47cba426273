"""What a release policy may want of all tables of a release together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from util_services.errors import ConfigurationError
from util_services.releases.checks import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataframe_anonymisation.verify.joined import JoinedClasses
    from dataframe_anonymisation.verify.together import Table, Texts
    from util_services.releases.checks import Candidate
    from util_services.releases.policy import ReleasePolicy


class JoinedView(BaseModel):
    """The models that the tables of a release must satisfy where they are joined."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(ge=1, description="How many persons each class has at least.")
    l: int | None = Field(  # noqa: E741 - the name of the model
        default=None,
        ge=1,
        description="How many values of each sensitive column it shows at least.",
    )
    knows: Literal["one_row", "all_rows"] = Field(
        default="one_row",
        description=(
            "What somebody may know of a person: one row of a further table, or all rows of all "
            "tables."
        ),
    )


def joined_view_ready(config: JoinedView, policy: ReleasePolicy) -> None:
    """Refuse to judge tables together where there is one, whose persons nothing tells apart."""
    if policy.tables:
        return
    if config.knows == "one_row" or config.l is not None:
        raise ConfigurationError(
            "there are no further 'tables' to join; take it out, or ask with 'knows: all_rows' and "
            "'k' for persons who are alike in all their rows"
        )
    if len(policy.columns_of("pseudonym")) != 1:
        raise ConfigurationError(
            "rows of a person are told by one column of pseudonyms; there is none, or several"
        )


def joined_view(candidate: Candidate, config: JoinedView) -> Iterator[Rule]:
    """Yield what holds of the classes of persons that joined tables make."""
    from dataframe_anonymisation.verify.joined import JoinedTable, joined_classes, whole_persons
    from dataframe_anonymisation.verify.together import Texts

    texts = Texts()
    references = {name: table.references for name, table in candidate.policy.tables.items()}
    keys = {name for of_table in references.values() for name in of_table.values()}
    keys = keys or set(candidate.columns_of("pseudonym"))
    main = _table(candidate, texts, keys, {})
    further = {}
    for name, table in candidate.others.items():
        own = references[name]
        further[name] = JoinedTable(_table(table, texts, set(own), own), own)
    values = f" and {config.l} values of each sensitive column" if config.l else ""
    for name, one in further.items():
        found = joined_classes(main, one, config.k, config.l)
        rule = f"classes of {config.k} persons{values} at least, where '{name}' is joined"
        yield Rule(rule, _told(found), found.holds)
    if config.knows == "all_rows":
        found = whole_persons(main, list(further.values()), config.k)
        rule = f"{config.k} persons at least who are alike in all rows of all tables"
        yield Rule(rule, _told(found), found.holds)


def _told(found: JoinedClasses) -> str:
    told = f"{found.small} of {found.classes} classes are smaller"
    if found.smallest is not None:
        told += f"; the smallest has {found.smallest}"
    return f"{told}; {found.uniform} show fewer values" if found.uniform else told


def _table(candidate: Candidate, texts: Texts, keys: set[str], shared: Mapping[str, str]) -> Table:
    """Return a table whose references have the numbers of the columns that they refer to."""
    from dataframe_anonymisation.verify.together import Table

    quasi_identifiers = [n for n in candidate.columns_of("quasi_identifier") if n not in keys]
    sensitive = [n for n in candidate.columns_of("sensitive") if n not in keys]
    columns = [*quasi_identifiers, *sensitive, *sorted(keys)]
    frames = candidate.frames(columns)
    return Table.of(frames, texts, quasi_identifiers, sensitive, sorted(keys), shared)
