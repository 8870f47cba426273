"""Steps on texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from data_processing.steps.parameters import Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    import pandas as pd


@step(writes="columns")
def normalise_text(
    frame: pd.DataFrame,
    *,
    columns: Annotated[Columns, described("Columns of texts.", min_length=1)],
    trim: Annotated[bool, described("Take whitespace off both ends.")] = True,
    collapse_whitespace: Annotated[
        bool, described("Make one space of each run of whitespace.")
    ] = False,
    case: Annotated[
        Literal["keep", "lower", "upper", "title", "fold"],
        described("Letter case; 'fold' makes texts equal that differ in case alone."),
    ] = "keep",
    form: Annotated[
        Literal["keep", "NFC", "NFD", "NFKC", "NFKD"],
        described("Unicode normalisation form (UAX 15)."),
    ] = "keep",
    strip_accents: Annotated[bool, described("Leave out diacritical marks: 'é' is 'e'.")] = False,
) -> pd.DataFrame:
    """Bring texts into one form: whitespace, letter case, Unicode form and accents.

    Whitespace and case are those of Unicode, not of ASCII. Missing values stay missing.
    """
    from data_processing.cleaning.texts import Form, normalise

    wanted = Form(trim, collapse_whitespace, case, form, strip_accents)
    return normalise(frame, columns, wanted)
