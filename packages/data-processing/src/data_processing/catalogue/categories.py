"""Steps on categories, and on columns that decide others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import model_validator

from data_processing.catalogue.duplicates import (
    Differences,  # noqa: TC001 - options are read from annotations at run time
)
from data_processing.catalogue.texts import Texts  # noqa: TC001
from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import ColumnName, Columns, DatasetPath, Rule, described
from data_processing.steps.step import step
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from util_services.engines.stages import Step

Unmatched = Literal["keep", "null", "error", "other"]


@step(plan=True)
def map_values(
    schema: pa.Schema,  # noqa: ARG001
    *,
    columns: Texts,
    mapping: Annotated[
        dict[str, str | None],
        described(
            "What stands for each text; null makes it missing. It is part of the run's "
            "configuration, which everybody may read."
        ),
    ] = {},  # noqa: B006 - a default of a model, which copies it
    table: Annotated[
        DatasetPath | None,
        described("A dataset of two columns in its place: each text, and what stands for it."),
    ] = None,
    ignore: Annotated[Differences, described("Differences between texts that do not count.")] = [],  # noqa: B006
    unmatched: Annotated[
        Unmatched,
        described(
            "What becomes of a text that is not named: it stays, becomes missing, stops the run, "
            "or becomes 'other'."
        ),
    ] = "keep",
    other: Annotated[
        str, described("What stands for texts that are not named if 'unmatched' is other.")
    ] = "other",
) -> Sequence[Step]:
    """Replace texts by those that a mapping names for them.

    The whole text of a cell is looked up. Missing values stay missing. The report counts the cells
    whose text is not named.
    """
    from data_processing.cleaning import mapping as craft
    from util_services.engines.stage_batches import NOTHING_ELSE, Map
    from util_services.engines.stage_fits import Fit, Fitted, Query

    if bool(mapping) == (table is not None):
        raise ConfigurationError("name either a 'mapping' or a 'table'.")

    def recode(found: craft.LookUp) -> Map:
        recoding = craft.Recoding(found, unmatched, other)
        work = craft.Recoded(tuple(columns), recoding)
        return Map("map_values", work, frozenset(columns), reads=NOTHING_ELSE)

    if table is None:
        return [recode(craft.inline(mapping, ignore))]

    def then(rows: Any) -> Fitted:
        recoded = recode(craft.from_table(rows, ignore))
        return Fitted((recoded,), facts={"rows_of_table": len(rows)})

    query = Query(craft.pairs_of, dataset=table)
    return [Fit("map_values", frozenset(), query, then, frozenset(columns))]


class HarmoniseRule(Rule):
    """How the categories of one column are harmonised."""

    method: Annotated[
        Literal["fingerprint", "ngram", "edit_distance", "mapping"],
        described(
            "How texts that mean the same are found: by the same words in any order, case and "
            "punctuation (fingerprint); by the same runs of characters (ngram); a rare text by its "
            "distance to a frequent one (edit_distance); or as named (mapping)."
        ),
    ] = "fingerprint"
    ngram_size: Annotated[int, described("Characters in a run, for ngram.", ge=1, le=20)] = 2
    max_distance: Annotated[
        int | None,
        described(
            "Characters that a misspelling may have inserted, left out, exchanged or swapped, for "
            "edit_distance; one for each 5 characters if it is not set, and at least one.",
            ge=1,
            le=100,
        ),
    ] = None
    times_rarer: Annotated[
        float,
        described(
            "How many times as often the right text must stand there as its misspelling, for "
            "edit_distance.",
            gt=1,
        ),
    ] = 10.0
    min_length: Annotated[
        int,
        described(
            "Shorter texts are nobody's misspelling, for edit_distance: in few characters one "
            "makes another word.",
            ge=1,
        ),
    ] = 4
    keep_numbers: Annotated[
        bool,
        described(
            "Keep texts apart that differ in a digit which is added, left out or another one, for "
            "edit_distance."
        ),
    ] = True
    mapping: Annotated[dict[str, str], described("What texts mean, for mapping.")] = {}  # noqa: RUF012 - a default of a model, which copies it
    allowed: Annotated[
        list[str], described("The only categories there are; any if none are named.")
    ] = []  # noqa: RUF012
    keep: Annotated[list[str], described("Texts that are right as they are.")] = []  # noqa: RUF012
    unmatched: Annotated[
        Unmatched,
        described(
            "What becomes of a text that is not allowed, or not mapped: it stays, becomes missing, "
            "stops the run, or becomes 'other'."
        ),
    ] = "keep"
    min_count: Annotated[int, described("A category of fewer rows becomes 'other'.", ge=0)] = 0
    min_share: Annotated[
        float,
        described(
            "A category of a smaller share of the rows with a text becomes 'other'.", ge=0, le=1
        ),
    ] = 0.0
    other: Annotated[str, described("What stands for rare and, on demand, unmatched texts.")] = (
        "other"
    )

    @model_validator(mode="after")
    def _has_use(self) -> HarmoniseRule:
        """Refuse options of another method, which would have no effect."""
        refuse_meaningless(self, "method", MEANT_FOR)
        if self.method == "mapping" and not self.mapping:
            raise ValueError("the method mapping needs a 'mapping'")
        return self


MEANT_FOR = {
    "ngram_size": ("ngram",),
    "max_distance": ("edit_distance",),
    "times_rarer": ("edit_distance",),
    "min_length": ("edit_distance",),
    "keep_numbers": ("edit_distance",),
    "mapping": ("mapping",),
}


@step(plan=True)
def harmonise(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, HarmoniseRule], described("What is done to each column.", min_length=1)
    ],
) -> Sequence[Step]:
    """Write the categories of a column in one way each.

    Texts that mean the same are found over all rows, and become the most frequent of them, of
    several the smallest in the order of Unicode. Missing values stay missing. The report counts
    texts and categories, and names none.
    """
    from data_processing.cleaning.harmonising import Harmony
    from data_processing.cleaning.misspellings import Nearness

    return [
        Harmony(
            method=rule.method,
            ngram_size=rule.ngram_size,
            nearness=Nearness(
                max_distance=rule.max_distance,
                times_rarer=rule.times_rarer,
                min_length=rule.min_length,
                keep_numbers=rule.keep_numbers,
            ),
            mapping=rule.mapping,
            allowed=tuple(rule.allowed),
            keep=tuple(rule.keep),
            unmatched=rule.unmatched,
            min_count=rule.min_count,
            min_share=rule.min_share,
            other=rule.other,
        ).fit(name, schema)
        for name, rule in columns.items()
    ]


@step(plan=True)
def majority(
    schema: pa.Schema,
    *,
    keys: Annotated[Columns, described("Columns that decide the others.", min_length=1)],
    columns: Annotated[Columns, described("Columns that depend on them.", min_length=1)],
    min_share: Annotated[
        float,
        described(
            "More than this share of the rows of a key that have a value must have the same one.",
            ge=0,
            lt=1,
        ),
    ] = 0.5,
    fill_missing: Annotated[
        bool, described("Give rows without a value that of the majority too.")
    ] = False,
) -> Sequence[Step]:
    """Repair columns that depend on others, such as the city on the postcode.

    Rows with the same key should have the same value. Where they disagree, all get the one that
    most of them have; where two are equally frequent, or none is frequent enough, nothing changes.
    A row with a part of its key missing is left alone, as an unknown key decides nothing. The
    report counts keys that disagree and those among them that stay undecided.
    """
    from data_processing.cleaning.majority import Majority

    shared = [name for name in columns if name in keys]
    if shared:
        raise ConfigurationError("a column cannot stand in both 'keys' and 'columns'.")
    rule = Majority(tuple(keys), min_share, fill_missing)
    return [rule.fit(name, schema, counts_keyless=name == columns[0]) for name in columns]
