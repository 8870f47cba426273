"""CSV through the flow, held cell by cell to the standard library's reader (DP-01 to DP-16)."""

import csv
import io
import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from util_services.engines.local import LocalEngine
from util_services.errors import DatasetError

ODD = st.text(
    st.one_of(
        st.sampled_from("\"',;|\t\n\r\\ #\0\u00a0\u2028\ufeffNaéİ😀0"),
        st.characters(codec="utf-8", exclude_categories=["Cs"]),
    ),
    max_size=8,
)
DIALECTS = [(",", "\n"), (";", "\r\n"), ("\t", "\n"), ("|", "\r\n"), ("§", "\n"), (" ", "\n")]


def write(rows, delimiter=",", end="\n", quoting=csv.QUOTE_ALL):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue().encode()


def texts(rows):
    return [tuple(cell or "" for cell in row) for row in rows]


def refusal(flow, content, **options):
    with pytest.raises(DatasetError) as refused:
        flow.read(flow.put("in.csv", content), **options)
    return str(refused.value)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(ODD, ODD), max_size=6),
    st.sampled_from(DIALECTS),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@example([("\0", "x")], (",", "\n"), csv.QUOTE_MINIMAL)
@example([("\ufeff1", "x")], (",", "\n"), csv.QUOTE_MINIMAL)
def test_every_cell_is_read_as_the_standard_library_reads_it(flow, rows, dialect, quoting):
    delimiter, end = dialect
    if end == "\n" and quoting == csv.QUOTE_MINIMAL:  # this writer leaves a lone CR unquoted
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    content = write([("a", "b"), *rows], delimiter, end, quoting)

    dataset, found = flow.read(flow.put("in.csv", content), delimiter=delimiter)

    assert texts(found) == rows
    assert dataset.rows == len(rows)
    assert dataset.schema.names == ["a", "b"]


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(ODD, ODD), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_fields_come_out_as_they_went_in(flow, rows, end):
    (flow.storage.root / "out.csv").unlink(missing_ok=True)
    content = write([("a", "b"), *rows], end=end)

    flow.run(flow.put("in.csv", content), "out.csv", overwrite=True)

    assert list(csv.reader(io.StringIO(flow.get("out.csv").decode(), newline=""))) == [
        ["a", "b"],
        *map(list, rows),
    ]


@pytest.mark.parametrize("via", ["csv", "parquet", "jsonl"])
def test_odd_texts_survive_every_format_byte_for_byte(flow, via):
    content = (
        b'id;"a b";c\r\n007;"";\r\n;"x;y";NA\r\n" z ";"q""q";"l\r\nl"\r\n2.50;1e5;-0.0\r\n'
        b"9007199254740993;2024-02-30;\\N\r\n"
    )
    flow.put("in.csv", content)

    flow.run("in.csv", f"middle.{via}", reading={"delimiter": ";"})
    reading = {"delimiter": ";"} if via == "csv" else {}
    flow.run(f"middle.{via}", "out.csv", reading=reading, delimiter=";")

    # DuckDB quotes only where it must, as the input does but for the blanks around z
    expected = content.replace(b'" z "', b" z ").replace(b'"a b"', b"a b")
    if via != "csv":
        expected = expected.replace(b"\r\n", b"\n").replace(b'"l\nl"', b'"l\r\nl"')
    assert flow.get("out.csv") == expected


def test_missing_and_empty_are_kept_apart(flow):
    _, rows = flow.read(flow.put("in.csv", b'a,b\n,""\n"",\n'))

    assert rows == [(None, ""), ("", None)]


def test_a_header_alone_is_a_dataset_of_no_rows(flow):
    published = flow.run(flow.put("in.csv", b"a,b\n"), "out.csv")

    assert (published.rows, flow.get("out.csv")) == (0, b"a,b\n")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-be", "utf-8-sig"])
def test_a_declared_encoding_is_read_and_utf_8_is_written(flow, encoding):
    flow.put("in.csv", "name\nJosé Müller\n".encode(encoding))

    flow.run("in.csv", "out.csv", reading={"encoding": encoding})

    assert flow.get("out.csv").decode() == "name\nJosé Müller\n"


