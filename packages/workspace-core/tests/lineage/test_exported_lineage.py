"""Lineage for other tools, read back by those who define its forms."""

import json
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from openlineage.client import facet_v2
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    input_statistics_input_dataset,
    output_statistics_output_dataset,
)
from openlineage.client.generated.base import RunFacet
from openlineage.client.serde import Serde
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvUsage,
)
from rocrate.rocrate import ROCrate

from workspace_core import api
from workspace_core.commands.run import run
from workspace_core.errors import ConfigurationError
from workspace_core.lineage import LineageNotFoundError, StepLineage
from workspace_core.lineage.errors import LineageConsistencyError

VALUE = "PATIENT-4711"  # what no export may hold, since it stands in a file


@pytest.fixture(scope="module")
def secret():
    return secrets.token_hex(16)


@pytest.fixture
def told(study, secret):
    """A study of three runs: a folder is made by code, a file of it is read, and one run fails."""
    study.write("raw/a.csv", f"name\n{VALUE}\n")
    study.write("code/make.py", "print()")
    builder = study.builder("make", k=3, where=f"{study.folder}/raw/a.csv", password=secret)
    builder.with_input_path(study.path("raw/a.csv")).with_code_path(study.path("code/make.py"))
    with builder.with_output_path(study.path("clean")).eval():
        study.write("clean/deep/x y.csv", VALUE)
        study.write("clean/other", "o")
    text = f'cat "{study.folder}/clean/deep/x y.csv" > results/y; exit $0'
    run(
        study.workspace(),
        ["/bin/sh", "-c", text, "0"],
        step_name="fit",
        inputs=[study.path("clean/deep/x y.csv")],
        outputs=[study.path("results/y")],
        parameters={"token": secret},
    )
    with (
        pytest.raises(ZeroDivisionError),
        study.builder("broken")
        .with_input_path(study.path("clean"))
        .with_output_path(study.path("results/z"))
        .eval(),
    ):
        raise ZeroDivisionError
    return study


@pytest.fixture(autouse=True)
def in_the_study(study, monkeypatch):
    monkeypatch.chdir(study.folder)


def exported(study, form, tmp_path, **options):
    out = tmp_path / f"exported.{form}"
    done = api.export_lineage(str(out), form, str(study.folder), **options)
    return Path(done.file).read_text(encoding="ascii")


FORMS = ["openlineage", "prov", "ro-crate"]


# OpenLineage


