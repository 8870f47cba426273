import re
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    HierarchyError,
    KAnonymity,
    UncoveredValuesError,
    anonymise,
)
from dataframe_anonymisation.builtin import simpl_age, simpl_gender
from dataframe_anonymisation.hierarchies.rows import RowHierarchy

NUMBERS = st.decimals(-1000, 1000, places=2, allow_nan=False, allow_infinity=False)
INTERVAL = re.compile(r"([\[(])(\S+), (\S+)([\])])")


def above(hierarchy, value, values=None):
    """Return the labels above a value."""
    taxonomy = hierarchy.over("column", values or [value])
    leaf = taxonomy.index[value]
    return [
        labels[codes[leaf]] for labels, codes in zip(taxonomy.labels, taxonomy.codes, strict=True)
    ]


@pytest.mark.parametrize(
    ("value", "label"),
    [("29", "[20, 30)"), ("30", "[30, 40)"), ("100", "[100, 110)"), ("101", "[100, 110)")],
)
def test_an_36_a_boundary_lies_in_the_interval_that_it_opens(value, label):
    assert above(Hierarchy.intervals([10]), value)[1] == label


def test_an_36_intervals_may_be_closed_on_the_right():
    assert above(Hierarchy.intervals([10], closed="right"), "30")[1] == "(20, 30]"


@given(
    number=NUMBERS, closed=st.sampled_from(["left", "right"]), width=st.sampled_from([0.1, 5, 7.5])
)
def test_an_36_every_number_lies_in_every_interval_printed_for_it(number, closed, width):
    hierarchy = Hierarchy.intervals([width, width * 2, width * 10], closed=closed, origin=0.3)

    for label in above(hierarchy, str(number))[1:-1]:
        opens, low, high, closes = INTERVAL.fullmatch(label).groups()
        low, high = Decimal(low), Decimal(high)
        assert (
            low < number < high
            or (number == low and opens == "[")
            or (number == high and closes == "]")
        )


@given(number=NUMBERS)
def test_rounded_numbers_lie_in_what_rounds_to_the_same(number):
    labels = above(Hierarchy.rounding([10, 100]), str(number))[1:-1]
    bounds = [tuple(map(Decimal, INTERVAL.fullmatch(label).groups()[1:3])) for label in labels]

    assert all(low <= number < high for low, high in bounds)
    assert bounds[1][0] <= bounds[0][0] <= bounds[0][1] <= bounds[1][1]
    assert bounds[0][1] - bounds[0][0] == 10


def test_rounding_goes_half_up_step_by_step():
    assert above(Hierarchy.rounding([10, 100]), "44.9")[1:-1] == ["[35, 45)", "[-55, 45)"]
    assert above(Hierarchy.rounding([10, 100]), "45")[1:-1] == ["[45, 55)", "[45, 145)"]


def test_an_37_values_beyond_the_bounds_share_a_class_or_are_an_error():
    coded = Hierarchy.intervals([10, 20], bottom=20, top=60)
    strict = Hierarchy.intervals([10, 20], bottom=20, top=60, outside="error")

    assert above(coded, "19")[1:-1] == ["< 20", "< 20"]
    assert above(coded, "60")[1:-1] == [">= 60", ">= 60"]
    assert strict.unknown(["19", "20", "59.9", "60"], is_numeric=True) == {"19", "60"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hierarchy.intervals([]),
        lambda: Hierarchy.intervals([0]),
        lambda: Hierarchy.intervals([10, 15]),
        lambda: Hierarchy.intervals([10], closed="both"),
        lambda: Hierarchy.intervals([10, 20], top=50),
        lambda: Hierarchy.mask([1, 3]),
        lambda: Hierarchy.mask([3], character="--"),
        lambda: Hierarchy.date(["year", "month"]),
        lambda: Hierarchy.date(["weekday"]),
    ],
)
def test_hierarchies_that_do_not_nest_are_refused_when_they_are_declared(make):
    with pytest.raises(HierarchyError):
        make()


def test_masks_keep_prefixes_and_length():
    assert above(Hierarchy.mask([3, 1]), "12345") == ["12345", "123**", "1****", "*"]


def test_dates_become_periods_in_the_order_of_time():
    hierarchy = Hierarchy.date(["month", "quarter", "year"])

    assert above(hierarchy, "2023-11-20") == ["2023-11-20", "2023-11", "2023-Q4", "2023", "*"]
    assert hierarchy.over("d", ["2024-01-01", "1999-12-31"]).leaves == ("1999-12-31", "2024-01-01")
    assert hierarchy.unknown(["2023-02-30", "2023-02-28"], is_numeric=False) == {"2023-02-30"}


def test_an_32_a_label_with_two_parents_is_an_error_that_names_the_level():
    rows = [["a", "x", "p", "*"], ["b", "x", "q", "*"]]

    with pytest.raises(HierarchyError, match="1 labels of level 1 have several parents at level 2"):
        Hierarchy.from_rows(rows).over("city", ["a"])


