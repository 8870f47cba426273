"""The report of a run that publishes no rows: it measured a dataset, or failed for its rows."""

import errno
import hashlib
import json
import os

import pytest

from util_services.errors import CancelledError, ConfigurationError, StorageError
from util_services.flow.operate import FindingsError, Outcome, StepFailedError
from util_services.reports import Report

CONTENT = b"a,b\n1,x\n2,y\n"
FAILURE = "A rule is broken by 1 of 2 rows."


def names(flow):
    return sorted(path.name for path in flow.storage.root.iterdir())


def test_page_and_record_appear_and_no_row_does(flow):
    published = flow.report(flow.put("in.csv", CONTENT), "found")

    record = json.loads(flow.get("found.report.json"))
    assert names(flow) == ["found.report.html", "found.report.json", "in.csv"]
    assert record == published.report.to_dict()
    assert record["output"] is None
    assert record["rows"] == {"in": 2, "out": 0, "dropped": 0, "quarantined": 0}
    assert record["steps"][0]["rows"] == {"in": 2, "out": 2, "dropped": 0}
    assert record["steps"][0]["facts"] == {"rows": 2}
    assert published.sha256 == hashlib.sha256(flow.get("found.report.json")).hexdigest()
    assert Report.from_json(flow.get("found.report.json")) == published.report
    page = flow.get("found.report.html").decode()
    assert "It looked at 2 rows." in page
    assert "What became of the rows" not in page


def test_the_ending_of_a_report_may_be_named(flow):
    flow.report(flow.put("in.csv", CONTENT), "found.report.json")

    assert names(flow) == ["found.report.html", "found.report.json", "in.csv"]


def test_a_report_replaces_another_only_where_that_is_asked_for(flow):
    flow.report(flow.put("in.csv", CONTENT), "found")
    before = flow.get("found.report.json")

    with pytest.raises(StorageError, match="already exists; choose another path or set"):
        flow.report("in.csv", "found")

    assert flow.get("found.report.json") == before
    flow.report(flow.put("in.csv", b"a\n1\n"), "found", overwrite=True)
    assert json.loads(flow.get("found.report.json"))["rows"]["in"] == 1
    assert b"It looked at 1 rows" in flow.get("found.report.html")


def test_a_page_that_is_no_report_is_left_alone(flow):
    flow.put("found.report.html", b"<p>mine</p>")

    with pytest.raises(StorageError, match="already exists"):
        flow.report(flow.put("in.csv", CONTENT), "found")

    assert names(flow) == ["found.report.html", "in.csv"]
    assert flow.get("found.report.html") == b"<p>mine</p>"


def test_a_record_that_cannot_appear_leaves_no_page(flow, monkeypatch):
    flow.put("in.csv", CONTENT)
    really = os.link

    def broken(source, target, **options):
        if str(target).endswith("found.report.json"):
            raise OSError(errno.EIO, "x")
        really(source, target, **options)

    monkeypatch.setattr(os, "link", broken)

    with pytest.raises(StorageError, match="Input/output error"):
        flow.report("in.csv", "found")

    assert names(flow) == ["in.csv"]


def test_a_run_that_was_given_up_publishes_no_report(flow):
    def refuse():
        raise CancelledError("The run is no longer at work, so nothing was published.")

    with pytest.raises(CancelledError):
        flow.report(flow.put("in.csv", CONTENT), "found", may_publish=refuse)

    assert names(flow) == ["in.csv"]


@pytest.mark.parametrize(
    ("source", "path", "sentence"),
    [
        ("in.csv", "out/", "The report 'out/' is a folder; name a file in it, such as"),
        ("in.csv", "out*", r"holds a '\*'; name one file"),
        ("found.report.json", "found", "or a report beside it is the input itself"),
        ("in.csv", "x" * 250, "too long for the reports beside it"),
    ],
)
def test_a_place_that_is_none_for_a_report_is_refused(flow, source, path, sentence):
    flow.put(source, CONTENT)

    with pytest.raises(ConfigurationError, match=sentence):
        flow.report(source, path, reading={"format": "csv"})

    assert names(flow) == [source]


