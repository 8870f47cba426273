"""Steps on texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from data_processing.catalogue.duplicates import (
    Differences,  # noqa: TC001 - options are read from annotations at run time
)
from data_processing.steps.parameters import Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa

    from util_services.engines.stages import Step

Texts = Annotated[Columns, described("Columns of texts.", min_length=1)]
MAX_WIDTH = 1000


@step(writes="columns", reads="columns")
def normalise_text(
    frame: pd.DataFrame,
    *,
    columns: Texts,
    trim: Annotated[bool, described("Take whitespace off both ends.")] = True,
    collapse_whitespace: Annotated[
        bool, described("Make one space of each run of whitespace.")
    ] = False,
    case: Annotated[
        Literal["keep", "lower", "upper", "title", "fold"],
        described(
            "Letter case; 'title' makes the first letter of each word large, 'fold' makes texts "
            "equal that differ in case alone."
        ),
    ] = "keep",
    form: Annotated[
        Literal["keep", "NFC", "NFD", "NFKC", "NFKD"],
        described("Unicode normalisation form (UAX 15)."),
    ] = "keep",
    strip_accents: Annotated[bool, described("Leave out diacritical marks: 'é' is 'e'.")] = False,
) -> pd.DataFrame:
    """Bring texts into one form: whitespace, letter case, Unicode form and accents.

    Whitespace and case are those of Unicode, not of ASCII. Missing values stay missing, and a text
    that is in the form stays as it is.
    """
    from data_processing.cleaning.texts import Form, normalise

    return normalise(frame, columns, Form(trim, collapse_whitespace, case, form, strip_accents))


@step(plan=True)
def replace_text(
    schema: pa.Schema,  # noqa: ARG001
    *,
    columns: Texts,
    pattern: Annotated[
        str,
        described(
            "What is replaced: a regular expression of the Python library regex, version 1, such "
            r"as '\s*-\s*'; or a plain text if 'literal' is set.",
            min_length=1,
        ),
    ],
    replacement: Annotated[
        str,
        described(r"What stands in its place; '\1' or '\g<name>' is what a group has matched."),
    ],
    literal: Annotated[
        bool, described("Take 'pattern' and 'replacement' for plain texts.")
    ] = False,
    ignore_case: Annotated[bool, described("Match letters in any case.")] = False,
) -> Sequence[Step]:
    r"""Replace each part of a text that matches a pattern.

    Classes such as ``\s``, ``\d`` and ``\w``, the word boundary ``\b`` and letter case are those of
    Unicode. A pattern that takes more than 5 seconds for one text stops the run. The report counts
    the replacements.
    """
    from functools import partial

    from data_processing.cleaning.replacing import Replacement, replace
    from util_services.engines.stage_batches import NOTHING_ELSE, Map

    wanted = Replacement(pattern, replacement, literal, ignore_case)
    wanted.check()
    work = partial(replace, columns=tuple(columns), replacement=wanted)
    return [Map("replace_text", work, frozenset(columns), reads=NOTHING_ELSE)]


@step(writes="columns", reads="columns")
def repair_mojibake(frame: pd.DataFrame, *, columns: Texts) -> pd.DataFrame:
    """Repair texts that were decoded in a wrong encoding, such as 'cafÃ©' for 'café'.

    Such texts are known by sequences of characters that no language writes, by the rules of the
    library ftfy; a right text stays as it is, and so does a part of a text that has lost too much.
    """
    from data_processing.cleaning.mojibake import repair

    return repair(frame, columns)


@step(writes="columns", reads="columns")
def pad_text(
    frame: pd.DataFrame,
    *,
    columns: Texts,
    width: Annotated[
        int, described("The width that texts have at least, in characters.", ge=1, le=MAX_WIDTH)
    ],
    side: Annotated[Literal["left", "right"], described("The side that is filled up.")] = "left",
    character: Annotated[
        str, described("The one character that fills.", min_length=1, max_length=1)
    ] = "0",
) -> pd.DataFrame:
    """Fill texts up to a width, such as postcodes that have lost their leading zeros.

    A longer text is never cut, and an empty one stays empty.
    """
    from data_processing.cleaning.padding import Padding, pad

    return pad(frame, columns, Padding(width, side, character))


@step(writes="columns", reads="columns")
def nullify(
    frame: pd.DataFrame,
    *,
    columns: Annotated[Columns, described("Columns in which the tokens count.", min_length=1)],
    tokens: Annotated[
        list[str],
        described(
            "What stands for a missing value, such as 'N/A' or '-'; in a column of numbers or "
            "dates it is read as one, such as '-999' or '9999-12-31'.",
            min_length=1,
        ),
    ],
    ignore: Annotated[
        Differences, described("Differences between text and token that do not count.")
    ] = [],  # noqa: B006 - a default of a model, which copies it
) -> pd.DataFrame:
    """Make cells missing that hold a token for a missing value.

    A cell counts when all of it equals a token. No word is a token by itself: 'NA' is a country's
    code as well.
    """
    from data_processing.cleaning.null_tokens import nullify

    return nullify(frame, columns, tokens, frozenset(ignore))
