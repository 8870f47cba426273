"""Records that cannot be read are set aside with their lines, and none is lost or made up."""

import base64
import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.datasets.csv_dialect import CsvDialect
from util_services.datasets.sifting import sift_csv
from util_services.errors import DatasetError, StorageError
from util_services.reports import RowCounts

RAGGED = b"a,b\n1,2\n3\n4,5,6\n7,8\n"
SET_ASIDE = {"bad_rows": "quarantine"}


def entries(flow, name="out.csv.quarantine.jsonl"):
    return [json.loads(line) for line in flow.get(name).splitlines()]


def test_ragged_records_are_set_aside_with_their_lines(flow):
    published = flow.run(flow.put("in.csv", RAGGED), "out.csv", reading=SET_ASIDE)

    assert flow.get("out.csv") == b"a,b\n1,2\n7,8\n"
    assert entries(flow) == [
        {
            "schema": 1,
            "object": "in.csv",
            "line": 3,
            "lines": 1,
            "reason": "has fewer fields than the header",
            "text": "3",
        },
        {
            "schema": 1,
            "object": "in.csv",
            "line": 4,
            "lines": 1,
            "reason": "has more fields than the header",
            "text": "4,5,6",
        },
    ]
    assert published.report.rows == RowCounts(read=4, out=2, dropped=0, quarantined=2)
    assert published.reports["quarantine"].path.endswith("/out.csv.quarantine.jsonl")


def test_bad_records_are_an_error_unless_asked_otherwise(flow):
    with pytest.raises(DatasetError, match=r"^Line 3 has fewer fields than the header"):
        flow.run(flow.put("in.csv", RAGGED), "out.csv")


def test_a_file_without_bad_records_has_no_quarantine(flow):
    published = flow.run(flow.put("in.csv", b"a\n1\n"), "out.csv", reading=SET_ASIDE)

    assert not (flow.storage.root / "out.csv.quarantine.jsonl").exists()
    assert "quarantine" not in published.reports