FACETS = {
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def column_lineage(known, producer):
    kind = facet_v2.column_lineage_dataset
    fields = {
        column: kind.Fields(
            [
                kind.InputField(
                    **one | {"transformations": list(map(changed, one["transformations"]))}
                )
                for one in told["inputFields"]
            ]
        )
        for column, told in known["fields"].items()
    }
    return kind.ColumnLineageDatasetFacet(fields=fields, **producer)


def changed(facts):
    return facet_v2.column_lineage_dataset.Transformation(**facts)


def facet(name, facts):
    known = {key: one for key, one in facts.items() if key not in ("_producer", "_schemaURL")}
    producer = {"producer": facts["_producer"]}
    if name == "executionParameters":
        kind = facet_v2.execution_parameters_run
        given = [kind.ExecutionParameter(**one) for one in known["parameters"]]
        return kind.ExecutionParametersRunFacet(parameters=given, **producer)
    if name == "parent":
        kind = facet_v2.parent_run
        ends = {"run": kind.Run(**known["run"]), "job": kind.Job(**known["job"])}
        return kind.ParentRunFacet(**ends, **producer)
    if name == "columnLineage":
        return column_lineage(known, producer)
    if name == "dws_step":
        return RunFacet(**producer).with_additional_properties(**known)
    return FACETS[name](**known, **producer)


def facets(found):
    return {name: facet(name, facts) for name, facts in found.items()}


def dataset(kind, facts):
    side = "inputFacets" if kind is InputDataset else "outputFacets"
    more = {side: facets(facts[side])} if side in facts else {}
    return kind(facts["namespace"], facts["name"], facets=facets(facts["facets"]), **more)


def model(event):
    """Return an event as the official model has it; what that does not know is refused."""
    return RunEvent(
        eventType=RunState(event["eventType"]),
        eventTime=event["eventTime"],
        run=Run(event["run"]["runId"], facets(event["run"]["facets"])),
        job=Job(event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"])),
        inputs=[dataset(InputDataset, one) for one in event["inputs"]],
        outputs=[dataset(OutputDataset, one) for one in event["outputs"]],
        producer=event["producer"],
    )


def without_nothing(value):
    if isinstance(value, dict):
        kept = {name: without_nothing(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, {}, [])}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def events(study, tmp_path, **options):
    return list(map(json.loads, exported(study, "openlineage", tmp_path, **options).splitlines()))


def test_the_official_model_of_openlineage_has_each_event_as_it_is(told, tmp_path):
    found = events(told, tmp_path)

    assert len(found) == 6
    for one in found:
        again = json.loads(Serde.to_json(model(one)))
        assert without_nothing(again) == without_nothing(one)


def test_each_run_starts_and_ends_in_order(told, tmp_path):
    found = events(told, tmp_path)

    assert [(one["job"]["name"], one["eventType"]) for one in found] == [
        ("make", "START"),
        ("make", "COMPLETE"),
        ("fit", "START"),
        ("fit", "COMPLETE"),
        ("broken", "START"),
        ("broken", "FAIL"),
    ]
    assert [one["eventTime"] for one in found] == sorted(one["eventTime"] for one in found)
    assert found[0]["run"]["runId"] == found[1]["run"]["runId"] == told.records()[0].run_id
    assert found[5]["outputs"] == []


def test_a_file_of_a_folder_links_the_run_that_wrote_it_with_the_one_that_read_it(told, tmp_path):
    _, make, _, fit, _, broken = events(told, tmp_path)

    def names(found):
        return {(one["name"], one["facets"]["version"]["datasetVersion"]) for one in found}

    (read,) = names(fit["inputs"])
    assert read[0] == "clean/deep/x y.csv"
    assert read in names(make["outputs"])
    assert "clean" in {name for name, _ in names(make["outputs"])}
    assert names(broken["inputs"]) & names(make["outputs"])
    assert "raw/a.csv" in {name for name, _ in names(make["inputs"])}
    assert make["job"]["facets"]["sourceCodeLocation"]["path"] == "make.py"


def test_a_run_within_another_names_it(told, tmp_path, monkeypatch):
    outer = told.records()[0]
    monkeypatch.setenv("DWS_RUN_ID", outer.run_id)
    told.step(["raw/a.csv"], ["clean/inner"], "inner")

    last = events(told, tmp_path)[-1]

    assert last["run"]["facets"]["parent"]["run"] == {"runId": outer.run_id}
    assert last["run"]["facets"]["parent"]["job"]["name"] == "make"
    model(last)


# A run of data-services in the workspace: patients whose pseudonyms are made and cells retyped.


REPORTED = "anonymise_pseudonymise_structured_job"
TECHNIQUES = {
    "id": {"technique": "hash"},
    "name": {"technique": "redact"},
    "city": {"technique": "drop"},
    "ward": {"technique": "retain"},
}


@pytest.fixture
def pseudonymised(study, tmp_path, monkeypatch):
    """A run whose output has a report beside it, by the command that people use."""
    for name, folder in (("AUDIT_DIR", "audit"), ("KEYS", "keys")):
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(tmp_path / folder))
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(study.folder))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    study.write("raw/a.csv", f"id,name,city,ward\n1,{VALUE},Paris,north\n2,Bo,Rome,south\n")
    program = str(Path(sys.executable).with_name("data-services"))
    create = [program, "keys", "create", "demo", "--purpose", "pseudonymisation"]
    subprocess.run(create, check=True, capture_output=True)
    settings = {
        "read_dataset.path": "raw/a.csv",
        "anonymise_pseudonymise_structured.rules": json.dumps(TECHNIQUES),
        "write_dataset.path": "clean/out.csv",
    }
    given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    run(
        study.workspace(),
        [program, "run", REPORTED, *given],
        step_name="pseudonymise",
        inputs=[study.path("raw/a.csv")],
        outputs=[study.path("clean/out.csv")],
    )
    return study


