"""What runs read and write outside of all resources is part of the lineage, and of its exports."""

import json
import os
import shlex
import time

import boto3
import pytest
from blake3 import blake3
from prov.model import ProvDerivation, ProvDocument, ProvEntity
from rocrate.rocrate import ROCrate

from workspace_core import api
from workspace_core.lineage.exports.names import data_name
from workspace_core.lineage.model import HashCertificate, ResourceRef, StepLineage
from workspace_core.lineage.questions import questions
from workspace_core.recording.looking import known_run
from workspace_core.sharing.records import _check_lineage
from workspace_core.trees.stat_cache import FINE_TICK_NANOSECONDS

ROWS = "id,name\n1,PATIENT-4711\n2,y\n"
HIDDEN = "wJalrXUtnFEMI"


@pytest.fixture
def outside(lab, tmp_path, monkeypatch):
    """A folder outside of the workspace that jobs may use, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.setenv("DATA_SERVICES_ALLOWED_PATHS", str(folder))
    (folder / "a.csv").write_text(ROWS)
    return folder


@pytest.fixture
def chain(lab, outside):
    """Two runs that meet outside: raw -> outside -> clean."""
    first = lab.run("workspace:raw/a.csv", f"{outside}/between.csv")
    second = lab.run(f"{outside}/between.csv", "workspace:clean/b.csv")
    assert first.success
    assert second.success
    return first, second


def id_of(file):
    return f"blake3:{blake3(file.read_bytes()).hexdigest()}"


def asked(lab, path):
    found = questions(lab.workspace)
    return found.made(found.reference(path))


def test_a_run_that_read_outside_names_that_as_its_source(lab, outside, dws):
    lab.run(f"{outside}/a.csv", "workspace:clean/b.csv")

    found = asked(lab, str(lab.folder / "clean/b.csv")).to_dict()

    (source,) = found["sources"]
    assert (source["origin"], source["path"], source["hash"]) == (
        "outside",
        f"{outside}/a.csv",
        id_of(outside / "a.csv"),
    )
    shown = dws("lineage", "show", "clean/b.csv")
    assert f"read   {outside}/a.csv {source['hash'][7:15]}, outside" in shown
    assert f"<- {outside}/a.csv" in dws("report", "lineage")


def test_lineage_goes_on_through_a_file_outside(lab, chain, outside):
    found = asked(lab, str(lab.folder / "clean/b.csv"))

    assert {one.record().run_id for one in found.part.steps.values()} == {
        one.run_id for one in chain
    }
    assert [one["origin"] for one in found.to_dict()["sources"]] == ["source data"]
    (maker,) = asked(lab, f"{outside}/between.csv").makers
    assert maker.record().run_id == chain[0].run_id


def test_what_was_made_from_a_file_outside_is_found(lab, chain, outside):
    found = questions(lab.workspace)

    made = found.made_from(found.reference(f"{outside}/between.csv"))
    all_made = found.made_from(found.reference(str(lab.folder / "raw/a.csv")))

    assert [one.record().run_id for one in made.part.steps.values()] == [chain[1].run_id]
    assert len(all_made.part.steps) == 2


def test_a_file_outside_that_somebody_changed_is_not_called_what_a_run_made(lab, chain, outside):
    (outside / "between.csv").write_text(ROWS)

    found = asked(lab, f"{outside}/between.csv")

    assert found.makers == ()
    assert "changed by somebody since keep_rows_job wrote it" in str(found.detail)


def test_what_was_made_by_way_of_a_file_outside_is_out_of_date_with_its_source(lab, chain):
    assert not any(one.stale for one in api.status(str(lab.folder)))

    lab.put("raw/a.csv", "id,name\n1,z\n")

    late = {one.ref.path for status in api.status(str(lab.folder)) for one in status.stale}
    assert "b.csv" in late


def test_what_was_written_outside_is_out_of_date_with_its_source(lab, chain, outside, dws):
    assert "out of date" not in dws("lineage", "show", f"{outside}/between.csv")

    lab.put("raw/a.csv", "id,name\n1,z\n")

    shown = dws("lineage", "show", f"{outside}/between.csv")
    assert f"! {outside}/between.csv is out of date: raw:/a.csv has changed" in shown


def test_the_drawing_has_files_outside(lab, chain, outside, tmp_path, dws):
    dws("lineage", "graph", str(tmp_path / "g.dot"))
    text = (tmp_path / "g.dot").read_text()

    assert f"{outside}/between.csv" in text
    api.make_lineage_graph(str(tmp_path / "g.html"), str(lab.folder))
    assert f"{outside}/between.csv" in (tmp_path / "g.html").read_text()


def test_a_run_is_found_by_its_id_without_reading_other_records(lab, monkeypatch):
    done = [lab.run("workspace:raw/a.csv", f"workspace:clean/{one}.csv") for one in range(18)]
    lab.workspace.lineage.runs()  # makes the index
    (record,) = [one for one in lab.steps() if one.run_id == done[0].run_id]
    (lab.folder / ".dataworkspace/lineage/steps" / f"{record.id}.json").write_text("damaged")

    assert known_run(lab.workspace, done[1].run_id).step.run_id == done[1].run_id


# Exports


def exported(lab, form, tmp_path, **options):
    done = api.export_lineage(str(tmp_path / f"out.{form}"), form, str(lab.folder), **options)
    with open(done.file) as file:
        return file.read()


def test_openlineage_links_runs_by_what_lies_outside(lab, chain, outside, tmp_path):
    text = exported(lab, "openlineage", tmp_path)
    ends = [one for one in map(json.loads, text.splitlines()) if one["eventType"] == "COMPLETE"]

    def names(found):
        return {(one["namespace"], one["name"]) for one in found}

    (read,) = names(ends[1]["inputs"])
    assert read in names(ends[0]["outputs"])
    assert read[0].startswith("dws://")
    assert read[0].endswith("/outside")
    assert read[1].endswith("/between.csv")
    assert str(outside) not in text

    with_paths = exported(lab, "openlineage", tmp_path, with_machine_paths=True)
    told = {(one["namespace"], one["name"]) for line in with_paths.splitlines()
            for one in json.loads(line)["inputs"]}  # fmt: skip
    assert ("file", f"{outside}/between.csv") in told


def test_columns_of_files_outside_lead_on(lab, chain, tmp_path):
    text = exported(lab, "openlineage", tmp_path)
    last = json.loads(text.splitlines()[-1])
    (data,) = [one for one in last["outputs"] if one["name"] == "clean/b.csv"]

    (source,) = data["facets"]["columnLineage"]["fields"]["name"]["inputFields"]

    assert source["name"] == last["inputs"][0]["name"]
    assert source["namespace"] == last["inputs"][0]["namespace"]


def test_prov_and_the_crate_have_what_lies_outside(lab, chain, outside, tmp_path):
    document = ProvDocument.deserialize(content=exported(lab, "prov", tmp_path), format="json")
    entities = {str(one.label): one for one in document.get_records(ProvEntity)}
    (label,) = [one for one in entities if one.endswith("/between.csv")]
    derived = [
        one
        for one in document.get_records(ProvDerivation)
        if entities[label].identifier in dict(one.formal_attributes).values()
    ]
    assert len(derived) >= 4  # it from what was read, and three files from it
    assert label.startswith("dws://")

    text = exported(lab, "ro-crate", tmp_path)
    crate = ROCrate(tmp_path / "out.ro-crate")
    actions = [one for one in crate.get_entities() if one.type == "CreateAction"]
    (read,) = [one.id for one in actions[1]["object"] if "between" in one.id]
    assert read in {one.id for one in actions[0]["result"]}
    assert str(outside) not in text


def certificate(path, name=""):
    return HashCertificate(ResourceRef(name, path), "file", "blake3:00", 3)


@pytest.mark.parametrize(
    ("path", "namespace", "name"),
    [
        ("s3://bucket/key/of a.csv", "s3://bucket", "key/of a.csv"),
        ("s3://bucket/a?b.csv", "s3://bucket", "a?b.csv"),
        (f"s3://AKIAIOSFODNN7EXAMPLE:{HIDDEN}@bucket/key", "s3://bucket", "key"),
        ("abfss://in-1@lab.dfs.core.windows.net/a", "abfss://in-1@lab.dfs.core.windows.net", "a"),
        ("wasbs://$web@lab.blob.core.windows.net/a", "wasbs://$web@lab.blob.core.windows.net", "a"),
        (f"abfss://me:{HIDDEN}@lab.host/a", "abfss://lab.host", "a"),
        (f"https://me:{HIDDEN}@host:8443/a.csv?X-Amz-Signature={HIDDEN}#x", "https://host:8443",
         "a.csv"),
        (f"abfss://box@account.host/a.csv?sig={HIDDEN}", "abfss://box@account.host",
         "a.csv?sig=[redacted]"),
        ("sample:patients.csv", "sample", "patients.csv"),
        ("in/a.csv", "dws://w/outside", "in/a.csv"),
        (f"in/password={HIDDEN}/a", "dws://w/outside", "in/password=[redacted]"),
    ],
)  # fmt: skip
def test_names_outside_are_addresses_without_credentials(path, namespace, name):
    found = data_name(certificate(path), "dws://w")

    assert (found.namespace, found.name) == (namespace, name)
    assert HIDDEN not in found.address


def test_files_of_one_name_in_two_folders_are_told_apart_without_the_folders():
    one, other = (data_name(certificate(f"/home/{who}/a.csv"), "dws://w") for who in "xy")

    assert one != other
    assert "home" not in one.address
    assert data_name(certificate("/home/x/a.csv"), "dws://w") == one


@pytest.mark.parametrize("form", ["openlineage", "prov", "ro-crate"])
def test_no_export_has_credentials_of_addresses(lab, tmp_path, form):
    address = f"https://me:{HIDDEN}@host/a.csv?X-Amz-Signature={HIDDEN}"
    file = {"path": address, "hash": "blake3:00", "sha256": None, "size": 3, "changed": True}
    facts = {
        "sequence": 1, "run_id": "r", "step_name": "s", "status": "complete", "parameters": {},
        "start_time": "2026-01-01T00:00:00+00:00", "execution_time_seconds": 1.0,
        "input_resources": (), "code_resources": (), "output_resources": (),
    }  # fmt: skip
    lab.workspace.lineage.add(StepLineage.new(**facts, more={"external_inputs": [file]}))

    text = exported(lab, form, tmp_path)

    assert "https://host" in text
    assert HIDDEN not in text


@pytest.mark.parametrize("files", ["x", [1], [{"path": 1, "hash": "x"}], [{"path": "x"}]])
def test_a_record_from_elsewhere_with_improper_files_outside_is_refused(lab, files):
    record = {
        **StepLineage.new(
            sequence=1, run_id="r", step_name="s", status="complete", parameters={},
            start_time="2026-01-01T00:00:00+00:00", execution_time_seconds=1.0,
            input_resources=(), code_resources=(), output_resources=(),
        ).to_dict(),
        "external_inputs": files,
    }  # fmt: skip

    with pytest.raises(TypeError, match="a proper 'external_inputs'"):
        _check_lineage(f"steps/{record['hash']}", record)


def test_a_command_is_shown_as_somebody_can_type_it(dws):
    words = ["sh", "-c", "echo 1 > 'clean/x y'"]
    dws("run", "--output", "clean/x y", "--", *words)

    assert f"  as     {shlex.join(words)}\n" in dws("lineage", "show", "clean/x y")


@pytest.fixture
def relative(lab, tmp_path, monkeypatch):
    """A file below the storage root and outside of the workspace, and what was made of it."""
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    (tmp_path / "in").mkdir()
    source = tmp_path / "in/a.csv"
    source.write_text(ROWS)
    assert lab.run("in/a.csv", "workspace:clean/b.csv").success
    return source


def late(lab):
    return {str(one.ref): one.why for status in api.status(str(lab.folder)) for one in status.stale}


def unwatched(lab):
    found = api.status(str(lab.folder))
    return {(one.path, one.why) for status in found for one in status.unwatched}


@pytest.mark.parametrize("edit", ["1,other\n", "1,PATIENT-4711\n2,z\n"], ids=["size", "same size"])
def test_a_source_outside_that_has_changed_makes_out_of_date_what_was_made_of_it(
    lab, relative, dws, edit
):
    assert late(lab) == {}
    relative.write_text(f"id,name\n{edit}")

    why = "in/a.csv has changed since keep_rows_job read it"
    assert late(lab)["clean:/b.csv"] == why
    said = f"  ! clean:/b.csv and 2 more files of its run are out of date: {why}\n"
    assert said in dws("status")
    assert why in dws("lineage", "show", "clean/b.csv")

    relative.write_text(ROWS)
    assert late(lab) == {}
    assert unwatched(lab) == set()


def test_a_source_outside_is_read_again_only_if_it_may_have_changed(lab, relative, monkeypatch):
    os.utime(relative)
    assert late(lab) == {}
    last = relative.stat().st_ctime_ns
    while time.time_ns() <= last + FINE_TICK_NANOSECONDS:  # until then a change would not show
        pass
    assert late(lab) == {}

    def refuse(*_, **__):
        raise AssertionError("it was read again")

    monkeypatch.setattr("util_services.flow.digests.digests_of", refuse)
    assert late(lab) == {}


def test_what_a_run_outside_goes_on_from_is_out_of_date_with_it(lab, relative, tmp_path):
    assert lab.run("in/a.csv", "in/between.csv").success
    assert lab.run("in/between.csv", "workspace:clean/c.csv").success
    relative.write_text(ROWS * 2)

    assert (
        late(lab)["clean:/c.csv"]
        == "in/between.csv, which keep_rows_job read, is out of date itself"
    )


def test_a_source_that_is_gone_is_not_watched_and_nothing_is_out_of_date_for_it(lab, relative, dws):
    relative.unlink()

    assert late(lab) == {}
    assert unwatched(lab) == {("in/a.csv", "it is gone")}
    assert "  not watched: in/a.csv (it is gone)" in dws("status")


def test_a_source_that_another_machine_has_read_is_said_not_to_be_watched(lab, relative):
    (lab.folder / ".dataworkspace/local/lineage/outside").unlink()
    relative.write_text("id\n3\n")

    assert late(lab) == {}
    assert unwatched(lab) == {("in/a.csv", "nobody knows where it lies on this machine")}


@pytest.mark.parametrize("damage", [b"{", b'{"fields": 3}\n[]\nnull\n', b"\xff"])
def test_notes_of_files_outside_that_are_damaged_are_none(lab, relative, damage):
    (lab.folder / ".dataworkspace/local/lineage/outside").write_bytes(damage)

    assert unwatched(lab) == {("in/a.csv", "nobody knows where it lies on this machine")}


def test_paths_of_this_machine_are_in_no_record(lab, relative):
    steps = lab.folder / ".dataworkspace/lineage/steps"

    assert all(str(relative) not in one.read_text() for one in steps.iterdir())


def test_a_file_outside_is_asked_about_by_where_it_lies_too(lab, relative, dws):
    shown = dws("lineage", "show", str(relative), "--forward")
    assert "keep_rows_job" in shown
    relative.write_text(ROWS * 2)

    assert id_of(relative)[7:15] in dws("lineage", "show", str(relative))


def test_the_bundled_sample_is_no_source_to_be_watched(lab):
    assert lab.run("sample:patients.csv", "workspace:clean/b.csv").success

    assert late(lab) == {}
    assert unwatched(lab) == set()


def test_a_source_in_s3_is_watched_when_its_store_is_asked(s3_bucket, lab, monkeypatch):
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["SELFS3_S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["SELFS3_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["SELFS3_S3_SECRET_KEY"],
        region_name="us-east-1",
    )
    client.put_object(Bucket=s3_bucket, Key="in.csv", Body=ROWS.encode())
    assert lab.run_in_s3("in.csv", "out.csv").success
    made = f"s3://{s3_bucket}/out.csv"
    source = f"s3://{s3_bucket}/in.csv"

    def told(*, ask_stores):
        found = questions(lab.workspace, ask_stores=ask_stores)
        stale = found.made(found.reference(made)).stale
        return {one.reasons[0].sentence("it") for one in stale}

    assert told(ask_stores=True) == set()
    client.put_object(Bucket=s3_bucket, Key="in.csv", Body=ROWS.replace("y", "z").encode())
    assert told(ask_stores=False) == set()
    assert told(ask_stores=True) == {f"{source} has changed since it read it"}

    (read,) = lab.steps()[0].outside_inputs
    look = lab.workspace.lineage.outside.look
    assert look(read) == "it lies in a store, which 'dws status --ask-stores' asks"
    client.delete_object(Bucket=s3_bucket, Key="in.csv")
    assert look(read, ask_stores=True) == "it is gone"
    monkeypatch.setenv("SELFS3_S3_BUCKET", "another")
    assert look(read, ask_stores=True) == "its store cannot be asked"
