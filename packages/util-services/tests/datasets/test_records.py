"""The second reading of CSV files, held to the standard library's reader."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.datasets import records
from util_services.datasets.csv_dialect import CsvDialect
from util_services.datasets.records import RecordCount, check_against_standard_library
from util_services.errors import DatasetError

PIECES = st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "é", " ", '",', '"\n', ',"', '\n"']))


def count(text, dialect=None, columns=2, block=None):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(records, "BLOCK_BYTES", block)
        file = Path(folder) / "x.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return records.count_records(file, dialect or CsvDialect(), columns=columns)


def strictly(text, columns):
    """Return records and delimiters as the standard library sees them."""
    rows = [r for r in csv.reader(io.StringIO(text, newline="")) if r or columns == 1]
    return len(rows) - 1, sum(max(len(row) - 1, 0) for row in rows)


@settings(deadline=None, max_examples=300)
@given(PIECES, st.integers(1, 9), st.sampled_from([1, 2, 3]))
def test_a_regular_count_is_that_of_the_standard_library(pieces, block, columns):
    text = "h,h\n" + "".join(pieces)

    found = count(text, columns=columns, block=block)

    if found.is_regular:
        assert (found.records, found.delimiters) == strictly(text, columns)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(st.text(st.sampled_from('a",\n\ré '), max_size=5), min_size=2, max_size=2)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 9),
)
def test_what_a_writer_writes_is_regular(rows, end, quoting, block):
    if end == "\n" and quoting == csv.QUOTE_MINIMAL:  # this writer leaves a lone CR unquoted
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting).writerows([["a", "b"], *rows])

    found = count(out.getvalue(), CsvDialect(line_end=end), block=block)

    lengths = []
    for row in [["a", "b"], *rows]:
        record = io.StringIO(newline="")
        csv.writer(record, lineterminator=end, quoting=quoting).writerow(row)
        lengths.append(len(record.getvalue().encode()))
    assert found == RecordCount(len(rows), len(rows) + 1, max(lengths), is_regular=True)
    assert found.agrees(len(rows), 2)
    assert not found.agrees(len(rows) + 1, 2)


@pytest.mark.parametrize(
    "text", ['a,b\n1,x"y\n', 'a,b\n1, "x"\n', 'a,b\n1,"x" \n', 'a,b\n1,"x\n', 'a,b\n"1"x,2\n']
)
@pytest.mark.parametrize("block", [1, 3, 100])
def test_quotes_out_of_place_make_a_count_irregular(text, block):
    assert not count(text, block=block).is_regular


def test_a_delimiter_of_several_bytes_makes_a_count_irregular():
    assert not count("a§b\n1§2\n", CsvDialect("§")).is_regular


def test_a_byte_order_mark_is_no_part_of_the_header():
    assert count(b'\xef\xbb\xbf"a",b\n1,2') == RecordCount(1, 2, 6, is_regular=True)


def test_a_trailing_delimiter_does_not_agree():
    assert not count("a,b\n1,2,\n").agrees(1, 2)


def compare(text, rows, limit=None):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.csv"
        file.write_bytes(text.encode())
        check_against_standard_library(rows, file, CsvDialect(), ["a", "b"], limit)


def test_equal_readings_pass_the_comparison():
    compare('a,b\n1,x"y\n\n,""\n', [("1", 'x"y'), (None, "")])
    compare("a,b\n1,2\n3,4\n", [("1", "2")], limit=1)
    compare("a,b\n", [])


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        ("a,b\n1,2\n3,4,\n", [("1", "2"), ("3", "4")], "ends in line 3 has 3 fields, the header"),
        ('a,b\n1,"x\ny" \n', [("1", "x\ny")], "ends in line 3 has text beside a quoted field"),
        ("a,b\n1,2\n3,4\n", [("1", "2")], "Some records of the file were not read"),
        ("a,b\n1,2\n", [("1", "2"), ("3", "4")], "Some records of the file were not read"),
        ("a,b\n1,2\n3,4\n", [("3", "4")], "ends in line 2 has text beside"),
    ],
)
def test_other_readings_are_told_by_line_and_without_values(text, rows, message):
    with pytest.raises(DatasetError) as refused:
        compare(text, rows)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