def columns(study, tmp_path):
    """Return the facet of the output, None where there is none."""
    last = events(study, tmp_path)[-1]
    assert without_nothing(json.loads(Serde.to_json(model(last)))) == without_nothing(last)
    (output,) = last["outputs"]
    return output["facets"].get("columnLineage")


def test_columns_lead_to_those_they_were_made_of_and_say_what_hides_them(pseudonymised, tmp_path):
    found = columns(pseudonymised, tmp_path)
    report = json.loads((pseudonymised.folder / "clean/out.csv.report.json").read_text())
    terms = {one["column"]: one["term"] for one in report["steps"][0]["facts"]["columns"]}
    namespace = events(pseudonymised, tmp_path)[-1]["outputs"][0]["namespace"]

    def field(column, subtype, **more):
        change = {"type": "DIRECT", "subtype": subtype} | more
        place = {"namespace": namespace, "name": "raw/a.csv", "field": column}
        return {"inputFields": [place | {"transformations": [change]}]}

    assert found["fields"] == {
        "id": field("id", "TRANSFORMATION", masking=True, description=terms["id"]),
        "name": field("name", "TRANSFORMATION", masking=True, description=terms["name"]),
        "ward": field("ward", "IDENTITY", masking=False),
    }
    assert terms["id"] == "pseudonymisation (keyed hash)"


@pytest.mark.parametrize("changed_file", ["clean/out.csv", "raw/a.csv"])
def test_a_report_of_other_bytes_tells_nothing_of_columns(pseudonymised, tmp_path, changed_file):
    file = pseudonymised.folder / changed_file
    file.write_text(file.read_text() + "\n")

    assert columns(pseudonymised, tmp_path) is None


def test_columns_of_a_step_that_nobody_describes_are_never_called_the_same(pseudonymised, tmp_path):
    file = pseudonymised.folder / "clean/out.csv.report.json"
    report = json.loads(file.read_text())
    report["steps"][0]["operation"] = "normalise_text"
    file.write_text(json.dumps(report))

    found = columns(pseudonymised, tmp_path)["fields"]

    changes = [one["inputFields"][0]["transformations"] for one in found.values()]
    change = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False}
    assert changes == [[change | {"description": "normalise_text"}]] * 3


def test_a_damaged_report_tells_nothing_of_columns(pseudonymised, tmp_path):
    pseudonymised.write("clean/out.csv.report.json", "{")

    assert columns(pseudonymised, tmp_path) is None


# PROV


def document(study, tmp_path):
    return ProvDocument.deserialize(content=exported(study, "prov", tmp_path), format="json")


def test_prov_reads_the_document_back_and_writes_the_same(told, tmp_path):
    found = document(told, tmp_path)

    counts = {one: len(list(found.get_records(one))) for one in (ProvActivity, ProvAgent)}
    assert counts == {ProvActivity: 3, ProvAgent: 1}
    again = ProvDocument.deserialize(content=found.serialize(format="json"), format="json")
    assert again == found


def test_prov_leads_from_a_result_to_its_source(told, tmp_path):
    found = document(told, tmp_path)

    labels = {
        str(one.identifier): str(one.label) for one in found.get_records((ProvEntity, ProvActivity))
    }

    def edges(kind):
        return {
            tuple(labels[str(one)] for one in record.args[:2]) for record in found.get_records(kind)
        }

    assert {("results:/y", "fit"), ("clean", "make"), ("clean:/deep/x y.csv", "make")} <= edges(
        ProvGeneration
    )
    assert {("fit", "clean:/deep/x y.csv"), ("make", "raw:/a.csv"), ("make", "code:/make.py")} <= (
        edges(ProvUsage)
    )
    assert ("results:/y", "clean:/deep/x y.csv") in edges(ProvDerivation)
    assert ("clean:/deep/x y.csv", "raw:/a.csv") in edges(ProvDerivation)
    assert not [one for one in edges(ProvGeneration) if one[1] == "broken"]


def test_prov_has_the_content_and_the_times(told, tmp_path):
    found = document(told, tmp_path)
    first = told.records()[0]

    (raw,) = [one for one in found.get_records(ProvEntity) if str(one.label) == "raw:/a.csv"]
    said = {str(name): value for name, value in raw.attributes}
    assert said["dws:content"] == first.input_resources[0].hashval
    assert said["dws:size"].value == str(first.input_resources[0].size)
    (made,) = [one for one in found.get_records(ProvActivity) if str(one.label) == "make"]
    assert made.get_startTime().isoformat() == first.start_time


