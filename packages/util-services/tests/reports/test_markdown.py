"""What Dagster's run page is given, read by a Markdown parser that knows nothing of us."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from sample_report import HOSTILE_NAMES, sample_report

from util_services.reports import render_markdown
from util_services.reports.markdown import name, prose, sentence
from util_services.reports.shown import visible

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def parts(text):
    """Return the kinds of tokens in a Markdown text, and its words."""
    found, words = set(), []
    for token in PARSER.parse(text):
        found.add(token.type)
        for inner in token.children or ():
            found.add(inner.type)
            words.append(inner.content)
    return found, "".join(words)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES[:-1])
def test_a_name_is_code_and_nothing_else(hostile):
    found, words = parts(f"* {name(hostile)}")

    assert words.strip() == visible(hostile).strip()
    assert found == {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "code_inline",
        "paragraph_close", "list_item_close", "bullet_list_close",
    }  # fmt: skip


LINE_BEGINNINGS = ("- a", "+ a", "1. a", "2) a", "---", "===", "# a", "> a", "* * *", "_a_", "a_b_")


@pytest.mark.parametrize("hostile", [*HOSTILE_NAMES[:-1], *LINE_BEGINNINGS])
def test_prose_is_text_and_nothing_else_in_a_list_and_in_a_cell(hostile):
    found, words = parts(f"* {prose(hostile)}")
    cells, _ = parts(f"| a | b |\n|---|---|\n| {prose(hostile)} | b |\n")

    assert words.replace("\N{WORD JOINER}", "").strip() == visible(hostile).strip()
    assert found == {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "text",
        "paragraph_close", "list_item_close", "bullet_list_close",
    }  # fmt: skip
    assert not cells & {"em_open", "strong_open", "link_open", "html_inline", "image", "s_open"}


def test_prose_is_readable_as_it_stands():
    text = "length_of_stay, 2026-01-31 (article 9(2)(j)): 0.2; privacy@clinic.example"

    assert prose(text) == text


@pytest.mark.parametrize("hostile", HOSTILE_NAMES[:-1])
def test_a_sentence_is_text_and_nothing_else(hostile):
    found, words = parts(f"* {sentence(hostile)}")

    assert words.replace("\N{WORD JOINER}", "") == visible(hostile)
    assert found - {"text_special"} == {
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "text",
        "paragraph_close", "list_item_close", "bullet_list_close",
    }  # fmt: skip


def test_no_address_in_a_sentence_is_taken_for_a_link():
    linkifying = sentence("see HTTP://x.example, https://y.example and www.example.org")

    assert "://" not in linkifying.replace("\\", "")
    assert "www." not in linkifying.replace("\\", "")


def test_counts_steps_warnings_and_limits_are_told():
    text = render_markdown(sample_report(("city",)))
    found, words = parts(text)

    assert "1\u202f000" in words
    assert "`in/*.csv`, SHA-256 `0000" in text
    assert "k-anonymity" in words
    assert "The column 'city' is odd." in words
    assert "Only the named columns were looked at." in words
    assert {"table_open", "bullet_list_open", "strong_open"} <= found
    assert not {"html_block", "html_inline", "image", "link_open", "heading_open"} & found


def test_the_gist_of_a_long_report_stays_short():
    report = sample_report()
    step = replace(report.steps[0], warnings=tuple(f"{n} {'x' * 5000}" for n in range(500)))

    text = render_markdown(replace(report, steps=(step,), sections=()))

    assert len(text) < 10_000
    assert "* and 491 more in the report" in text


def test_a_hostile_report_brings_no_element_in():
    found, _ = parts(render_markdown(sample_report(HOSTILE_NAMES)))

    assert not {"html_block", "html_inline", "image", "link_open", "heading_open"} & found


def test_a_slice_says_first_what_it_is():
    report = sample_report()
    text = render_markdown(replace(report, input=replace(report.input, limit_rows=10)))

    assert text.startswith("**Test run** on a slice of 10 rows.")
