"""The independent check looks at the cells that are published, and not only at their counts."""

import pandas as pd
import pytest

from dataframe_anonymisation.verify import Claims, verify

TABLE = {"name": ["*"] * 4, "a": ["[0, 9)"] * 4, "s": ["p", "p", "q", None]}
CLAIMS = Claims(
    ["a"],
    [{"model": "distinct l-diversity", "l": 2, "attribute": "s"}],
    labels={"a": frozenset(["[0, 9)"])},
    masked=["name"],
    reference={"s": {"p": 2, "q": 3}},
    suppressed=1,
    exempt_suppressed=True,
)


def failures(**cells):
    frame = pd.DataFrame({**TABLE, **cells}, dtype=object)
    verdict = verify([frame.iloc[:2], frame.iloc[2:]], CLAIMS)
    return [told for told in verdict.failures if "has" in told]


def test_a_table_whose_cells_are_what_was_claimed_has_no_strange_ones():
    assert failures() == []


@pytest.mark.parametrize("raw", ["hush", None, 7])
def test_an_identifier_that_is_not_masked_is_found(raw):
    assert failures(name=["*", "*", "*", raw]) == ["'name' has cells other than '*'"]


@pytest.mark.parametrize("raw", ["7", None, "*"])
def test_a_label_that_no_class_has_is_found(raw):
    assert failures(a=["[0, 9)"] * 3 + [raw]) == ["'a' has labels that no class has"]


@pytest.mark.parametrize("values", ["pppq", "ppqx"])
def test_a_sensitive_value_that_occurs_too_often_is_found(values):
    assert failures(s=list(values)) == [
        "'s' has values that occur more often than in the original table"
    ]


def test_line_ends_and_empty_texts_that_a_format_does_not_keep_are_no_fault():
    claims = Claims(
        ["a"],
        [{"model": "distinct l-diversity", "l": 1, "attribute": "s"}],
        labels={"a": frozenset(["x\r\ny", ""])},
        reference={"s": {"p\rq": 2, "": 1}},
    )
    frame = pd.DataFrame({"a": ["x\ny", "x\ny", None], "s": ["p\nq", "p\nq", None]})

    assert [told for told in verify([frame], claims).failures if "has" in told] == []
