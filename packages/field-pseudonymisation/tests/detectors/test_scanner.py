"""The search: exact offsets, documents that do not meet, bounded work on hostile ones."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from field_pseudonymisation.detectors.catalogue import built_in_detectors
from field_pseudonymisation.detectors.detector import Detector, Span
from field_pseudonymisation.detectors.overlaps import without_overlaps
from field_pseudonymisation.detectors.scanner import AT_ONCE, Scanner
from field_pseudonymisation.errors import PolicyError

EVERYTHING = Scanner(built_in_detectors())
VALUES = (
    *("ann@example.org", "åse@blåbær.no", "192.0.2.17"),
    *("4111 1111 1111 1111", "+47 22 12 34 56"),
)
AROUND = st.text("aé e\u0301😀\0\n,;-(){}漢👩‍👩‍👧", max_size=12)
HOSTILE = (
    "1",
    "1 ",
    "1-",
    "+1",
    "a@",
    "a@a.",
    "a.",
    "a@a.aa ",
    "(",
    "0.",
    "1.1.1.",
    "::",
    "a:",
    "http://",
    "http://a:",
    "a://b:c",
    "password=",
    "password:",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nA: b\n",
    "eyJaaaaaaaa.",
    "NO93",
    "NO93 ",
    "NO 1",
    "AB12CDE ",
    "1/1/",
    "1 jan ",
    "4111 ",
    "é",
    "\u0301",
    "EMAIL(1):",
)


@pytest.mark.parametrize("value", VALUES)
@given(before=AROUND, after=AROUND)
def test_offsets_count_code_points(value, before, after):
    text = f"{before} {value} {after}"

    found = [text[one.start : one.end] for one in EVERYTHING.scan([text])[0]]

    assert found == [value]


@given(st.lists(st.one_of(AROUND, st.sampled_from(VALUES), st.text(max_size=20)), max_size=8))
def test_documents_are_searched_as_if_alone(texts):
    together = EVERYTHING.scan(texts)

    assert together == [EVERYTHING.scan([text])[0] for text in texts]


def test_values_do_not_reach_into_the_next_document():
    assert EVERYTHING.scan(["mail ann@", "example.org", "4111 1111 1111", " 1111"])[0] == []


def test_long_documents_and_many_are_searched_in_groups():
    long = "x " * AT_ONCE + "ann@example.org"

    found = EVERYTHING.scan(["bob@example.org", long, *["cid@example.org"] * 3])

    assert [len(one) for one in found] == [1] * 5
    assert found[1][0].end == len(long)


@pytest.mark.parametrize("piece", HOSTILE)
def test_work_grows_no_faster_than_the_document(piece):
    def work(size):
        calls = 0

        def counted(check):
            def one(text):
                nonlocal calls
                calls += 1
                return check is None or check(text)

            return one

        scanner = Scanner(replace(one, check=counted(one.check)) for one in built_in_detectors())
        scanner.scan([piece * (size // len(piece))])
        return calls

    few, many = work(4_000), work(16_000)

    assert many <= 4.5 * few + 200


def test_no_pattern_can_match_what_stands_between_documents():
    careless = Detector(name="careless", entity="careless", summary="", pattern="a[^b]*b")

    with pytest.raises(PolicyError, match="'careless' matches U\\+0000"):
        Scanner([careless]).scan(["a", "b"])


def test_a_pattern_that_cannot_be_searched_in_linear_time_is_refused():
    backwards = Detector(name="backwards", entity="x", summary="", pattern=r"(?<=a)b")

    with pytest.raises(PolicyError, match="'backwards' is none in the syntax of RE2"):
        Scanner([backwards])


def test_context_raises_the_score_and_only_in_its_own_document():
    text = "BSN 111222333"

    assert [one.detector for one in EVERYTHING.scan([text])[0]] == ["nl_bsn"]
    assert EVERYTHING.scan(["BSN", "111222333"]) == [[], []]
    assert EVERYTHING.scan(["111222333"], hint="bsnNummer")[0][0].score == 0.9
    assert EVERYTHING.scan(["absnormal 111222333"]) == [[]]


def test_what_is_sure_at_one_place_is_so_in_the_whole_document():
    text = "BSN 111222333 " + "x" * 100 + " see 1112.22.333, not 123456782"

    spans = EVERYTHING.scan([text, "111222333"])

    assert [text[one.start : one.end] for one in spans[0]] == ["111222333", "1112.22.333"]
    assert spans[1] == []


def test_a_lower_minimum_finds_what_is_doubtful():
    assert Scanner(built_in_detectors(), 0.3).scan(["111222333"])[0]
    assert not EVERYTHING.scan(["111222333"])[0]


def test_detectors_without_a_pattern_are_asked_for_each_document():
    def find(text):
        yield text.index("å"), text.index("å") + 3, 0.9
        yield 0, 1, 0.1

    names = Detector(name="names", entity="person", summary="", find=find)

    (found,) = Scanner([names]).scan(["😀 åse"])

    assert found == [Span(2, 5, "person", "names", 0.9)]


def test_lone_surrogates_do_not_end_the_search():
    text = "\ud83d ann@example.org"

    (span,) = EVERYTHING.scan([text])[0]

    assert text[span.start : span.end] == "ann@example.org"


FORMS = (
    *("RSSMRA85T10A562S", "131052-308T", "GB59IFUE40226315499137", "X-1234567-L", "AB 12 34 56 C"),
    *(
        "29 feb 1980",
        "+1 (212) 555-2368",
        "password=abc1",
        "a@b.no",
        "1::2",
        "SW1A 1AA",
        "HH-AB 12",
    ),
)
STRANGE = st.text("0123456789\u017f\u212aKSÅå٣\uff14 -./:@(+)'\"=\x1f\u2028\ufeff", max_size=12)


@given(st.lists(st.one_of(st.sampled_from(FORMS), STRANGE), max_size=6), st.data())
def test_no_text_ends_the_search(pieces, data):
    text = "".join(pieces)
    if text:
        place = data.draw(st.integers(0, len(text) - 1))
        text = text[:place] + data.draw(STRANGE) + text[place + 1 :]

    spans = EVERYTHING.scan([text])[0]

    assert all(0 <= one.start < one.end <= len(text) for one in spans)


@pytest.mark.parametrize("letter", ["\u212a", "\u017f"])
def test_signs_that_fold_to_letters_are_none(letter):
    text = f"codice fiscale RSSMRA85T10A56{letter}S, NINO A{letter} 12 34 56 C"

    assert EVERYTHING.scan([text]) == [[]]


SPANS = st.builds(
    lambda start, length, score: Span(start, start + length, "e", "d", score),
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from([0.5, 0.9]),
)


@given(st.lists(SPANS, max_size=20))
def test_of_findings_that_overlap_the_longest_counts_then_the_surest(spans):
    kept = without_overlaps(spans)

    assert kept == sorted(kept)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    for span in spans:
        rivals = [one for one in kept if one.start < span.end and span.start < one.end]
        assert rivals
        assert any(
            (one.end - one.start, one.score) >= (span.end - span.start, span.score)
            for one in rivals
        )