# RO-Crate


@pytest.fixture
def crate(told, tmp_path):
    exported(told, "ro-crate", tmp_path)
    return ROCrate(tmp_path / "exported.ro-crate")


def test_rocrate_reads_the_crate_as_one_of_the_profile(crate):
    assert crate.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.1"
    actions = crate.get_by_type("CreateAction")
    assert {one.id for one in crate.root_dataset["mentions"]} == {one.id for one in actions}
    for one in actions:
        assert one["instrument"].type == "SoftwareApplication"
        assert one["startTime"] <= one["endTime"]


def test_rocrate_leads_from_a_result_to_its_source(crate):
    actions = {one["name"]: one for one in crate.get_by_type("CreateAction")}

    def files(found):
        found = found if isinstance(found, list) else [found]
        return {one.id for one in found if one.type != "PropertyValue"}

    (read,) = files(actions["fit"]["object"])
    assert read in files(actions["make"]["result"])
    assert crate.get(read)["name"] == "clean:/deep/x y.csv"
    assert "raw:/a.csv" in {crate.get(one)["name"] for one in files(actions["make"]["object"])}
    assert actions["fit"]["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert actions["broken"]["actionStatus"] == "http://schema.org/FailedActionStatus"
    code = crate.get(actions["make"]["instrument"].id)["hasPart"]
    assert [one.type for one in code] == [["File", "SoftwareSourceCode"]]
    given = {one["name"]: one["value"] for one in crate.get_by_type("PropertyValue")}
    assert given["k"] == 3


def test_all_that_a_crate_refers_to_is_in_it(told, tmp_path):
    graph = json.loads(exported(told, "ro-crate", tmp_path))["@graph"]
    outside = {"https://w3id.org/ro/crate/1.1", "http://schema.org/CompletedActionStatus"}
    outside.add("http://schema.org/FailedActionStatus")

    names = [one["@id"] for one in graph]

    assert len(names) == len(set(names))
    refers = re.findall(r'\{\s*"@id": "([^"]+)"\s*\}', json.dumps(graph))
    assert set(refers) - outside <= set(names)


# All forms


@pytest.mark.parametrize("form", FORMS)
def test_no_content_no_secret_and_no_path_of_the_machine_is_exported(told, tmp_path, form, secret):
    found = exported(told, form, tmp_path)

    for hidden in (VALUE, secret, str(told.folder), str(Path.home()), "/bin/sh"):
        assert hidden not in found
    assert "u2026/sh" in found  # the name of the shell, and of no place


@pytest.mark.parametrize("form", FORMS)
def test_secrets_that_a_record_from_elsewhere_holds_are_hidden(study, tmp_path, form, secret):
    facts = {"parameters": {"password": secret}, "metrics": {"api_key": secret}}
    facts |= {"command_line": ("fit", "--token", secret), "run_description": f"token={secret}"}
    study.workspace().lineage.add(odd_record(1, **facts))

    found = exported(study, form, tmp_path, with_machine_paths=True)

    assert secret not in found
    assert "fit" in found


@pytest.mark.parametrize("form", FORMS)
def test_paths_of_the_machine_are_exported_if_they_are_asked_for(told, tmp_path, form, secret):
    found = exported(told, form, tmp_path, with_machine_paths=True)

    assert str(told.folder) in found
    assert secret not in found


@pytest.mark.parametrize("form", FORMS)
def test_only_the_runs_that_led_to_a_resource_or_a_snapshot_are_told_of(told, tmp_path, form):
    api.take_snapshot(str(told.folder), tag="one")
    told.step(["raw/b.csv"], ["clean/late"], "late")

    def runs(**options):
        out = tmp_path / f"some.{form}"
        return api.export_lineage(str(out), form, str(told.folder), **options).runs

    assert runs() == 4
    assert runs(resource_name="clean") == 2
    assert runs(tag_or_hash="one") == 2
    assert runs(tag_or_hash="one", resource_name="clean") == 1


@pytest.mark.parametrize("form", FORMS)
def test_odd_names_and_no_runs_are_no_trouble(study, tmp_path, form):
    assert VALUE not in exported(study, form, tmp_path)
    odd = "clean/a b%?#&\"'<é\udcff\n.csv"
    study.step(["raw/a.csv"], [odd], "n\"\\'<é")
    study.step([odd], ["clean/out"], "next")

    found = exported(study, form, tmp_path)

    if form == "openlineage":
        made, read = [json.loads(one) for one in found.splitlines()][1:4:2]
        assert made["outputs"][0]["name"] == read["inputs"][0]["name"] == odd
        model(made)
    elif form == "prov":
        labels = {str(one.label) for one in document(study, tmp_path).get_records(ProvEntity)}
        assert len(labels) == 3
    else:
        crate = ROCrate(tmp_path / "exported.ro-crate")
        assert len(crate.get_by_type("File")) == 3


def test_resources_are_called_what_they_are_called_now(told, tmp_path):
    api.rename_resource("clean", "tidy", str(told.folder))

    _, make, _, fit, *_ = events(told, tmp_path)

    assert fit["inputs"][0]["name"] == "tidy/deep/x y.csv"
    assert "tidy/deep/x y.csv" in {one["name"] for one in make["outputs"]}


def test_runs_that_call_themselves_the_same_are_told_apart(study, tmp_path):
    for number, identity in enumerate(("no uuid", "no uuid", str(0) * 32, str(0) * 32)):
        study.workspace().lineage.add(odd_record(number, run_id=identity))

    found = events(study, tmp_path)

    assert len({one["run"]["runId"] for one in found}) == 4
    for one in found:
        model(one)


@pytest.mark.parametrize(
    "facts",
    [
        {"start_time": "yesterday"},
        {"execution_time_seconds": float("1e300")},
        {"start_time": "9999-12-31T23:59:59+00:00", "execution_time_seconds": 100.0},
    ],
)
def test_a_run_without_proper_times_is_refused_by_name(study, tmp_path, facts):
    odd = odd_record(1, **facts)
    study.workspace().lineage.add(odd)

    with pytest.raises(LineageConsistencyError, match=f"The record of the run {odd.id[:8]} does"):
        exported(study, "prov", tmp_path)
    assert not (tmp_path / "exported.prov").exists()


def odd_record(number, **facts):
    known = {"run_id": str(number), "start_time": "2026-01-01T00:00:00"}
    known |= {"execution_time_seconds": 1.0, "step_name": "odd", "status": "complete"}
    known |= {"parameters": {}, "input_resources": (), "code_resources": ()}
    return StepLineage.new(sequence=number + 1, output_resources=(), **(known | facts))


def test_what_cannot_be_written_is_refused_and_what_is_there_is_kept(told, tmp_path):
    def export(out, form, **options):
        return api.export_lineage(str(out), form, str(told.folder), **options)

    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    refused = {
        ("none/x", "prov"): "There is no folder for",
        ("full", "prov"): "is a folder; name a file",
        ("full", "ro-crate"): "holds something else than a crate of lineage",
        ("file", "ro-crate"): "is no folder, which a crate is",
        ("x", "other"): "'other' is no form of an export; use openlineage, prov, ro-crate",
    }
    for (out, form), why in refused.items():
        with pytest.raises(ConfigurationError, match=why):
            export(tmp_path / out, form)
    with pytest.raises(LineageNotFoundError):
        export(tmp_path / "x", "prov", resource_name="none")
    assert (tmp_path / "full/mine").read_text() == (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "x").exists()
    export(tmp_path / "crate", "ro-crate")
    export(tmp_path / "crate", "ro-crate")
    export(tmp_path / "file", "openlineage")


def test_the_command_says_what_it_wrote(told, tmp_path):
    dws = Path(sys.executable).with_name("dws")
    words = [dws, "lineage", "export", "--format", "openlineage", str(tmp_path / "events")]

    done = subprocess.run(words, cwd=told.folder, capture_output=True, text=True, check=True)
    assert done.stdout == f"Wrote {tmp_path}/events: 3 runs\n"
    done = subprocess.run([*words, "--json"], cwd=told.folder, capture_output=True, check=True)
    assert json.loads(done.stdout)["runs"] == 3
    words[-1] = str(tmp_path / "none/events")
    done = subprocess.run(words, cwd=told.folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
