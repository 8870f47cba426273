"""Many objects as one dataset, and datasets in part files."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError, DatasetError, StorageError
from util_services.flow.operate import Outcome
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging


def names(flow, folder):
    return sorted(
        file.relative_to(flow.storage.root).as_posix()
        for file in (flow.storage.root / folder).rglob("*")
        if file.is_file()
    )


def test_objects_are_read_one_behind_the_other_in_the_order_of_their_names(flow):
    flow.put("in/b.csv", b"a,b\r\n3,4\r\n")  # each may end its lines in its own way
    flow.put("in/a.csv", b"a,b\n1,2\n")
    flow.put("in/10.csv", b"a,b\n")
    flow.put("in/c/d.csv", b"a,b\n5,6")

    dataset, rows = flow.read("in/")

    assert rows == [("1", "2"), ("3", "4"), ("5", "6")]
    assert [(one.name, one.rows) for one in dataset.objects] == [
        ("10.csv", 0),
        ("a.csv", 1),
        ("b.csv", 1),
        ("c/d.csv", 1),
    ]
    assert flow.read("in/*.csv")[1] == rows[:2]
    assert flow.read("in/**.csv")[1] == rows
    assert flow.read("in/*/*.csv")[1] == rows[2:]


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "json", "avro", "orc", "xlsx"])
def test_rows_of_all_objects_are_numbered_through(flow, kind):
    for part in range(3):
        rows = "".join(f"{part * 10 + n}\n" for n in range(part + 1))
        flow.put("in.csv", f"a\n{rows}".encode())
        (flow.storage.root / "in").mkdir(exist_ok=True)
        flow.run("in.csv", f"in/{part}.{kind}")

    plan = plan_read(flow.storage, ReadOptions(f"in/*.{kind}"))
    staging = Staging.create(flow.base, "read")
    with LocalEngine(staging.scratch()) as engine:
        dataset = read_dataset(plan, staging, engine)
        rows = engine.rows(engine.scan(dataset, row_number="n"))
    staging.remove()

    assert [row["n"] for row in rows] == list(range(6))
    assert [row["a"] for row in rows] == ["0", "10", "11", "20", "21", "22"]


def test_names_that_stand_beside_the_data_are_passed_over(flow):
    flow.put("first.csv", b"a\n1\n")
    flow.run("first.csv", "in/a.csv")  # with its reports
    flow.put("in/.hidden.csv", b"x\n1\n")
    flow.put("in/_temporary/b.csv", b"x\n1\n")

    assert flow.read("in/")[1] == [("1",)]


def test_parquet_files_are_scanned_where_they_are(flow):
    (flow.storage.root / "in").mkdir()
    for name in ("b", "a"):
        table = pa.table({"name": [name], "n": pa.array([None], pa.int64())})
        pq.write_table(table, flow.storage.root / f"in/{name}.parquet")

    dataset, rows = flow.read("in/")

    assert rows == [("a", None), ("b", None)]
    assert dataset.files == tuple(str(flow.storage.root / f"in/{name}.parquet") for name in "ab")


def test_json_lines_get_one_type_over_all_objects(flow):
    flow.put("in/a.jsonl", b'{"n": 1, "only": "x"}\n')
    flow.put("in/b.jsonl", b'{"n": 2.5}\n{"n": 9007199254740993}\n')
    flow.put("in/c.jsonl", b'{"n": null, "later": true}\n')

    dataset, rows = flow.read("in/")

    assert dataset.schema.names == ["n", "only", "later"]
    assert len({type(row[0]) for row in rows if row[0] is not None}) == 1
    assert [row[1:] for row in rows] == [("x", None), (None, None), (None, None), (None, True)]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (b"a,c\n1,2\n", r"'b.csv' are not those of 'a.csv': they differ in 'b', 'c'; a dataset"),
        (b"b,a\n1,2\n", r"'b.csv' are not those of 'a.csv': they come in another order; a dataset"),
        (b"a,b,c\n1,2,3\n", r"they differ in 'c'; a dataset has one schema"),
    ],
)
def test_objects_of_other_columns_are_refused_before_rows_are_read(flow, second, reason):
    flow.put("in/a.csv", b"a,b\n1,2\n")
    flow.put("in/b.csv", second)

    with pytest.raises(DatasetError, match=reason):
        plan_read(flow.storage, ReadOptions("in/"))


def test_objects_of_other_types_are_refused(flow):
    (flow.storage.root / "in").mkdir()
    for name, kind in (("a", pa.int64()), ("b", pa.string())):
        table = pa.table({"n": pa.array([None], kind)})
        pq.write_table(table, flow.storage.root / f"in/{name}.parquet")

    with pytest.raises(DatasetError, match="they 'n' is string instead of int64") as refused:
        plan_read(flow.storage, ReadOptions("in/"))
    assert "'b.parquet' are not those of 'a.parquet'" in str(refused.value)


def test_objects_of_several_formats_are_refused(flow):
    flow.put("in/a.csv", b"a\n1\n")
    flow.put("in/b.jsonl", b'{"a": 1}\n')

    with pytest.raises(ConfigurationError, match="of several formats: 'csv', 'jsonl'; name those"):
        flow.read("in/")


def test_an_error_names_the_object(flow):
    flow.put("in/a.csv", b"a,b\n1,2\n")
    flow.put("in/b.csv", b"a,b\n1,2\n3\n")

    with pytest.raises(DatasetError, match=r"^b\.csv: Line 3 has fewer fields than the header"):
        flow.read("in/")


def test_a_pattern_that_names_nothing_is_refused(flow):
    (flow.storage.root / "in").mkdir()

    for path in ("in/", "in/*.csv", "no/", "no/*.csv"):
        with pytest.raises(StorageError, match="There is no dataset at '"):
            flow.read(path)


def test_no_pattern_leads_out_of_the_root(flow, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/a.csv").write_text("a\n1\n")
    (flow.storage.root / "in").mkdir()
    (flow.storage.root / "in/link.csv").symlink_to(tmp_path / "secret/a.csv")
    (flow.storage.root / "linked").symlink_to(tmp_path / "secret")

    for path in ("../secret/*.csv", "../secret/", "in/", "in/*.csv", "linked/"):
        with pytest.raises(StorageError, match="lies outside the storage root"):
            flow.read(path)
    (flow.storage.root / "in/link.csv").unlink()
    with pytest.raises(StorageError, match="is a link to a folder, which a pattern does not"):
        flow.read("*/*.csv")


def test_a_slice_of_many_objects_reads_no_more_than_it_needs(flow):
    for name in "abc":
        flow.put(f"in/{name}.csv", f"n\n{name}1\n{name}2\n".encode())

    dataset, rows = flow.read("in/", limit_rows=3)

    assert rows == [("a1",), ("a2",), ("b1",)]
    assert [one.name for one in dataset.objects] == ["a.csv", "b.csv"]


def test_the_report_lists_the_objects(flow):
    flow.put("in/a.csv", b"a\n1\n")
    flow.put("in/b.csv", b"a\n2\n")

    report = flow.run("in/", "out.csv").report

    digests = [hashlib.sha256(flow.get(f"in/{name}.csv")).hexdigest() for name in "ab"]
    listing = "".join(f"{d}  {n}.csv\n" for d, n in zip(digests, "ab", strict=True))
    assert report.input.objects == tuple(
        {"name": f"{n}.csv", "bytes": 4, "sha256": d, "rows": 1, "quarantined": 0}
        for d, n in zip(digests, "ab", strict=True)
    )
    assert report.input.sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert report.input.bytes == 8


@pytest.mark.parametrize("output", ["in/c.csv", "in/x/", "in/"])
def test_an_output_that_would_become_a_part_of_the_input_is_refused(flow, output):
    flow.put("in/a.csv", b"a\n1\n")

    with pytest.raises((ConfigurationError, StorageError), match=r"part of the input|other files"):
        flow.run("in/", output, overwrite=True)
    assert names(flow, "in") == ["in/a.csv"]


@pytest.mark.parametrize(
    "kind", ["csv", "jsonl", "json", "parquet", "avro", "orc", "xlsx", "csv.gz"]
)
def test_part_files_hold_the_rows_in_order(flow, kind):
    flow.put("in.csv", b"n\n" + b"".join(b"%d\n" % n for n in range(25)))
    form, _, compression = kind.partition(".")
    options = {"format": form, "compression": compression or "auto", "part_rows": 10}

    published = flow.run("in.csv", "out/", **options)
    dataset, rows = flow.read("out/")

    manifest = json.loads(flow.get("out/_manifest.json"))
    assert rows == [(str(n),) for n in range(25)]
    assert [part["rows"] for part in manifest["parts"]] == [10, 10, 5]
    assert manifest["rows"] == 25
    assert [part["name"] for part in manifest["parts"]] == [one.name for one in dataset.objects]
    for part in manifest["parts"]:
        content = flow.get(f"out/{part['name']}")
        assert part["name"].endswith(f"{part['sha256'][:16]}.{kind}")
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (
            part["sha256"],
            part["bytes"],
        )
    assert published.report.output.parts == 3
    assert {"out.report.html", "out.report.json"} < set(names(flow, "."))


def test_a_dataset_without_rows_is_one_empty_part(flow):
    flow.put("in.csv", b"a,b\n1,2\n")

    flow.run("in.csv", "out/", lambda given: Outcome(given.scan().head(0), dropped=1))

    dataset, rows = flow.read("out/")
    assert (dataset.schema.names, rows, len(dataset.objects)) == (["a", "b"], [], 1)


def test_part_files_are_the_same_in_every_run(flow):
    flow.put("in.csv", b"n\n" + b"".join(b"%d\n" % n for n in range(25)))

    flow.run("in.csv", "a/", format="parquet", part_rows=10)
    flow.run("in.csv", "b/", format="parquet", part_rows=10)

    assert [name[2:] for name in names(flow, "a")] == [name[2:] for name in names(flow, "b")]
    assert all(flow.get(name) == flow.get(f"b{name[1:]}") for name in names(flow, "a"))


def test_replacing_part_files_leaves_no_old_ones(flow):
    flow.put("in.csv", b"n\n1\n2\n3\n")
    flow.run("in.csv", "out/", part_rows=1)
    flow.put("in.csv", b"n\n1\n5\n")

    with pytest.raises(StorageError, match="already exists"):
        flow.run("in.csv", "out/")
    flow.run("in.csv", "out/", part_rows=1, overwrite=True)

    assert flow.read("out/")[1] == [("1",), ("5",)]
    assert len(names(flow, "out")) == 3


def test_a_folder_with_other_files_is_refused(flow):
    flow.put("in.csv", b"n\n1\n")
    flow.put("out/mine.csv", b"n\n7\n")

    with pytest.raises(StorageError, match="holds 1 other files, which are no part of a dataset"):
        flow.run("in.csv", "out/", overwrite=True)
    assert names(flow, "out") == ["out/mine.csv"]


def test_parts_that_no_manifest_lists_are_not_read(flow):
    flow.put("in.csv", b"n\n1\n")
    flow.run("in.csv", "out/")
    flow.put(f"out/part-00007-{'0' * 16}.csv", b"n\n999\n")  # of a run that was killed

    assert flow.read("out/")[1] == [("1",)]
    flow.put("in.csv", b"n\n2\n")
    flow.run("in.csv", "out/", overwrite=True)
    assert len(names(flow, "out")) == 2


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_part_that_is_not_what_the_manifest_says_is_refused(flow, harm):
    flow.put("in.csv", b"n\n1\n2\n")
    flow.run("in.csv", "out/", part_rows=1)
    name = json.loads(flow.get("out/_manifest.json"))["parts"][1]["name"]
    if harm == "changed":
        flow.put(f"out/{name}", b"n\n9\n")
    else:
        (flow.storage.root / "out" / name).unlink()

    with pytest.raises((DatasetError, StorageError), match=r"the manifest of"):
        flow.read("out/")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is damaged"),
        (b"[]", "is damaged"),
        (b'{"schema": 99, "format": "csv"}', "newer version"),
        (
            b'{"schema": 1, "format": "csv", "compression": null, "dialect": null, "columns": [], '
            b'"parts": [{"name": "../x.csv", "rows": 1, "bytes": 4, "sha256": ""}]}',
            "names a part outside its folder",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused(flow, content, reason):
    flow.put("x.csv", b"n\n1\n")
    flow.put("out/_manifest.json", content)

    with pytest.raises(DatasetError, match=reason):
        flow.read("out/")


def test_a_set_of_parts_that_was_never_finished_is_refused(flow):
    flow.put("in.csv", b"n\n1\n")
    flow.run("in.csv", "out/")
    (flow.storage.root / "out/_manifest.json").unlink()
    place = flow.storage.resolve("out/_manifest.json")

    with flow.storage.claim(place, exclusive=True), pytest.raises(StorageError, match="published"):
        flow.read("out/")
    with pytest.raises(StorageError, match=r"part files of a dataset but no '_manifest\.json'"):
        flow.read("out/")  # as after a copy of some of its files
    assert flow.read("out/*.csv")[1] == [("1",)]


def test_a_failure_while_parts_appear_leaves_what_was_there(flow, monkeypatch):
    flow.put("in.csv", b"n\n1\n2\n")
    flow.run("in.csv", "out/", part_rows=1)
    before = {name: flow.get(name) for name in names(flow, ".")}
    flow.put("in.csv", b"n\n1\n3\n4\n")
    before["in.csv"] = flow.get("in.csv")

    def refuse():
        raise StorageError("The run is over.")

    with pytest.raises(StorageError, match="The run is over"):
        flow.run("in.csv", "out/", part_rows=1, overwrite=True, may_publish=refuse)

    assert {name: flow.get(name) for name in names(flow, ".")} == before


def test_a_report_that_cannot_be_replaced_takes_no_part_with_it(flow):
    flow.put("in.csv", b"n\n1\n2\n")
    flow.run("in.csv", "out/", part_rows=1)
    flow.put("in.csv", b"n\n3\n4\n")

    def obstruct():
        report = flow.storage.root / "out.report.html"
        if not report.exists():  # right before the commit, when the former one is set aside
            report.mkdir()

    with pytest.raises(StorageError, match="data were replaced, but not all their reports"):
        flow.run("in.csv", "out/", part_rows=1, overwrite=True, may_publish=obstruct)

    assert flow.read("out/")[1] == [("3",), ("4",)]
