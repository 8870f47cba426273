"""Runs of jobs are recorded in the configured workspace, with no code in the jobs."""

import hashlib
import json

import pytest
from blake3 import blake3

from workspace_core import api
from workspace_core.lineage.questions import questions


def id_of(content):
    return f"blake3:{blake3(content).hexdigest()}"


def content_id(file):
    return id_of(file.read_bytes())


def test_a_run_is_recorded_with_what_it_read_and_published(lab):
    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    assert done.success
    step = lab.step(done)
    assert (step.step_name, step.status) == ("keep_rows_job", "complete")
    (read,) = step.input_resources
    assert (str(read.ref), read.hashval, read.size, read.changed) == (
        "raw:/a.csv",
        content_id(lab.folder / "raw/a.csv"),
        16,
        False,
    )
    written = {str(one.ref): one.hashval for one in step.output_resources}
    assert written == {
        f"clean:/{name}": content_id(lab.folder / "clean" / name)
        for name in ("b.csv", "b.csv.report.html", "b.csv.report.json")
    }
    run = step.more["run"]
    assert (run["run_id"], run["job"]) == (done.run_id, "keep_rows_job")
    assert {"util-services", "dagster", "duckdb"} <= run["versions"].keys()
    assert lab.at_work() == []


def test_the_lineage_answers_which_run_made_a_file(lab):
    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    asked = questions(lab.workspace)
    found = asked.made(asked.reference(str(lab.folder / "clean/b.csv")))

    assert [one.record().run_id for one in found.makers] == [done.run_id]
    assert [row["origin"] for row in found.to_dict()["sources"]] == ["source data"]


def test_run_and_asset_name_the_record_and_the_content(lab):
    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    step, version = lab.step(done), content_id(lab.folder / "clean/b.csv")
    tags = lab.instance.get_run_by_id(done.run_id).tags
    assert tags["data_services/lineage"] == step.id
    assert tags["data_services/data_version"] == version
    assert "data_services/snapshot" not in tags
    (event,) = lab.told(done, "ASSET_MATERIALIZATION")
    made = event.event_specific_data.materialization
    assert made.metadata["lineage"].value == step.id
    assert made.metadata["data_version"].value == version
    sha256 = hashlib.sha256((lab.folder / "clean/b.csv").read_bytes()).hexdigest()
    assert made.tags["dagster/data_version"] == sha256


def test_without_a_configured_workspace_nothing_is_recorded(lab, monkeypatch):
    monkeypatch.delenv("DATA_SERVICES_WORKSPACE")

    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    assert done.success
    assert lab.steps() == []
    assert not any("lineage" in name for name in lab.instance.get_run_by_id(done.run_id).tags)


def test_a_report_is_the_same_whether_the_run_is_recorded_or_not(lab, monkeypatch):
    lab.put("raw/b.csv")
    reports = []
    for number in range(2):
        assert lab.run("workspace:raw/*.csv", f"workspace:clean/{number}/b.csv").success
        text = (lab.folder / f"clean/{number}/b.csv.report.json").read_text()
        report = json.loads(text.replace(f"clean/{number}/", "clean/"))
        del report["run"]
        reports.append(report)
        monkeypatch.delenv("DATA_SERVICES_WORKSPACE", raising=False)

    assert reports[0] == reports[1]
    assert len(lab.steps()) == 1


