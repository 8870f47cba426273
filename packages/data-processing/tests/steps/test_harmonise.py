"""Categories written in one way each."""

import pyarrow as pa
import pytest

from data_processing.cleaning import harmonising
from data_processing.steps.plan import plan, run
from data_processing.steps.recipe import Recipe
from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError, DatasetError


def harmonise(**rule):
    return {"step": "harmonise", "columns": {"city": rule}}


def told(done):
    return done.note.facts["columns"]["city"]


def times(**counts):
    return [text for text, count in counts.items() for _ in range(count)]


def test_texts_of_one_fingerprint_become_the_most_frequent(cleaned):
    texts = ["York, New", "New York", "new york ", "New York", "Paris", None, "paris", "?", "!"]

    done = cleaned({"city": texts}, harmonise())

    assert done.column("city") == [
        *["New York"] * 4, "Paris", None, "Paris", "?", "!",
    ]  # fmt: skip
    assert told(done) == {"texts": 7, "texts_changed": 3, "categories": 4}
    assert dict(done.note.changed) == {"city": 3}


def test_dp_22_of_texts_as_frequent_the_smallest_is_chosen(cleaned):
    assert cleaned({"city": ["b a", "a b", "a B"]}, harmonise()).column("city") == ["a B"] * 3


def test_texts_of_one_ngram_fingerprint_become_the_most_frequent(cleaned):
    texts = ["Krzysztof", "Krzystof", "krzy sztof", "Krzysztof", "a", "b"]

    assert cleaned({"city": texts}, harmonise(method="ngram", ngram_size=1)).column("city") == [
        *["Krzysztof"] * 4, "a", "b",
    ]  # fmt: skip
    assert cleaned({"city": texts}, harmonise(method="ngram")).column("city") == [
        "Krzysztof", "Krzystof", "Krzysztof", "Krzysztof", "a", "b",
    ]  # fmt: skip


def test_rare_texts_become_the_frequent_one_that_they_misspell(cleaned):
    texts = [*["Birmingham"] * 30, *["Dothan"] * 10, "Birminghxm", "Brimingham", "Dothxn", "Ghent"]

    done = cleaned({"city": texts}, harmonise(method="edit_distance"))

    assert done.column("city") == [
        *["Birmingham"] * 30, *["Dothan"] * 10, "Birmingham", "Birmingham", "Dothan", "Ghent",
    ]  # fmt: skip
    assert told(done) == {"texts": 6, "texts_changed": 3, "categories": 3, "ambiguous": 0}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"times_rarer": 40}, "Birmingxxm"),
        ({"max_distance": 1}, "Birmingxxm"),
        ({"min_length": 11}, "Birmingxxm"),
        ({"keep": ["Birmingxxm"]}, "Birmingxxm"),
        ({}, "Birmingham"),
    ],
)
def test_what_a_misspelling_is_can_be_said(cleaned, rule, expected):
    texts = ["Birmingxxm", *["Birmingham"] * 30]

    done = cleaned({"city": texts}, harmonise(method="edit_distance", **rule))

    assert done.column("city")[0] == expected


def test_texts_become_what_they_are_mapped_to(cleaned):
    step = harmonise(method="mapping", mapping={"NYC": "New York"}, unmatched="null", keep=["LA"])

    done = cleaned({"city": ["NYC", "New York", "LA", "x", None]}, step)

    assert done.column("city") == ["New York", "New York", "LA", None, None]
    assert dict(done.note.counts) == {"unmatched": 1}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ["Graz", "Graz", "Linz", "Gratz", "Wien", None]),
        ({"unmatched": "null"}, ["Graz", "Graz", "Linz", None, None, None]),
        ({"unmatched": "other"}, ["Graz", "Graz", "Linz", "other", "other", None]),
        (
            {"method": "edit_distance", "unmatched": "null"},
            ["Graz", None, "Linz", "Graz", None, None],
        ),
    ],
)
def test_categories_can_be_limited_to_a_list(cleaned, rule, expected):
    texts = ["Graz", "GRAZ", "Linz", "Gratz", "Wien", None]

    done = cleaned({"city": texts}, harmonise(allowed=["Graz", "Linz", "Ulm"], **rule))

    assert done.column("city") == expected


