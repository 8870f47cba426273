"""What a release policy may want of pseudonyms and of other cells, tested on what is written."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from util_services.errors import ConfigurationError
from util_services.releases.checks import ReleaseCheck, Rule, require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from field_pseudonymisation.detectors.scanner import Scanner
    from util_services.releases.checks import Candidate
    from util_services.releases.policy import ReleasePolicy

FLOAT = re.compile(r"(?<=\d)\.0+$")  # what CSV adds to a number of digits in a float column
DIRECT = (  # entities that tell a person by themselves, or let somebody in
    *("email", "phone", "iban", "payment_card", "national_id", "driving_licence"),
    *("licence_plate", "ip_address", "credential"),
)


class Pseudonyms(BaseModel):
    """What the pseudonyms of a release are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    without_form: tuple[str, ...] = Field(
        default=(),
        description=(
            "Columns whose pseudonyms have no form to tell them by, such as those of "
            "format_preserving_encrypt, and for which the signer of the policy vouches."
        ),
    )


class PersonalData(BaseModel):
    """What is looked for in the cells of a release, and must not be there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entities: tuple[str, ...] = Field(
        default=DIRECT, min_length=1, description="What is looked for, as detectors name it."
    )
    exempt: tuple[str, ...] = Field(
        default=(), description="Columns for which the signer of the policy vouches."
    )


class Objections(BaseModel):
    """Who has objected, and must not be in a release."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list: str = Field(min_length=1, description="The list of those who objected: a dataset.")
    column: str = Field(description="The column of the release that says whose rows these are.")
    list_column: str | None = Field(
        default=None, description="The same column of the list, if it has another name there."
    )


def objections_ready(config: Objections, policy: ReleasePolicy) -> None:
    """Refuse a list for a column that is not released."""
    require_columns("column", [config.column], list(policy.columns))


def objections(candidate: Candidate, config: Objections) -> Iterator[Rule]:
    """Yield whether somebody is in the release who is on the list; nobody of it is named."""
    from util_services.datasets.layout import Layout
    from util_services.flow.plan import ReadOptions
    from util_services.flow.written import frames_of

    if candidate.given.inputs is None:
        raise AssertionError("an operation in a run has inputs")
    column = config.list_column or config.column
    files = candidate.given.inputs.files(ReadOptions(config.list))
    listed: set[str] = set()
    others = 0
    for frame in frames_of(files, Layout("parquet"), [column]):
        entries = _as_texts(frame[column])
        others += _without_form(entries)
        listed |= set(entries)
    if config.column in candidate.columns_of("pseudonym"):
        found = "all are" if not others else f"{others} entries are not"
        yield Rule("tokens alone on the list of objections", found, not others)
    rows = 0
    for frame in candidate.frames([config.column]):
        rows += int(_as_texts(frame[config.column]).isin(listed).sum())
    found = f"{rows} rows of {len(listed)} who objected"
    yield Rule(f"nobody in '{config.column}' who objected", found, not rows)


def _as_texts(cells: pd.Series) -> pd.Series:
    """Return the cells that are present as texts, without the blanks around them.

    Raises:
        ConfigurationError: if it is not clear how they are written, as that of 7.0 and 7 is not.
    """
    present = cells.dropna()
    if not set(map(type, present.unique())) <= {str, int}:
        raise ConfigurationError(
            "entries of a list are found as texts and whole numbers alone, and there are others; "
            "have them written as texts"
        )
    return present.astype(str).str.strip()


def pseudonyms_ready(config: Pseudonyms, policy: ReleasePolicy) -> None:
    """Refuse to vouch for what is no column of pseudonyms."""
    require_columns("without_form", config.without_form, policy.columns_of("pseudonym"))


def pseudonyms(candidate: Candidate, config: Pseudonyms) -> Iterator[Rule]:
    """Yield whether each cell of a column of pseudonyms is a token of this package."""
    columns = [n for n in candidate.columns_of("pseudonym") if n not in config.without_form]
    others: Counter[str] = Counter(dict.fromkeys(columns, 0))
    for frame in candidate.frames(columns) if columns else ():
        for name in columns:
            others[name] += _without_form(frame[name])
    for name, count in others.items():
        found = "all are" if not count else f"{count} cells are not"
        yield Rule(f"tokens alone in '{name}'", found, not count)
    for name in config.without_form:
        yield _vouched(name)


def personal_data_ready(config: PersonalData, policy: ReleasePolicy) -> None:
    """Refuse entities that nothing looks for, and to vouch for what is not released."""
    from field_pseudonymisation.text.registry import chosen_detectors

    chosen_detectors(config.entities)
    require_columns("exempt", config.exempt, list(policy.columns))


def personal_data(candidate: Candidate, config: PersonalData) -> Iterator[Rule]:
    """Yield whether detectors find personal data in the columns that hold no pseudonyms."""
    from field_pseudonymisation.detectors.scanner import Scanner
    from field_pseudonymisation.text.registry import chosen_detectors

    hidden = {*candidate.columns_of("pseudonym"), *config.exempt}
    columns = [name for name in candidate.policy.columns if name not in hidden]
    scanner = Scanner(chosen_detectors(config.entities))
    found: dict[str, Counter[str]] = {name: Counter() for name in columns}
    for frame in candidate.frames(columns) if columns else ():
        for name in columns:
            found[name] += _entities_in(frame[name], name, scanner)
    for name, counts in found.items():
        told = ", ".join(f"{count} of {entity}" for entity, count in sorted(counts.items()))
        yield Rule(f"no personal data in '{name}'", told or "none found", not counts)
    for name in config.exempt:
        yield _vouched(name)


def _vouched(column: str) -> Rule:
    return Rule(f"not tested: '{column}'", "the signer of the policy vouches for it", holds=True)


def _without_form(cells: pd.Series) -> int:
    """Return how many cells hold something else than a token."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from field_pseudonymisation.techniques.tokens import ANY_PSEUDONYM

    values = pa.Array.from_pandas(cells)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return int(len(values) - values.null_count)
    wrong = pc.invert(pc.match_substring_regex(values, ANY_PSEUDONYM))
    return int(pc.sum(wrong).as_py() or 0)


def _entities_in(cells: pd.Series, column: str, scanner: Scanner) -> Counter[str]:
    """Return how many cells hold which entities; each distinct cell is searched once."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(cells.dtype):
        return Counter()
    present = cells.dropna()
    if pd.api.types.is_float_dtype(cells.dtype):  # a number of digits may be stored as one, too
        whole = present.astype(float)
        present = whole[whole.abs().lt(2**63) & (whole % 1 == 0)].astype("int64")
    counts: Mapping[object, int] = present.astype(str).value_counts().to_dict()
    texts = [FLOAT.sub("", str(text)) for text in counts]
    found: Counter[str] = Counter()
    for count, spans in zip(counts.values(), scanner.scan(texts, column), strict=True):
        for entity in {span.entity for span in spans}:
            found[entity] += count
    return found


CHECKS = (
    ReleaseCheck("objections", Objections, objections, ready=objections_ready),
    ReleaseCheck(
        "pseudonyms",
        Pseudonyms,
        pseudonyms,
        guards=frozenset({"pseudonym"}),
        ready=pseudonyms_ready,
    ),
    ReleaseCheck(
        "personal_data",
        PersonalData,
        personal_data,
        guards=frozenset({"insensitive", "sensitive"}),
        ready=personal_data_ready,
    ),
)
