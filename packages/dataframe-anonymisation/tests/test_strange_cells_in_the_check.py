"""The independent check compares each published class with the original rows it stands for."""

import numpy as np
import pandas as pd
import pytest

from dataframe_anonymisation.verify import Claims, Relabelling, verify

ORIGINAL = pd.DataFrame(
    {
        "name": ["n1", "n2", "n3", "n4", "n5"],
        "a": [1, 7, 3, 12, 40],
        "s": ["p", "p", "q", "q", "r"],
        "owner": ["o1", "o2", "o2", "o3", "o4"],
    }
)
PUBLISHED = {
    "name": ["*"] * 4,
    "a": ["[0, 10)", "[0, 10)", "[0, 10)", "[10, 20)"],
    "s": ["p", "p", "q", "q"],
}
RELABELLING = {
    "values": {"a": ["1", "3", "7", "12", "40"]},
    "kinds": {"a": "number"},
    "paths": {
        "a": {
            **{text: [text, "[0, 10)", "*"] for text in "137"},
            "12": ["12", "[10, 20)", "*"],
            "40": ["40", "[40, 50)", "*"],
        }
    },
    "combinations": [np.arange(5)],
    "classes": np.array([0, 0, 0, 1, -1]),
    "labels": {"a": ["[0, 10)", "[10, 20)"]},
}
CLAIMS = {
    "models": [{"model": "distinct l-diversity", "l": 1, "attribute": "s"}],
    "published": ["name", "a", "s"],
    "masked": ["name"],
}


def failures(cells=(), relabelling=(), original=(), **claims):
    made = Relabelling(**(RELABELLING | dict(relabelling)))
    asked = Claims(["a"], relabelling=made, **(CLAIMS | claims))
    frame = pd.DataFrame({**PUBLISHED, **dict(cells)}, dtype=object)
    source = pd.DataFrame({**ORIGINAL, **dict(original)})
    return verify([frame.iloc[:2], frame.iloc[2:]], asked, [source[:3], source[3:]]).failures


def test_a_table_that_is_what_was_claimed_has_nothing_strange():
    assert failures() == []


@pytest.mark.parametrize("raw", ["hush", None, 7])
def test_an_identifier_that_is_not_masked_is_found(raw):
    assert failures({"name": ["*", "*", "*", raw]}) == ["'name' has cells other than '*'"]


@pytest.mark.parametrize(
    "columns", [["name", "a", "s", "extra"], ["a", "name", "s"], ["a", "s"], []]
)
def test_columns_that_were_not_claimed_and_columns_that_lack_are_found(columns):
    assert failures(published=columns) == ["the columns are not those that were claimed"]


@pytest.mark.parametrize("raw", ["7", None, "*", "[10, 20)"])
def test_a_label_that_the_row_does_not_have_is_found(raw):
    told = failures({"a": ["[0, 10)", "[0, 10)", raw, "[10, 20)"]})

    assert told[0] == "classes have 2 rows more or fewer than the original table says"


def test_a_row_too_many_and_a_row_too_few_are_found():
    more = {name: [*cells, cells[-1]] for name, cells in PUBLISHED.items()}
    fewer = {name: cells[:3] for name, cells in PUBLISHED.items()}
    sentence = "classes have 1 rows more or fewer than the original table says"

    assert sentence in failures(more)
    short = pd.DataFrame(fewer, dtype=object)
    claims = Claims(["a"], relabelling=Relabelling(**RELABELLING), **CLAIMS)
    assert sentence in verify([short], claims, [ORIGINAL]).failures


@pytest.mark.parametrize("values", ["qppq", "pppq", "ppqx"])
def test_a_sensitive_value_in_another_class_is_found_though_the_whole_has_it(values):
    told = failures({"s": list(values)})

    swapped = values == "qppq"  # in one class, where the order of rows means nothing
    sentence = "'s' has other values than the rows of the original table that its classes stand for"
    assert told == ([] if swapped else [sentence])


def test_values_that_are_swapped_between_classes_are_found():
    assert len(failures({"s": list("pqqp")})) == 1