def test_a_list_of_categories_can_be_demanded(cleaned):
    with pytest.raises(DatasetError, match="The column 'city' holds texts that are neither mapped"):
        cleaned({"city": ["secret"]}, harmonise(allowed=["Graz"], unmatched="error"))


def test_two_allowed_categories_of_one_key_both_stay(cleaned):
    step = harmonise(allowed=["B A", "A B"])

    assert cleaned({"city": ["A B", "B A", "b a"]}, step).column("city") == ["A B", "B A", "A B"]


@pytest.mark.parametrize(
    "rule",
    [{"min_count": 3}, {"min_share": 0.3}, {"min_count": 3, "min_share": 0.3}],
)
def test_rare_categories_are_put_together(cleaned, rule):
    texts = [*times(Graz=2, GRAZ=1, Linz=2, Ulm=4), None]

    done = cleaned({"city": texts}, harmonise(**rule, other="rest"))

    assert done.column("city") == [*["Graz"] * 3, *["rest"] * 2, *["Ulm"] * 4, None]


def test_a_category_that_is_allowed_or_kept_is_never_rare(cleaned):
    texts = times(Graz=1, Linz=1, Ulm=1)

    done = cleaned({"city": texts}, harmonise(min_count=2, keep=["Graz"]))

    assert done.column("city") == ["Graz", "other", "other"]


def test_columns_are_harmonised_by_themselves_in_one_pass(cleaned):
    rules = {"a": {"min_count": 2}, "b": {"method": "edit_distance"}}

    done = cleaned({"a": ["x", "y", "y"], "b": ["x", "y", "y"]}, {**harmonise(), "columns": rules})

    assert done.rows() == [{"a": "other", "b": "x"}, {"a": "y", "b": "y"}, {"a": "y", "b": "y"}]
    assert set(done.note.facts["columns"]) == {"a", "b"}
    assert set(done.states) == {0, 1}


def test_dp_42_what_an_earlier_step_made_is_harmonised(cleaned):
    earlier = {"step": "replace_text", "columns": ["city"], "pattern": "x", "replacement": "a"}

    done = cleaned({"city": ["Grxz", "graz", "GRAZ"]}, earlier, harmonise())

    assert done.column("city") == ["GRAZ"] * 3


@pytest.mark.parametrize("method", ["fingerprint", "ngram", "edit_distance"])
def test_dp_23_a_column_without_texts_is_told_and_left_alone(cleaned, method):
    done = cleaned(
        pa.table({"city": pa.array([None, None], pa.string())}), harmonise(method=method)
    )

    assert done.column("city") == [None, None]
    assert done.note.warnings == ("The column 'city' holds no texts, so none were harmonised.",)


