"""Runs of jobs are recorded in the configured workspace, with no code in the jobs."""

import hashlib

from blake3 import blake3

from workspace_core.lineage.questions import questions


def content_id(file):
    return f"blake3:{blake3(file.read_bytes()).hexdigest()}"


def test_a_run_is_recorded_with_what_it_read_and_published(lab):
    done = lab.run("workspace:raw/a.csv", "workspace:clean/b.csv")

    assert done.success
    step = lab.step(done)
    assert step.step_name == "keep_rows_job"
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
