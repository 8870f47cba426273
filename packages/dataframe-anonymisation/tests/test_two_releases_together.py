"""Two releases of the same data are let out only if together they tell no more than one may."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataframe_anonymisation.verify.regions import Region
from dataframe_anonymisation.verify.together import Table, Texts, compare


def both(now, before, k, l=None, roles=None):  # noqa: E741 - the name of the model
    """Compare two frames whose columns have roles: age and sex make classes, id ties them."""
    texts = Texts()
    now, before = (
        Table.of(
            [frame],
            texts,
            [name for name in frame.columns if name in ("age", "sex")],
            [name for name in frame.columns if name == "illness"],
            [name for name in frame.columns if name == "id"],
        )
        for frame in (now, before)
    )
    return compare(now, before, texts, k, l)


def people(*rows, columns=("id", "age", "illness")):
    return pd.DataFrame(rows, columns=list(columns))


TEN = people(*((f"p{n}", "[20, 30)" if n < 5 else "[30, 40)", "ab"[n % 2]) for n in range(10)))


def test_one_row_less_is_a_joined_class_of_one_person():
    (found,) = both(TEN.iloc[:9], TEN, k=2)

    assert found.tied_by == "id"
    assert (found.small, found.smallest) == (1, 1)
    assert not found.holds


def test_k_rows_less_are_a_class_that_may_be_known():
    (found,) = both(TEN.iloc[:7], TEN, k=2)

    assert found.holds
    assert found.groups == 3  # the young, those of the others that stayed, and those that left


def test_generalisations_that_intersect_to_finer_classes_are_found():
    other = TEN.assign(age=["[20, 25)"] * 4 + ["[25, 45)"] * 6)

    (found,) = both(other, TEN, k=2)

    assert (found.groups, found.small, found.smallest) == (3, 1, 1)  # p4: in 20-30 and in 25-45


def test_joined_classes_must_show_enough_sensitive_values():
    before = TEN.assign(age="*")
    now = TEN.assign(age=["x", "y"] * 5)  # by illness

    (found,) = both(now, before, k=2, l=2)

    assert found.small == 0
    assert found.uniform == 2
    assert both(now, before, k=2)[0].holds


def test_without_pseudonyms_one_row_less_is_found_too():
    plain = TEN.drop(columns="id")

    (found,) = both(plain.iloc[:9], plain, k=2)

    assert found.tied_by is None
    assert (found.small, found.smallest) == (2, 1)  # as seen from either release
    (same,) = both(plain, plain.sample(frac=1, random_state=1), k=2)
    assert same.holds


def test_without_pseudonyms_one_row_replaced_by_another_is_found_by_its_value():
    plain = TEN.drop(columns="id")
    other = plain.copy()
    other.loc[0, "illness"] = "c"

    (found,) = both(other, plain, k=2)

    assert found.small == 4  # one row is gone, one has come, as seen from either release


def test_without_pseudonyms_classes_may_be_nested_and_may_not_overlap():
    plain = TEN.drop(columns="id")
    nested = plain.assign(age=["[20, 25)"] * 3 + ["[25, 30)"] * 2 + ["[30, 40)"] * 5)
    overlapping = plain.assign(age=["[20, 25)"] * 4 + ["[25, 45)"] * 6)

    assert both(nested, plain, k=2)[0].holds
    assert both(plain, nested, k=2)[0].holds
    (found,) = both(overlapping, plain, k=2)
    assert found.overlapping == 1


def test_tokens_of_different_domains_tie_nothing():
    other = TEN.assign(id=[f"q{n}" for n in range(10)]).iloc[:9]

    (found,) = both(other, TEN, k=2)

    assert found.tied_by is None
    assert found.small == 2


def test_one_row_less_of_a_person_who_stays_is_found():
    twice = pd.concat([TEN, TEN])

    (found,) = both(twice.iloc[:-1], twice, k=2)

    assert (found.small, found.smallest) == (1, 1)


def test_rows_of_nobody_known_are_compared_by_their_classes():
    before = pd.concat([TEN, TEN.assign(id=None)])

    tied, rest = both(before.iloc[:-1], before, k=2)

    assert tied.holds
    assert rest.tied_by is None
    assert not rest.holds
    (_, gone) = both(TEN, before, k=2)
    assert gone.holds  # all five of each class are gone


def test_other_quasi_identifiers_without_pseudonyms_cannot_be_compared():
    now = TEN.drop(columns="id").rename(columns={"age": "sex"})

    assert both(now, TEN.drop(columns="id"), k=2) == []


def test_persons_and_not_rows_are_counted():
    twice = pd.concat([TEN, TEN])

    (found,) = both(twice.iloc[[0, 10, 5, 6]], twice, k=2)

    assert found.small == 1  # both rows are those of p0


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("[20, 30)", "[20, 25)", "covers"),
        ("[20, 25)", "[20, 30)", "within"),
        ("[20, 30)", "[30, 40)", "apart"),
        ("[20, 30]", "[30, 40)", "overlap"),
        ("(20, 30]", "[20, 30)", "overlap"),
        ("[20, 30)", "30", "apart"),
        ("[20, 30)", "20", "covers"),
        ("< 20", "[0, 20)", "covers"),
        ("< 20", ">= 20", "apart"),
        ("<= 20", ">= 20", "overlap"),
        ("12***", "123**", "covers"),
        ("12***", "13***", "apart"),
        ("12***", "12*", "overlap"),
        ("12***", "12345", "covers"),
        ("*", "[1, 2]", "covers"),
        ("*", None, "covers"),
        (None, "a", "apart"),
        ("{a, b}", "a", "covers"),
        ("{a, b}", "{b, c}", "overlap"),
        ("{a, b}", "{c, d}", "apart"),
        ("1987", "1987-03", "covers"),
        ("1987-Q1", "1987-03", "covers"),
        ("1987-Q1", "1987-04", "apart"),
        ("1980-1989", "1987", "covers"),
        ("1987-03", "1987-03-31", "covers"),
        ("[1987-01-01, 1987-12-31]", "1987-03-04", "covers"),
        ("Europe", "France", "overlap"),
        ("a", "a", "equal"),
        ("23", "24", "apart"),
    ],
)
def test_how_labels_lie_to_one_another(one, other, relation):
    reverse = {"covers": "within", "within": "covers"}

    assert Region.of(one).relation(Region.of(other)) == relation
    assert Region.of(other).relation(Region.of(one)) == reverse.get(relation, relation)


def test_plain_texts_of_one_table_are_values_apart():
    assert Region.of("m").relation(Region.of("f"), [frozenset({"m", "f"})]) == "apart"


WIDTHS = st.sampled_from([1, 2, 3, 4, 6])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 11), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    WIDTHS,
    WIDTHS,
    st.integers(1, 4),
)
def test_joined_classes_are_those_that_are_counted_by_hand(ages, left_out, wide, narrow, k):
    def release(width, persons):
        labels = [
            f"[{ages[p] // width * width}, {ages[p] // width * width + width})" for p in persons
        ]
        return pd.DataFrame({"id": [f"p{p}" for p in persons], "age": labels})

    everybody = range(len(ages))
    now = [p for p in everybody if p not in left_out] or [0]
    by_hand = {}
    for p in everybody:
        group = (ages[p] // wide, ages[p] // narrow if p in now else None)
        by_hand[group] = by_hand.get(group, 0) + 1

    (found,) = both(release(narrow, now), release(wide, everybody), k=k)

    assert found.groups == len(by_hand)
    assert found.small == sum(size < k for size in by_hand.values())


@settings(max_examples=100, deadline=None)
@given(*(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()),) * 2)
def test_spans_lie_to_one_another_as_the_numbers_in_them(one, other):
    def label(span):
        low, high = sorted(span[:2])
        return f"{'[('[span[2]]}{low}, {high + 1}{'])'[span[3]]}"

    def halves(span):
        low, high = sorted(span[:2])
        return {n / 2 for n in range(2 * low + span[2], 2 * high + 3 - span[3])}

    first, second = halves(one), halves(other)
    expected = "overlap"
    if first == second:
        expected = "equal"
    elif first > second:
        expected = "covers"
    elif first < second:
        expected = "within"
    elif not first & second:
        expected = "apart"

    assert Region.of(label(one)).relation(Region.of(label(other))) == expected


def test_no_pair_of_labels_lies_both_ways():
    labels = ["[1, 5)", "3", "*", None, "{3, 4}", "12**", "1987", "1987-Q2", "x"]

    for one, other in product(labels, repeat=2):
        found = Region.of(one).relation(Region.of(other))
        again = Region.of(other).relation(Region.of(one))
        assert (found, again) in {
            ("equal", "equal"),
            ("covers", "within"),
            ("within", "covers"),
            ("apart", "apart"),
            ("overlap", "overlap"),
        }