def test_files_outside_of_resources_are_recorded_by_path_and_digest(lab):
    lab.put("in.csv")

    done = lab.run("in.csv", "out.csv")

    step = lab.step(done)
    content = (lab.folder / "in.csv").read_bytes()
    assert (step.input_resources, step.output_resources) == ((), ())
    assert step.more["external_inputs"] == [
        {
            "path": "in.csv",
            "hash": id_of(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
    ]
    written = {one["path"]: one["hash"] for one in step.more["external_outputs"]}
    names = ("out.csv", "out.csv.report.html", "out.csv.report.json")
    assert written == {name: content_id(lab.folder / name) for name in names}
    assert str(lab.folder) not in lab.records()


def test_a_sample_is_an_input_by_its_name(lab):
    step = lab.step(lab.run("sample:patients.csv", "workspace:clean/b.csv"))

    assert [one["path"] for one in step.more["external_inputs"]] == ["sample:patients.csv"]


def test_all_objects_of_an_input_are_recorded_each(lab):
    lab.put("raw/b.csv", "id,name\n3,z\n")

    step = lab.step(lab.run("workspace:raw/*.csv", "workspace:clean/all.csv"))

    found = {str(one.ref): one.hashval for one in step.input_resources}
    assert found == {f"raw:/{n}": content_id(lab.folder / "raw" / n) for n in ("a.csv", "b.csv")}


def test_what_an_operation_reads_besides_is_recorded(lab):
    lab.put("raw/setting.txt", "anything")

    step = lab.step(lab.run("raw/a.csv", "clean/b.csv", other="workspace:raw/setting.txt"))

    found = {str(one.ref): one.hashval for one in step.input_resources}
    assert found["raw:/setting.txt"] == id_of(b"anything")
    assert found.keys() == {"raw:/a.csv", "raw:/setting.txt"}


@pytest.mark.parametrize("rows", [3, 70])
def test_part_files_are_recorded_with_their_manifest(lab, rows):
    lab.put("raw/many.csv", "id\n" + "".join(f"{n}\n" for n in range(rows)))

    done = lab.run("raw/many.csv", "clean/parts/", writing={"format": "csv", "part_rows": 1})

    asked = questions(lab.workspace)
    files = [one for one in (lab.folder / "clean/parts").iterdir() if not one.is_dir()]
    assert len(files) == rows + 1
    for file in files:
        (maker, *_) = asked.made(asked.reference(str(file))).makers
        assert maker.record().run_id == done.run_id


def test_a_run_that_fails_is_recorded_with_nothing_made(lab, fail_on_purpose):
    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv", op=fail_on_purpose)

    assert not done.success
    step = lab.step(done)
    assert (step.status, step.output_resources) == ("failed", ())
    assert step.more["error"] == "RuntimeError"
    assert [str(one.ref) for one in step.input_resources] == ["raw:/a.csv"]
    assert [str(one) for one in step.unfinished] == ["clean:/b.csv"]
    assert lab.at_work() == []


def test_values_and_free_texts_are_in_no_record(lab):
    lab.put("raw/a.csv", "id,name\n1,canary-in-a-cell\n")

    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv", word="canary-in-config", limit=7)

    assert done.success
    given = lab.step(done).parameters["keep_rows"]
    assert given == {"limit": 7, "word": "[in the report]", "other": ""}
    assert "canary" not in lab.records()


# What is changed meanwhile


def test_an_input_that_changes_meanwhile_is_recorded_as_it_was_read(lab, meddle):
    before = content_id(lab.folder / "raw/a.csv")

    done = lab.run("raw/a.csv", "clean/b.csv", op=meddle, change=str(lab.folder / "raw/a.csv"))

    assert done.success
    (read,) = lab.step(done).input_resources
    after = content_id(lab.folder / "raw/a.csv")
    assert (read.hashval, read.changed, read.hash_at_end) == (before, True, after)
    assert before != after


# Before anything is read


@pytest.mark.parametrize("place", ["nowhere", "work/raw", "central:nowhere", "odd:thing"])
def test_a_workspace_that_is_not_there_refuses_the_run(lab, monkeypatch, tmp_path, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", place)

    done = lab.run("raw/a.csv", "clean/b.csv")

    assert not done.success
    assert lab.reason(done).startswith(
        "Runs cannot be recorded in the workspace that DATA_SERVICES_WORKSPACE names. "
    )
    assert lab.told(done, "ASSET_OBSERVATION") == []
    assert not list((lab.folder / "clean").iterdir())


@pytest.mark.parametrize("word", ["perhaps", "TRUE!"])
def test_a_setting_that_is_none_refuses_the_run(lab, monkeypatch, word):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", word)

    done = lab.run("raw/a.csv", "clean/b.csv")

    assert "DATA_SERVICES_WORKSPACE_SNAPSHOTS must be 'true' or 'false'" in lab.reason(done)
    assert not list((lab.folder / "clean").iterdir())


def test_a_tag_that_is_none_refuses_the_run(lab):
    done = lab.run("raw/a.csv", "clean/b.csv", tags={"data_services/take_snapshot": "maybe"})

    assert "'data_services/take_snapshot' must be 'true' or 'false'" in lab.reason(done)
    assert not list((lab.folder / "clean").iterdir())
    assert lab.at_work() == []


def test_source_data_are_not_written_and_the_refusal_leaves_no_record(lab):
    done = lab.run("workspace:raw/a.csv", "workspace:raw/b.csv")

    assert "it holds source data, which are never written" in lab.reason(done)
    assert (lab.steps(), lab.at_work()) == ([], [])


# What cannot be recorded


def test_nothing_is_published_that_the_workspace_could_not_keep(lab, meddle):
    place = lab.folder / ".dataworkspace/local/runs-at-work"

    done = lab.run("raw/a.csv", "clean/b.csv", op=meddle, forget=str(place))

    assert "The workspace does not know that this run has begun" in lab.reason(done)
    assert not list((lab.folder / "clean").iterdir())


def test_a_record_that_fails_after_publication_is_told_in_a_word(lab, meddle):
    place = lab.folder / ".dataworkspace/lineage"

    done = lab.run("raw/a.csv", "clean/b.csv", op=meddle, replace_by_file=str(place))

    assert not done.success
    reason = lab.reason(done)
    assert reason.startswith("The output is published, but its lineage is not recorded. ")
    assert (lab.folder / "clean/b.csv").exists()
    assert f"{done.run_id}.json" in lab.at_work()
    place.unlink()

    assert lab.run("raw/a.csv", "clean/c.csv").success  # which settles what was left

    step = lab.step(done)
    assert (step.status, step.output_resources) == ("failed", ())
    assert lab.at_work() == []
    asked = questions(lab.workspace)
    found = asked.made(asked.reference(str(lab.folder / "clean/b.csv")))
    assert found.makers == ()
    assert found.detail == "may have been left by a run of meddle_job that failed"


# Snapshots


def test_a_snapshot_is_taken_when_a_run_has_ended_well(lab, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    (taken,) = api.get_snapshot_history(str(lab.folder))
    assert lab.instance.get_run_by_id(done.run_id).tags["data_services/snapshot"] == taken.hashval
    (event,) = lab.told(done, "ASSET_MATERIALIZATION")
    assert event.event_specific_data.materialization.metadata["snapshot"].value == taken.hashval
    run = lab.workspace.catalogue.get(taken.hashval).more["run"]
    assert (run["run_id"], run["job"]) == (done.run_id, "keep_rows_job")
    assert run == lab.step(done).more["run"]
    assert {"versions", "commit"} <= run.keys()


def test_no_snapshot_is_taken_of_a_run_that_fails(lab, monkeypatch, fail_on_purpose):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    assert not lab.run("raw/a.csv", "clean/b.csv", op=fail_on_purpose).success

    assert api.get_snapshot_history(str(lab.folder)) == []


@pytest.mark.parametrize(("setting", "tag", "count"), [("false", "true", 1), ("true", "false", 0)])
def test_a_tag_of_the_run_goes_before_the_setting(lab, monkeypatch, setting, tag, count):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", setting)

    assert lab.run("raw/a.csv", "clean/b.csv", tags={"data_services/take_snapshot": tag}).success

    assert len(api.get_snapshot_history(str(lab.folder))) == count


def test_no_snapshot_is_taken_of_a_slice(lab, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    done = lab.run("raw/a.csv", "clean/b.csv", reading={"limit_rows": 1})

    assert done.success
    assert api.get_snapshot_history(str(lab.folder)) == []
    assert lab.step(done).status == "complete"


def test_a_snapshot_that_fails_is_told_and_the_record_stays(lab, meddle, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")

    done = lab.run(
        *("raw/a.csv", "clean/b.csv"),
        op=meddle,
        replace_by_file=str(lab.folder / ".dataworkspace/snapshots"),
    )

    assert "The output is published and its lineage recorded, but no snapshot" in lab.reason(done)
    assert lab.step(done).status == "complete"


# Parts of other runs, and questions


def test_a_run_inside_of_a_recorded_command_is_a_part_of_it(lab, monkeypatch):
    monkeypatch.setenv("DWS_RUN_ID", "4c0d")

    assert lab.step(lab.run("raw/a.csv", "clean/b.csv")).within == "4c0d"


def test_one_command_leads_from_a_run_to_its_snapshot_and_back(lab, dws):
    done = lab.run("raw/a.csv", "clean/b.csv", tags={"data_services/take_snapshot": "true"})
    later = lab.run("raw/a.csv", "clean/c.csv")
    assert done.success
    assert later.success
    dws("snapshot", "later")
    first, second = (one.hashval for one in api.get_snapshot_history(str(lab.folder)))

    by_run = dws.json("lineage", "run", done.run_id)
    by_snapshot = dws.json("lineage", "run", first[:10])
    by_beginning = dws.json("lineage", "run", later.run_id[:12])

    assert by_run == by_snapshot
    assert [one["hash"] for one in by_run["snapshots"]] == [first]
    assert by_run["record"]["input_resources"][0]["path"] == "a.csv"
    assert (by_beginning["run_id"], by_beginning["snapshots"]) == (later.run_id, [])
    assert by_beginning["kept_in"]["hash"] == second
    told = dws("lineage", "run", done.run_id)
    assert "read   raw:/a.csv" in told
    assert "wrote  clean:/b.csv" in told
    assert "was taken for it" in told
    assert f"run: {done.run_id} of keep_rows_job" in dws("log")
    assert f"run    {done.run_id}" in dws("lineage", "show", "clean/b.csv")


def test_a_run_that_nobody_knows_is_told_of_in_a_sentence(lab, dws):
    said = dws.refused("lineage", "run", "4f6c2b1e")

    assert "No runs of jobs are known here by '4f6c2b1e'" in said