def test_the_report_on_a_slice_is_below_test_runs(flow):
    published = flow.report(flow.put("in.csv", CONTENT), "out/found", reading={"limit_rows": 1})

    root = flow.storage.root
    assert published.location.path == f"{root}/_test_runs/run-1/found.report.json"
    assert names(flow) == ["_test_runs", "in.csv"]


def test_records_that_cannot_be_read_stand_beside_the_report(flow):
    source = flow.put("in.csv", b"a,b\n1,x\n2,y,z\n")

    published = flow.report(source, "found", reading={"bad_rows": "quarantine"})

    assert json.loads(flow.get("found.quarantine.jsonl"))["line"] == 3
    assert published.report.rows.quarantined == 1
    assert str(published.reports["quarantine"]).endswith("found.quarantine.jsonl")


def test_a_failure_is_told_on_the_page_and_in_the_record(flow):
    flow.report(flow.put("in.csv", CONTENT), "found", failure=FAILURE)

    record = flow.get("found.failed.report.json")
    assert names(flow) == ["found.failed.report.html", "found.failed.report.json", "in.csv"]
    assert json.loads(record)["failure"] == FAILURE
    assert Report.from_json(record).failure == FAILURE
    page = flow.get("found.failed.report.html").decode()
    assert f"The run failed; nothing was published.</strong> {FAILURE}" in page
    assert "Given 2 rows, it ended the run." in page


def test_the_report_of_a_failure_is_replaced_by_that_of_the_next_and_goes_with_success(flow):
    flow.report(flow.put("in.csv", CONTENT), "found", failure="first")
    flow.report("in.csv", "found", failure="second")
    assert json.loads(flow.get("found.failed.report.json"))["failure"] == "second"

    flow.report("in.csv", "found")

    assert names(flow) == ["found.report.html", "found.report.json", "in.csv"]


@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_the_report_of_a_failure_goes_when_the_data_appear(flow, output):
    flow.report(flow.put("in.csv", CONTENT), output.rstrip("/"), failure=FAILURE)
    assert f"{output.rstrip('/')}.failed.report.json" in names(flow)

    flow.run("in.csv", output, **({"format": "csv"} if output == "out/" else {}))

    assert not [name for name in names(flow) if "failed" in name]


def test_a_stranger_in_the_place_of_a_failure_is_left_alone(flow):
    flow.put("found.failed.report.json", b"{}")

    with pytest.raises(StorageError, match="already exists"):
        flow.report(flow.put("in.csv", CONTENT), "found", failure=FAILURE)

    assert flow.get("found.failed.report.json") == b"{}"


def test_an_operation_that_only_looks_leaves_the_rows_to_be_published_as_they_are(flow):
    flow.run(flow.put("in.csv", CONTENT), "out.jsonl", lambda _: Outcome(None, facts={"seen": 1}))

    (step,) = json.loads(flow.get("out.jsonl.report.json"))["steps"]
    assert flow.get("out.jsonl") == b'{"a":"1","b":"x"}\n{"a":"2","b":"y"}\n'
    assert step["rows"] == {"in": 2, "out": 2, "dropped": 0}
    assert step["facts"] == {"seen": 1}


def test_what_made_an_operation_fail_comes_with_its_error(flow):
    def refuse(_):
        raise FindingsError(FAILURE, facts={"broken": 1}, warnings=("Look there.",))

    with pytest.raises(StepFailedError) as failed:
        flow.run(flow.put("in.csv", CONTENT), "out.csv", refuse)

    (step,) = failed.value.dataset.steps
    assert str(failed.value) == FAILURE
    assert (step.facts, step.warnings) == ({"broken": 1}, ("Look there.",))
    assert (step.rows_in, step.rows_out) == (2, 0)
    assert names(flow) == ["in.csv"]