@pytest.mark.parametrize(
    ("bad", "lines", "reason"),
    [
        (b'"x"y,2\n', 1, "has text behind a closing quote"),
        (b'"x\n\ny"z,2\n', 3, "has text behind a closing quote"),
        (b'"x\ny"\n', 2, "has fewer fields than the header"),
        (b"1,2\r\n", 1, "does not end like the other lines"),
        (b"1\r2,3\n", 1, "does not end like the other lines"),
        (b"\xff,2\n", 1, "has bytes that are not in the file's encoding"),
    ],
)
@pytest.mark.parametrize("last", [b"7,8\n", b'"7","8"'])
def test_each_kind_of_bad_record_costs_its_own_lines_only(flow, bad, lines, reason, last):
    content = b'a,b\n"1\n",2\n' + bad + last

    _, rows = flow.read(flow.put("in.csv", content), **SET_ASIDE)
    flow.run("in.csv", "out.csv", reading=SET_ASIDE)

    (entry,) = entries(flow)
    assert rows == [("1\n", "2"), ("7", "8")]
    assert (entry["line"], entry["lines"]) == (4, lines)
    assert entry["reason"].startswith(reason)
    kept = base64.b64decode(entry["base64"]) if "base64" in entry else entry["text"].encode()
    assert kept == bad.rstrip(b"\r\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_by_the_line_ends_of_the_file(flow, end):
    content = end.join(["a,b", "1,2", "3", "5,6", ""]).encode()

    _, rows = flow.read(flow.put("in.csv", content), **SET_ASIDE)
    flow.run("in.csv", "out.csv", reading=SET_ASIDE)

    assert rows == [("1", "2"), ("5", "6")]
    assert [(entry["line"], entry["text"]) for entry in entries(flow)] == [(3, "3")]


@pytest.mark.parametrize(
    ("encoding", "good", "bad"),
    [
        ("cp1252", "é,€\n", b"\x81,x\n"),
        ("utf-16-le", "é,€\n", b"\x00\xd8,\x00x\x00\n\x00"),
        ("utf-16", "é,€\n", b"\x00\xd8,\x00x\x00\n\x00"),
        ("shift_jis", "あ,い\n", b"\x85\x20,x\n"),
    ],
)
def test_bytes_outside_the_encoding_cost_their_record_only(flow, encoding, good, bad):
    head = f"a,b\n{good}".encode(encoding)
    tail = good.encode("utf-16-le" if encoding == "utf-16" else encoding)
    reading = {"encoding": encoding, **SET_ASIDE}

    _, rows = flow.read(flow.put("in.csv", head + bad + tail), **reading)
    flow.run("in.csv", "out.csv", reading=reading)

    (entry,) = entries(flow)
    end = "\n".encode("utf-16-le" if encoding == "utf-16" else encoding)
    assert rows == [tuple(good.strip().split(","))] * 2
    assert entry["line"] == 3
    assert base64.b64decode(entry["base64"]).removeprefix(b"\xff\xfe") == bad.removesuffix(end)


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_bad_json_is_set_aside(flow, kind):
    rows = ['{"n": 1}', '{"n": 2, "n": 3}', '{"n": tru}', "[4]", '{"n": 5}']
    content = "\n".join(rows) if kind == "jsonl" else f"[{','.join(rows)}]"
    if kind == "json":
        content = content.replace(",[4]", "")

    dataset, found = flow.read(flow.put(f"in.{kind}", content.encode()), **SET_ASIDE)
    flow.run(f"in.{kind}", "out.csv", reading=SET_ASIDE)

    assert found == [(1,), (5,)]
    assert dataset.quarantined == len(entries(flow)) == (3 if kind == "jsonl" else 2)
    assert [entry["line"] for entry in entries(flow)][:2] == [2, 3]


def test_json_that_no_column_can_hold_is_set_aside(flow):
    flow.put("in.jsonl", b'{"a": 1}\n{"a": NaN}\n{"": 3}\n{"a": {"": 1}}\n{"a": -Infinity}\n')

    dataset, rows = flow.read("in.jsonl", **SET_ASIDE)

    assert rows == [(1,)]
    assert dataset.quarantined == 4


def test_objects_are_named_in_the_quarantine(flow):
    flow.put("in/a.csv", b"a\n1\n")
    flow.put("in/b.csv", b"a\n1,2\n3\n")
    flow.put("lines/a.jsonl", b'{"n": 1}\nx\n')
    flow.put("lines/b.jsonl", b'{"n": 1.5}\ny\n')

    flow.run("in/", "out.csv", reading=SET_ASIDE)
    flow.run("lines/", "lines.csv", reading=SET_ASIDE)

    assert [(entry["object"], entry["line"]) for entry in entries(flow)] == [("b.csv", 2)]
    lines = entries(flow, "lines.csv.quarantine.jsonl")
    assert [(entry["object"], entry["text"]) for entry in lines] == [
        ("a.jsonl", "x"),
        ("b.jsonl", "y"),
    ]
    assert flow.get("lines.csv") == b"n\n1.0\n1.5\n"


def test_a_quote_inside_a_field_without_quotes_is_a_character_with_and_without_bad_records(flow):
    flow.put("good.csv", b'a,b\n5" pipe,2\n')
    flow.put("bad.csv", b'a,b\n5" pipe,2\n3\n')

    assert flow.read("good.csv", **SET_ASIDE)[1] == [('5" pipe', "2")]
    assert flow.read("bad.csv", **SET_ASIDE)[1] == [('5" pipe', "2")]


def test_a_quote_that_is_never_closed_is_an_error_all_the_same(flow):
    with pytest.raises(DatasetError, match="opens a field in line 3 is never closed"):
        flow.read(flow.put("in.csv", b'a,b\n1,2\n"3,4\n5,6\n'), **SET_ASIDE)


def test_nothing_but_bad_records_is_an_error(flow):
    flow.put("in.csv", b"a;b\n1;2,3\n4;5,6\n")

    with pytest.raises(DatasetError, match=r"None of the 2 records of 'in\.csv' can be read"):
        flow.run("in.csv", "out.csv", reading=SET_ASIDE)
    assert not (flow.storage.root / "out.csv.quarantine.jsonl").exists()


def test_a_new_output_takes_the_old_quarantine_with_it(flow):
    flow.run(flow.put("in.csv", RAGGED), "out.csv", reading=SET_ASIDE)
    flow.put("in.csv", b"a,b\n1,2\n")

    flow.run("in.csv", "out.csv", overwrite=True)

    assert not (flow.storage.root / "out.csv.quarantine.jsonl").exists()


def test_a_file_that_is_no_quarantine_is_not_replaced(flow):
    flow.put("out.csv.quarantine.jsonl", b'{"mine": 1}\n')

    with pytest.raises(StorageError, match=r"quarantine\.jsonl' already exists"):
        flow.run(flow.put("in.csv", RAGGED), "out.csv", reading=SET_ASIDE)
    assert flow.get("out.csv.quarantine.jsonl") == b'{"mine": 1}\n'


GOOD = st.lists(
    st.tuples(*[st.text('ab,"\n\r é', max_size=5)] * 2).map(
        lambda row: '"' + '","'.join(cell.replace('"', '""') for cell in row) + '"\n'
    )
    | st.tuples(*[st.text("abé", max_size=3)] * 2).map(lambda row: ",".join(row) + "\n"),
    max_size=6,
)
BAD = st.sampled_from(["x\n", "1,2,3\n", '"x"y,1\n', '"a\nb"c,1\n', "1,2\r\n", '"only"\n'])


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(GOOD, st.lists(st.tuples(st.integers(0, 6), BAD), max_size=4))
def test_good_records_stay_and_bad_ones_go_wherever_they_stand(tmp_path, good, bad):
    records = [(text, True) for text in good]
    for place, text in bad:
        records.insert(min(place, len(records)), (text, False))
    file, clean = tmp_path / "in.csv", tmp_path / "clean.csv"
    file.write_bytes(("a,b\n" + "".join(text for text, _ in records)).encode())
    found = []

    kept = sift_csv(file, CsvDialect(), 2, clean, found.append)

    expected = [text for text, is_good in records if is_good]
    lines = file.read_bytes().split(b"\n")
    assert clean.read_bytes() == ("a,b\n" + "".join(expected)).encode()
    assert kept == len(expected)
    assert [bad.content for bad in found] == [
        text.rstrip("\r\n").encode() for text, is_good in records if not is_good
    ]
    for one in found:
        whole = b"\n".join(lines[one.line - 1 : one.line - 1 + one.lines])
        assert whole.rstrip(b"\r") == one.content
    rows = list(csv.reader(io.StringIO(clean.read_bytes().decode(), newline="")))
    assert len(rows) == kept + 1
