"""Parts of texts replaced: literally, or by expressions that know Unicode and end in time."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.cleaning import replacing
from data_processing.cleaning.replacing import Replacement
from util_services.errors import ConfigurationError, DatasetError


def replace(pattern, replacement, **options):
    step = {"step": "replace_text", "columns": ["a"], "pattern": pattern}
    return {**step, "replacement": replacement, **options}


@pytest.mark.parametrize(
    ("step", "texts", "expected"),
    [
        (replace(r"\s+", " "), ["a\u00a0\u2003\u3000b", None, ""], ["a b", None, ""]),
        (replace(r"\d", "#"), ["1\u0663x"], ["##x"]),
        (replace(r"\w+", "w"), ["é\u0301ß ǅ", "-"], ["w w", "-"]),
        (replace(r"\bcaf\b", "x"), ["café caf"], ["café x"]),
        (replace("strasse", "st", ignore_case=True), ["STRASSE", "Straße"], ["st", "st"]),
        (replace("ß", "s", ignore_case=True), ["SS ss ẞ"], ["s s s"]),
        (replace("(?x) a # the letter", "b"), ["a"], ["b"]),
        (replace(r"(\d+)-(\d+)", r"\2/\1"), ["12-34"], ["34/12"]),
        (replace(r"(?<day>\d+)\.", r"\g<day>th"), ["3. May"], ["3th May"]),
        (replace("^|$", "'"), ["a"], ["'a'"]),
        (replace(r"\p{Cf}", ""), ["a\u200bb\ufeff"], ["ab"]),
        (replace("a.c", r"\1", literal=True), ["abc a.c"], [r"abc \1"]),
        (replace("A.C", r"\1\n", literal=True, ignore_case=True), ["abc a.c"], [r"abc \1\n"]),
        (replace("é", "e", literal=True), ["éé", "e\u0301"], ["ee", "e\u0301"]),
        (replace("aa", "b", literal=True), ["aaaaa"], ["bba"]),
    ],
)
def test_dp_30_47_matches_are_replaced(cleaned, step, texts, expected):
    assert cleaned({"a": texts}, step).column("a") == expected


@pytest.mark.parametrize("literal", [False, True])
def test_replacements_are_counted_over_all_cells(cleaned, literal):
    done = cleaned({"a": ["a-b-c", None, "a-b-c", "abc"]}, replace("-", "", literal=literal))

    assert dict(done.note.counts) == {"replacements": 4}
    assert dict(done.note.changed) == {"a": 2}


def test_nothing_is_counted_where_there_is_nothing(cleaned):
    done = cleaned(pa.table({"a": pa.array([None], pa.string())}), replace("x", "y"))

    assert done.rows() == [{"a": None}]
    assert not done.note.counts


@given(
    texts=st.lists(st.text()), pattern=st.text(min_size=1), new=st.text(), any_case=st.booleans()
)
def test_literals_are_never_read_as_patterns(texts, pattern, new, any_case):
    found = Replacement(pattern, new, literal=True, ignore_case=any_case)

    replaced, count = found.within(pa.array(texts, pa.string()), "a")

    if not any_case:
        assert replaced.to_pylist() == [text.replace(pattern, new) for text in texts]
        assert count == sum(text.count(pattern) for text in texts)
    found.check()


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        ("(a", "x", "missing ) at position 2"),
        ("a", r"\1", "invalid group reference"),
        ("(?<n>a)", r"\g<m>", "unknown group"),
        ("(?x) a # comment", "\\", "bad escape (end of pattern) at position 1"),
        ("a)(b", "x", "unbalanced parenthesis at position 1"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(cleaned, pattern, replacement, reason):
    with pytest.raises(ConfigurationError) as refused:
        cleaned({"a": ["x"]}, replace(pattern, replacement))

    assert str(refused.value).startswith(
        f"steps[0] (replace_text): 'pattern' and 'replacement' cannot be used: {reason}"
    )


@pytest.mark.parametrize(
    "pattern", ["a{1000000000}", "(?:a{400}){400}", "x" * 1001, "a{,100001}", f"a{{{9:09999}}}"]
)
def test_patterns_that_take_too_much_memory_are_refused(cleaned, pattern):
    with pytest.raises(ConfigurationError, match="'pattern' is too large"):
        cleaned({"a": ["x"]}, replace(pattern, ""))


@pytest.mark.parametrize("pattern", ["(?R)", "(a(?1)?)", "(?<n>a(?&n)?)", "(?P<n>a(?P>n)?)"])
def test_patterns_that_call_themselves_are_refused(cleaned, pattern):
    with pytest.raises(ConfigurationError, match="'pattern' calls itself"):
        cleaned({"a": ["x"]}, replace(pattern, ""))


def test_counts_that_are_plain_text_are_no_repeats(cleaned):
    step = replace(r"\{1000000\}", "x")

    assert cleaned({"a": ["{1000000}"]}, step).column("a") == ["x"]


@pytest.mark.parametrize("limit", ["TEXT_SECONDS", "BATCH_SECONDS"])
def test_a_pattern_that_backtracks_without_end_stops_the_run(cleaned, monkeypatch, limit):
    monkeypatch.setattr(replacing, limit, 0.05)

    with pytest.raises(DatasetError) as stopped:
        cleaned({"a": ["a" * 60 + "!"]}, replace("(a|aa)+$", ""))

    assert str(stopped.value) == (
        "steps[0] (replace_text): "
        "The pattern takes too long in the column 'a'; write it without repeats inside repeats, "
        "such as (a+)+."
    )


def test_an_empty_pattern_is_refused(cleaned):
    with pytest.raises(ConfigurationError, match=r"steps\[0\] \(replace_text\).pattern"):
        cleaned({"a": ["x"]}, replace("", "x"))


def test_a_condition_limits_replacements(cleaned):
    done = cleaned({"a": ["x", "x"], "id": [1, 2]}, replace("x", "y", where="id = 2"))

    assert done.column("a") == ["x", "y"]
    assert dict(done.note.counts) == {"replacements": 1}


def test_spark_replaces_the_same(cleaned, cleaned_on_spark):
    table = pa.table({"a": ["a\u00a0 b", "12", None, "é"] * 4})
    steps = [replace(r"\s+", "_"), replace("12", "x", literal=True)]

    found = cleaned_on_spark(table, *steps)

    assert found.table.equals(cleaned(table, *steps).table)
    assert [dict(note.counts) for note in found.notes] == [{"replacements": 4}] * 2
