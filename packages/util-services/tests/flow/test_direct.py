"""Text that an operation scans once is read where it is, with every check of a staged copy."""

import pytest

from util_services.engines.local import LocalEngine
from util_services.errors import DatasetError
from util_services.flow.changes import SourceChangedError
from util_services.flow.operate import Outcome
from util_services.flow.publish import NotConservedError

CONTENT = b'id,text\r\n007,NA\r\n"",\r\n1,"x,""y""\r\nz"\r\n'


@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "out.jsonl", "out.xlsx", "out/"])
@pytest.mark.parametrize(
    "content",
    [CONTENT, CONTENT.replace(b"\r\n", b"\n"), b"\xef\xbb\xbf" + CONTENT, b"a,b\n", b"a\n\n1\n"],
)
def test_a_direct_reading_gives_the_same_bytes_as_a_staged_one(make_flow, content, output):
    staged, direct = make_flow(), make_flow()
    for flow, is_direct in ((staged, False), (direct, True)):
        flow.put("in.csv", content)
        flow.run("in.csv", output, is_direct=is_direct)

    def outputs(flow):
        files = flow.storage.root.rglob("*")
        return {
            file.relative_to(flow.storage.root): file.read_bytes()
            for file in files
            if file.is_file() and not file.name.endswith(".report.html")
        }

    assert outputs(direct) == outputs(staged)


def test_nothing_is_staged_for_a_direct_reading(flow):
    flow.put("in.csv", CONTENT)

    def look(given):
        assert given.staged.files == (str(flow.storage.root / "in.csv"),)
        assert sorted(file.name for file in flow.base.rglob("*")) == ["lease", "run-1", "scratch"]
        return Outcome(given.scan())

    flow.run("in.csv", "out.csv", look, is_direct=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b\n1,2\n3\n", "Line 3 has fewer fields than the header"),
        (b"a,b\n1,2\n3\n4,5,6\n", "Line 3 has fewer fields than the header"),
        (b"a,b\n1,2\n\xff,4\n", "byte 8 in line 3 does not belong to it"),
        (b'a,b\n1,"x"y\n', "text beside a quoted field|text after a closing quote"),
        (b'a,b\n1,"x\n', "quote"),
        (b"a,b\n1,2\r\n3,4\n", "Line 2 does not end like the other lines"),
        (b"a,b\r\n1,2\r\n3,4\n", "Line 3 does not end like the other lines"),
        (b"a,b\n1,2\n3,4\r5\n", "Line 3 does not end like the other lines"),
    ],
)
def test_a_direct_reading_refuses_what_a_staged_one_refuses(flow, content, reason):
    flow.put("in.csv", content)

    with pytest.raises(DatasetError, match=reason):
        flow.run("in.csv", "out.parquet", is_direct=True)
    assert [file.name for file in flow.storage.root.iterdir()] == ["in.csv"]


def test_a_row_that_the_engine_loses_is_noticed(make_flow):
    class Forgetful(LocalEngine):
        def _scan_text(self, dataset, row_number):
            return super()._scan_text(dataset, row_number).head(2)

    flow = make_flow(engine_class=Forgetful)
    flow.put("in.csv", CONTENT)

    with pytest.raises(NotConservedError, match="was given 3 rows but accounts for 2 kept"):
        flow.run("in.csv", "out.csv", is_direct=True)


def test_a_source_that_changes_after_its_rows_were_counted_is_refused(flow):
    flow.put("in.csv", CONTENT)

    def change(given):
        flow.put("in.csv", CONTENT + b"2,later\r\n")
        return Outcome(given.scan())

    with pytest.raises(SourceChangedError):
        flow.run("in.csv", "out.csv", change, is_direct=True)


@pytest.mark.parametrize(
    "reading",
    [{"limit_rows": 1}, {"encoding": "cp1252"}, {"bad_rows": "quarantine"}],
)
def test_what_needs_a_copy_gets_one(flow, reading):
    flow.put("in.csv", CONTENT)

    def look(given):
        assert given.staged.format == "parquet"
        return Outcome(given.scan())

    flow.run("in.csv", "out.csv", look, reading, is_direct=True)


def test_rows_of_a_direct_reading_are_numbered_in_order(flow):
    flow.put("in.csv", b"n\n" + b"".join(b"%d\n" % n for n in range(300_000)))
    found = []

    def look(given):
        rows = given.engine.rows(given.scan(row_number="row"))
        found.extend((row["n"], row["row"]) for row in rows)
        return Outcome(given.scan())

    flow.run("in.csv", "out.csv", look, is_direct=True)

    assert found == [(str(n), n) for n in range(300_000)]


def test_a_line_longer_than_common_ones_is_read(flow):
    text = "x" * 3_000_000
    flow.put("in.csv", f"a,b\n1,{text}\n2,y\n".encode())

    flow.run("in.csv", "out.csv", is_direct=True)

    assert flow.get("out.csv") == flow.get("in.csv")