@pytest.mark.parametrize(
    ("content", "encoding", "byte", "line"),
    [
        (b"a\n" + b"x\n" * 700_000 + b"Jos\xe9\n", "utf-8", 1_400_005, 700_002),
        (b"a\nx\nJos\xe9\n", "ascii", 7, 3),
        (b"a\n" + b"x\n" * 700_000 + b"Jos\x81\n", "cp1252", 1_400_005, 700_002),
        ("a\nĊĊ\nx".encode("utf-16-le") + b"\x00\xd8x\x00", "utf-16-le", 12, 3),
    ],
)
def test_a_wrong_encoding_is_told_by_byte_and_line(flow, content, encoding, byte, line):
    assert refusal(flow, content, encoding=encoding) == (
        f"The file is not in the encoding '{encoding}': byte {byte} in line {line} does not belong "
        "to it; set 'csv.encoding' to the file's encoding."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3\n", "Line 3 has fewer fields than the header"),
        (b"a,b\n1,2\n3,4,5\n", "Line 3 has more fields than the header"),
        (b"a,b\n1,2\n3,4,\n", "The record that ends in line 3 has 3 fields, the header has 2"),
        (b"a,b\n1,2,\n3,4,\n", "The record that ends in line 2 has 3 fields"),
        (
            b'a,b\n1,2\n3,"4\n5,6\n',
            "Line 3 has text after a closing quote, or a quote that",
        ),
        (b'a,b\n1,"x"y\n', "Line 2 has text after a closing quote"),
        (b'a,b\n1, "x"\n', "The record that ends in line 2 has text beside a quoted field"),
        (b'a,b\n1,"x" \n', "The record that ends in line 2 has text beside a quoted field"),
        (b"a,b\n1,2\r\n3,4\n", "does not end like the other lines"),
        (b"a,b\r\n1,2\n3,4\r\n", "does not end like the other lines"),
        (b"a,b\n1,2\r3,4\n", "does not end like the other lines"),
    ],
)
def test_a_file_that_breaks_its_own_rules_is_refused_by_line(flow, content, words):
    message = refusal(flow, content)

    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"a,b\n1,2\n3,4,\n", b'a,b\n1,2\n3, "x"\n'])
def test_a_slice_is_checked_as_far_as_it_goes(flow, content):
    flow.put("in.csv", content)

    assert flow.read("in.csv", limit_rows=1)[1] == [("1", "2")]
    with pytest.raises(DatasetError, match="line 3"):
        flow.read("in.csv", limit_rows=2)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a\n\n1\n\n", [(None,), ("1",), (None,)]),
        (b"a,b\n\n1,2\n\n\n3,4\n", [("1", "2"), ("3", "4")]),
        (b"a\r\n\r\n1", [(None,), ("1",)]),
        (b"a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")]),
        (b'a,b\n1,x"y\n3,\\"4\n', [("1", 'x"y'), ("3", '\\"4')]),
        (b"a,b\n#1,2\n", [("#1", "2")]),
        (b"a,file_row_number\n1,2\n", [("1", "2")]),
    ],
)
def test_a_file_that_is_odd_but_clear_is_read(flow, content, rows):
    assert flow.read(flow.put("in.csv", content))[1] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_split_for_parallel_reading_is_read_cell_by_cell(flow, end):
    rng = random.Random(7)  # noqa: S311 - a reproducible file
    rows = [
        (
            str(number),
            f'7,b,c{end}8,"d",e{end}' * rng.randrange(9) if rng.random() < 0.5 else "x" * 40,
            f'{end}"{number}',
        )
        for number in range(120_000)
    ]
    flow.put("in.csv", write([("a", "b", "c"), *rows], end=end, quoting=csv.QUOTE_MINIMAL))

    _, found = flow.read("in.csv")

    assert texts(found) == rows


def test_a_very_long_field_is_read(flow):
    long = "x,\n" * 1_000_000

    assert flow.read(flow.put("in.csv", write([("a", "b"), ("1", long)])))[1] == [("1", long)]


class LossyEngine(LocalEngine):
    """An engine that loses the first row of every file, as readers have been seen to do."""

    def stage(self, source, file, limit_rows=None):
        rows = super().stage(source, file, limit_rows)
        kept = file.with_suffix(".kept")
        self.connection.execute(f"COPY (FROM '{file}' OFFSET 1) TO '{kept}' (FORMAT parquet)")
        kept.replace(file)
        return rows - 1


@pytest.mark.parametrize(
    ("name", "content"),
    [("in.csv", b"a,b\n1,2\n3,4\n"), ("in.csv", b'a,b\n1,x"y\n3,4\n'), ("in.jsonl", b'{"a":1}\n')],
)
def test_a_reader_that_loses_rows_is_noticed(make_flow, name, content):
    flow = make_flow(engine_class=LossyEngine)

    with pytest.raises(DatasetError):
        flow.read(flow.put(name, content))