def test_an_32_ragged_rows_are_padded_on_request_only():
    rows = [["a", "x", "*"], ["b", "*"]]

    with pytest.raises(HierarchyError, match="'city' has 1 rows with fewer than 3 labels"):
        Hierarchy.from_rows(rows).over("city", ["a"])
    assert above(Hierarchy.from_rows(rows, pad=True), "b", ["a", "b"]) == ["b", "b", "*"]


def test_an_31_and_33_a_label_that_is_also_a_value_is_an_error():
    rows = [["north", "south", "*"], ["south", "other", "*"]]

    with pytest.raises(HierarchyError, match="rename the label or the value"):
        Hierarchy.from_rows(rows).over("area", ["north"])


def test_an_33_a_star_among_the_values_is_an_error():
    with pytest.raises(HierarchyError, match="itself a value"):
        Hierarchy.suppression().over("area", ["*", "north"])


def test_an_34_repeated_rows_are_accepted_and_contradictions_refused():
    twice = [["a", "x", "*"], ["a", "x", "*"], ["b", "x", "*"]]
    against = [["a", "x", "*"], ["a", "y", "*"]]

    assert above(Hierarchy.from_rows(twice), "a") == ["a", "x", "*"]
    with pytest.raises(HierarchyError, match="1 rows that contradict"):
        Hierarchy.from_rows(against).over("area", ["a"])


@pytest.mark.parametrize(
    "content", [b"a;x;*\nb;y;*\n", b"\xef\xbb\xbfa,x,*\r\nb,y,*\r\n", b'"a";"x";"*"\n"b";y;*\n']
)
def test_an_35_files_with_a_mark_quotes_and_either_delimiter_are_read(content):
    assert above(RowHierarchy.parse(content), "b", ["a", "b"]) == ["b", "y", "*"]


def test_an_35_a_file_that_is_no_utf_8_is_one_sentence():
    with pytest.raises(HierarchyError, match="not UTF-8"):
        RowHierarchy.parse("ä;*".encode("cp1252"))


def test_an_05_values_that_hierarchies_lack_are_counted_by_column_all_at_once():
    frame = pd.DataFrame({"a": ["p", "q", "r"], "b": ["hush1", "hush2", "v"]})
    asked = {
        "models": [KAnonymity(k=1)],
        "quasi_identifiers": ["a", "b"],
        "hierarchies": {
            "a": Hierarchy.mapping({"p": "*", "q": "*"}),
            "b": Hierarchy.mapping({"v": "*"}),
        },
    }

    with pytest.raises(UncoveredValuesError) as caught:
        anonymise(frame, AnonymisationPolicy(**asked))
    own, _ = anonymise(frame, AnonymisationPolicy(**asked, unknown_values="own_leaf"))
    left, report = anonymise(
        frame,
        AnonymisationPolicy(
            **asked, unknown_values="suppress", suppression_limit=1, report_threshold=0
        ),
    )

    assert caught.value.counts == {"a": 1, "b": 2}
    assert "hush" not in str(caught.value)
    assert sorted(own["b"]) == ["hush1", "hush2", "v"]
    assert len(left) == 0
    assert report["suppressed_by_reason"]["values unknown to hierarchies"] == 3


def test_an_26_numbers_meet_their_rows_however_they_are_written():
    hierarchy = Hierarchy.from_rows([["1.0", "low", "*"], ["2", "low", "*"]])
    frame = pd.DataFrame({"n": [1, 2, 2]})
    floats = pd.DataFrame({"n": [1.0, 2.0, 2.0]})
    asked = AnonymisationPolicy(
        models=[KAnonymity(k=3)], quasi_identifiers=["n"], hierarchies={"n": hierarchy}
    )

    for given_frame in (frame, floats):
        assert list(anonymise(given_frame, asked)[0]["n"]) == ["low"] * 3
    with pytest.raises(UncoveredValuesError):
        anonymise(pd.DataFrame({"n": ["1", "2", "2"]}), asked)


def test_an_28_blanks_around_values_count_unless_stripped():
    hierarchy = Hierarchy.mapping({"a": "*", "b": "*"})
    frame = pd.DataFrame({"x": ["a ", " b", "a"]})
    asked = {
        "models": [KAnonymity(k=3)],
        "quasi_identifiers": ["x"],
        "hierarchies": {"x": hierarchy},
    }

    with pytest.raises(UncoveredValuesError):
        anonymise(frame, AnonymisationPolicy(**asked))
    assert len(anonymise(frame, AnonymisationPolicy(**asked, strip=True))[0]) == 3


def test_the_hierarchies_of_the_platform_have_their_names():
    assert above(simpl_age(), "37")[1:3] == ["[35, 40)", "[30, 40)"]
    assert above(simpl_gender(), "f") == ["f", "*"]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        (["2020-01-05", "2021-03-04"], "2020-01"),
        ([str(n) for n in range(0, 100, 3)], "[0, 10)"),
        ([f"0{n}" for n in range(1000, 1020)], "0100*"),
        (["red", "green"], "*"),
    ],
)
def test_a_hierarchy_is_chosen_by_the_values(values, label):
    assert above(Hierarchy.auto(), values[0], values)[1] == label
