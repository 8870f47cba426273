"""Notebooks that run in real kernels: the magics, and steps that are notebooks."""

import json

LOAD = "%load_ext workspace_core.kits.jupyter"
TRAIN = """
from workspace_core.kits.jupyter import NotebookLineageBuilder
from workspace_core.kits.pandas import read_frame, write_frame

builder = NotebookLineageBuilder("results", "train").with_parameters({"factor": 2})
with builder.with_inputs_when_read().eval() as lineage:
    frame = read_frame("raw", "a.csv", lineage)
    write_frame(frame * 2, "clean", "double.csv", lineage)
    lineage.write_results({"accuracy": 0.5, "loss": 2.0, "report": {"north": 1.0}})
"""


def write_sources(study):
    (study.folder / "raw/a.csv").write_text("id,beds\n1,12\n2,7\n")


def test_a_notebook_is_a_step_with_what_its_cells_have_read_and_written(study):
    write_sources(study)
    (study.folder / "code/helpers.py").write_text("FACTOR = 2\n")

    study.run("import sys; sys.path.insert(0, 'code'); import helpers", TRAIN)

    found = study.newest()
    assert (found.step_name, found.status) == ("train", "complete")
    assert [str(one.ref) for one in found.input_resources] == ["raw:/a.csv"]
    assert [str(one.ref) for one in found.code_resources] == ["code:/helpers.py"]
    assert [str(one.ref) for one in found.output_resources] == ["results", "clean:/double.csv"]
    assert found.parameters == {"factor": 2}
    assert found.command_line is None
    assert (study.folder / "clean/double.csv").read_text() == "id,beds\n2,24\n4,14\n"


def test_a_module_that_was_edited_since_its_import_is_not_said_to_have_run(
    study, shown, monkeypatch
):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    write_sources(study)
    (study.folder / "code/helpers.py").write_text("FACTOR = 2\n")
    (study.folder / "code/others.py").write_text("FACTOR = 2\n")

    ran = study.run(
        "import sys; sys.path.insert(0, 'code'); import helpers, others",
        "print('FACTOR = 22', file=open('code/helpers.py', 'w'))",
        TRAIN,
        "import importlib; importlib.reload(helpers)",
        TRAIN,
    )

    before, after = sorted(study.records(), key=lambda one: one.order)
    assert [str(one.ref) for one in before.code_resources] == ["code:/others.py"]
    assert "helpers.py' was edited since it was imported" in shown(ran.cells[2])["stderr"]
    assert [str(one.ref) for one in after.code_resources] == ["code:/helpers.py", "code:/others.py"]


def test_a_cell_that_fails_has_made_nothing(study):
    write_sources(study)

    said = study.refused(TRAIN.replace("lineage.write_results", "raise OSError('full') #"))

    assert "OSError" in said
    found = study.newest()
    assert (found.status, found.output_resources) == ("failed", ())
    assert [str(one) for one in found.unfinished] == ["results", "clean:/double.csv"]


def test_the_name_of_a_notebook_is_told_by_it_or_by_the_server(study, monkeypatch):
    write_sources(study)
    builds = TRAIN.replace('"results", "train"', '"results"')

    study.run("DWS_JUPYTER_NOTEBOOK = 'mine.ipynb'", builds, name="mine.ipynb")
    assert (study.newest().step_name, study.newest().more["notebook"]) == ("mine", "mine.ipynb")

    monkeypatch.setenv("JPY_SESSION_NAME", "work/study/other.ipynb")  # from the server's root
    study.run(builds, name="other.ipynb")
    assert (study.newest().step_name, study.newest().more["notebook"]) == ("other", "other.ipynb")


def test_a_notebook_without_a_name_asks_for_one(study):
    said = study.refused(TRAIN.replace('"results", "train"', '"results"'))

    assert "Nobody tells the name of this notebook; give it as step_name, or set" in said


def test_the_magics_show_the_workspace(study, shown):
    write_sources(study)

    ran = study.run(
        LOAD,
        "%dws_info",
        TRAIN,
        "%dws_results",
        "%dws_snapshot -t first -m 'with <two> words'",
        TRAIN.replace("0.5", "0.75").replace("2.0", "1.0"),
        "%dws_snapshot",
        "%dws_history --heatmap",
        "%dws_history --tail --max-count 1",
        "%dws_history --baseline first",
        "frame = (_).to_frame(); list(frame['accuracy'])",
        "%dws_lineage_table",
        "%dws_lineage_graph --resource clean",
        "%dws_results --snapshot first",
        "%dws_results",
    )

    told = [shown(cell) for cell in ran.cells]
    assert "%dws_lineage_graph" in told[0]["stdout"]
    assert f"Workspace: {study.folder}" in told[1]["stdout"]
    assert "raw       source-data        file" in told[1]["text/plain"]
    assert "metrics.accuracy" in told[3]["text/plain"]
    assert told[4]["stdout"].startswith("Took the snapshot 001 ")
    history = told[7]
    assert history["text/plain"].splitlines()[0].split() == [
        *("snapshot", "timestamp", "hash", "tags", "message", "accuracy", "loss"),
    ]
    assert "with &lt;two&gt; words" in history["text/html"]
    assert "★ 0.75" in history["text/html"]
    assert "★ 1" in history["text/html"]
    assert "background:#9cc9e3" in history["text/html"]  # the darkest
    assert len(told[8]["text/plain"].splitlines()) == 2
    assert told[8]["text/plain"].splitlines()[1].startswith("2 ")
    assert "▲ 0.25" in told[9]["text/html"]
    assert told[10]["text/plain"] == "[0.5, 0.75]"
    assert "clean:/double.csv" in told[11]["text/plain"]
    assert "&lt;svg" in told[12]["text/html"]
    assert "results:/snapshots/lab-first/results.json" in told[13]["stdout"]
    assert "results:/snapshots/lab-002/results.json" in told[14]["stdout"]
    assert not [one for one in study.folder.iterdir() if one.suffix == ".html"]


def test_what_is_wrong_with_a_magic_is_one_sentence(study, shown):
    wrong = {
        "%dws_history --heatmap --baseline x": "both colour numbers; give one of them.",
        "%dws_history --bogus": "--help tells the options.",
        "%dws_snapshot -t 'a": "The options cannot be read: No closing quotation.",
        "%dws_results --snapshot nothing": "nothing",
        "%dws_snapshot -t -bad-": "expected one argument",
    }

    for line, sentence in wrong.items():
        said = study.refused(LOAD, line)
        assert sentence in said, said
        assert "Traceback" not in said, said


def test_help_ends_no_kernel_and_a_switch_turns_magics_off(study, shown):
    ran = study.run(
        LOAD, "%dws_history --help", "DWS_MAGIC_DISABLE = True", "%dws_snapshot", "%dws_info"
    )

    assert "--maximize-metrics" in shown(ran.cells[1])["stdout"]
    assert "switched off" in shown(ran.cells[3])["stdout"]
    assert json.dumps([one.outputs for one in ran.cells]).count("error") == 0
    assert study.records() == []