def test_a_label_that_does_not_stand_for_its_value_is_found():
    wrong = {"labels": {"a": ["[40, 50)", "[10, 20)"]}}
    cells = {"a": ["[40, 50)"] * 3 + ["[10, 20)"]}

    assert failures(cells, wrong) == ["'a' has labels that do not stand for their values"]


def test_original_rows_that_no_claim_is_about_are_counted():
    told = failures(original={"a": [1, 7, 3, 12, 41]})

    assert told == ["1 rows of the original table are accounted for by no class"]


def test_the_reference_of_distances_is_the_original_table():
    model = {"model": "t-closeness", "t": 0.19, "distance": "equal", "attribute": "s"}
    frame = pd.DataFrame(PUBLISHED | {"a": ["*"] * 4})
    one = {
        "classes": np.array([0, 0, 0, 0, -1]),
        "labels": {"a": ["*"]},
    }
    claims = Claims(
        ["a"], relabelling=Relabelling(**(RELABELLING | one)), **(CLAIMS | {"models": [model]})
    )

    verdict = verify([frame], claims, [ORIGINAL])

    assert verdict.findings[0].measured == pytest.approx(0.2)  # 0 against the published rows
    assert verdict.failures == ["t-closeness fails in 1 of 1 classes"]


def test_line_ends_and_empty_texts_that_a_format_does_not_keep_are_no_fault():
    relabelling = {
        "values": {"a": ["x\r\ny", ""]},
        "kinds": {},
        "paths": {"a": {"x\r\ny": ["x\r\ny"], "": [""]}},
        "combinations": [np.arange(2)],
        "classes": np.arange(2),
        "labels": {"a": ["x\r\ny", ""]},
    }
    original = {"a": ["x\r\ny"] * 2 + [""] * 3, "s": ["p\rq"] * 2 + [""] * 3}
    cells = {
        "name": ["*"] * 5,
        "a": ["x\ny", "x\ny", None, None, None],
        "s": ["p\nq", "p\nq", None, None, None],
    }
    models = [{"model": "k-anonymity", "k": 2}, {"model": "δ-presence", "attribute": "s"}]
    models[1] |= {"minimum": 0, "maximum": 1}

    assert failures(cells, relabelling, original, models=models) == []


def test_persons_are_counted_by_the_original_table():
    """The class of three rows is of two persons, and one of them has both values."""
    models = [
        {"model": "k-anonymity of persons", "k": 2},
        {"model": "(α,k)-anonymity", "k": 1, "alpha": 1.0, "attribute": "s"},
    ]
    made = Relabelling(**RELABELLING)
    claims = Claims(["a"], relabelling=made, entity="owner", **(CLAIMS | {"models": models}))

    verdict = verify([pd.DataFrame(PUBLISHED)], claims, [ORIGINAL])

    persons, shares = verdict.findings
    assert (persons.measured, persons.failing_classes) == (1, 1)
    assert shares.measured == 1.0
    one_class = {"classes": np.array([0, 0, 0, 0, -1]), "labels": {"a": ["*"]}}
    claims = Claims(
        ["a"],
        relabelling=Relabelling(**(RELABELLING | one_class)),
        entity="owner",
        **(CLAIMS | {"models": models}),
    )
    frame = pd.DataFrame(PUBLISHED | {"a": ["*"] * 4})
    persons, shares = verify([frame], claims, [ORIGINAL]).findings
    assert persons.measured == 3
    assert shares.measured == 0.5  # p: o1, o2; q: o2, o3


def test_masked_rows_are_those_of_the_original_that_are_in_no_class():
    masked = {name: [*cells, "*"] for name, cells in PUBLISHED.items()} | {
        "s": [*PUBLISHED["s"], None]
    }
    relabelling = RELABELLING | {"is_masked": True}

    assert failures(masked, relabelling, exempt_suppressed=True, sensitive=["s"]) == []
    shown = masked | {"s": [*PUBLISHED["s"], "r"]}
    assert failures(shown, relabelling, exempt_suppressed=True, sensitive=["s"]) != []
    assert failures(shown, relabelling) == []  # a class like others