@pytest.mark.parametrize("method", ["fingerprint", "ngram", "edit_distance"])
def test_harmonising_again_changes_nothing(cleaned, method):
    texts = [*["Birmingham"] * 30, "Birminghxm", "BIRMINGHAM", "birmingham ", "Paris", "Pariss"]
    once = cleaned({"city": texts}, harmonise(method=method))

    again = cleaned(once.table, harmonise(method=method))

    assert again.table.equals(once.table)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ["Graz", "Wien"]),
        ({"method": "edit_distance"}, ["GRAZ", "Wien"]),
        ({"method": "edit_distance", "keep_numbers": False}, ["GRAZ", "Wien"]),
        ({"min_count": 2}, ["Graz", "other"]),
        ({"allowed": ["Graz"], "unmatched": "null"}, ["Graz", None]),
    ],
)
def test_a_saved_state_harmonises_texts_that_it_has_not_seen(tmp_path, rule, expected):
    recipe = Recipe.of([harmonise(**rule)])
    seen = pa.table({"city": [*["Graz"] * 20, "graz"]})
    new = pa.table({"city": ["GRAZ", "Wien"]})

    with LocalEngine(tmp_path) as engine:
        planned = plan(recipe, seen.schema)
        states = run(engine, engine.from_arrow(seen), planned, rows=21, number=None).states
        rows = engine.from_arrow(new)
        ran = run(engine, rows, planned, rows=2, number=None, states=states)
        found = engine.rows(ran.frame)

    assert states == {0: [{"text": "Graz", "count": 20}, {"text": "graz", "count": 1}]}
    assert [row["city"] for row in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Birmingxam", "Birmingham"),
        ("Birminghxm", "Birmingham"),
        ("Birminghaxmm", "Birmingham"),
        ("Londondry", "Londondry"),  # near only to what is itself a misspelling
        ("Birmingtam", "Birmingtam"),  # which is kept
    ],
)
def test_a_saved_state_finds_misspellings_that_it_has_not_seen(tmp_path, text, expected):
    recipe = Recipe.of([harmonise(method="edit_distance", keep=["Birmingtam"])])
    counts = {"Birmingham": 20, "Birminghxm": 1, "Londonderry": 300, "Londondery": 30}
    states = {0: [{"text": seen, "count": count} for seen, count in counts.items()]}

    with LocalEngine(tmp_path) as engine:
        rows = engine.from_arrow(pa.table({"city": [text]}))
        planned = plan(recipe, pa.schema([("city", pa.string())]))
        ran = run(engine, rows, planned, rows=1, number=None, states=states)
        assert engine.rows(ran.frame) == [{"city": expected}]


def test_a_column_of_too_many_texts_is_refused_without_them(cleaned, monkeypatch):
    monkeypatch.setattr(harmonising, "MAX_TEXTS", 2)

    with pytest.raises(DatasetError) as refused:
        cleaned({"city": ["a", "b", "c"]}, harmonise())

    assert str(refused.value) == (
        "steps[0] (harmonise): The column 'city' holds more than 2 different texts, too many for "
        "categories; leave it out."
    )


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"max_distance": 2}, "'max_distance' has no meaning for fingerprint"),
        ({"method": "ngram", "keep_numbers": False}, "'keep_numbers' has no meaning for ngram"),
        (
            {"method": "edit_distance", "mapping": {"a": "b"}},
            "'mapping' has no meaning for edit_distance",
        ),
        ({"method": "mapping"}, "the method mapping needs a 'mapping'"),
        ({"method": "edit_distance", "times_rarer": 1}, "columns.city.times_rarer: "),
        ({"method": "soundex"}, "columns.city.method: "),
        ({"min_share": 2}, "columns.city.min_share: "),
    ],
)
def test_rules_that_cannot_hold_are_refused(cleaned, rule, reason):
    with pytest.raises(ConfigurationError) as refused:
        cleaned({"city": ["a"]}, harmonise(**rule))

    assert reason in str(refused.value)


def test_a_column_of_numbers_or_an_unknown_one_is_refused_before_a_row_is_read(cleaned):
    with pytest.raises(ConfigurationError, match="The column 'city' holds int64, not texts"):
        cleaned({"city": [1]}, harmonise())
    with pytest.raises(ConfigurationError, match="'city'"):
        cleaned({"town": ["a"]}, harmonise())


def test_spark_harmonises_the_same(cleaned, cleaned_on_spark):
    texts = [*["Birmingham", "Æsop é"] * 12, "Birminghxm", "birmingham", "aesop E", None, "\u00a0"]
    table = pa.table({"city": texts, "b": texts})
    steps = [harmonise(min_count=2), harmonise(method="edit_distance")]

    found, expected = cleaned_on_spark(table, *steps), cleaned(table, *steps)

    assert found.table.equals(expected.table)
    assert found.states == expected.states
    assert [note.facts for note in found.notes] == [note.facts for note in expected.notes]
