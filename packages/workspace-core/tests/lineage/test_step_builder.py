"""Steps as programs say them: the builder, decorated functions, parameters of a command line."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core.errors import ApiParamError, ConfigurationError
from workspace_core.lineage import (
    BooleanParameter,
    ChoiceParameter,
    CmdLineParameter,
    ConstantParameter,
    LineageBuilder,
    LineageConsistencyError,
    add_lineage_parameters_to_arg_parser,
    get_lineage_parameter_values,
    lineage_step,
)

SCRIPT = """
import argparse, pathlib, sys
from workspace_core.lineage import LineageBuilder
import helper
builder = LineageBuilder().as_script_step().with_parameters({"gamma": 0.1})
with builder.with_input_path("raw/a.csv").as_results_step("results", "a run").eval() as lineage:
    import late
    pathlib.Path("results/model").write_text(helper.WORD)
    lineage.write_results({"accuracy": 1.0})
"""


def test_a_script_step_knows_its_name_its_command_and_the_code_that_it_imports(study):
    study.write("code/train.py", SCRIPT)
    study.write("code/helper.py", "WORD = 'w'")
    study.write("code/late.py", "")
    study.write("code/unused.py", "")

    command = [sys.executable, "code/train.py"]
    subprocess.run(command, cwd=study.folder, check=True, capture_output=True)

    (step,) = study.records()
    assert (step.step_name, step.run_description) == ("train", "a run")
    assert step.command_line[1:] == ("code/train.py",)
    assert step.run_from_directory == "."
    assert [one.ref.path for one in step.code_resources] == ["helper.py", "train.py", "late.py"]
    study.write("code/late.py", "changed = 1")
    assert study.stale().keys() == {"results/model", "results/results.json"}


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda one: one.with_no_inputs(), "A step has a name"),
        (lambda one: one.with_step_name("s"), "has inputs or none"),
        (
            lambda one: one.with_step_name("s").with_input_path("raw").with_no_inputs(),
            "has inputs or none",
        ),
        (lambda one: one.with_step_name("s").with_step_name("t"), "a name once"),
        (lambda one: one.with_parameters({}).with_parameters({}), "parameters once"),
        (lambda one: one.as_results_step("r").as_results_step("r"), "a folder of results once"),
    ],
)
def test_what_contradicts_itself_is_refused(study, build, said):
    with pytest.raises(LineageConsistencyError, match=said):
        build(LineageBuilder().with_workspace_directory(study.folder)).eval()


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "esc\x1b[31m"])
def test_a_name_that_steers_a_terminal_is_refused(study, name):
    with pytest.raises(ConfigurationError, match="cannot name a step"):
        study.builder(name).with_no_inputs().eval()


def test_where_there_is_no_workspace_that_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match="is a workspace"):
        LineageBuilder().with_step_name("s").with_no_inputs().eval()


def test_calls_of_a_decorated_function_are_runs(study, monkeypatch):
    monkeypatch.chdir(study.folder)

    @lineage_step(inputs=["sources"], outputs=["target"], results_dir="results")
    def join(sources, target, results="results", *, limit=10):
        """Join."""
        Path(target).write_text("".join(Path(one).read_text() for one in sources))
        return {"sources": len(sources), "limit": limit}

    found = join(["raw/a.csv", "raw/b.csv"], "clean/ab", limit=3)

    (step,) = study.records()
    assert found == step.metrics == {"sources": 2, "limit": 3}
    assert (step.step_name, step.parameters) == ("join", {"limit": 3})
    assert [str(one.ref) for one in step.input_resources] == ["raw:/a.csv", "raw:/b.csv"]
    assert [str(one.ref) for one in step.output_resources] == ["clean:/ab", "results"]
    assert join.__doc__ == "Join."
    assert (study.folder / "results/results.json").exists()


def test_an_argument_that_a_function_does_not_have_is_refused():
    with pytest.raises(ApiParamError, match=r"clean\(\) has no argument 'sauce'"):

        @lineage_step(inputs=["sauce"])
        def clean(source):
            pass


PARAMETERS = [
    CmdLineParameter("learning_rate", 0.1, float, "how fast"),
    BooleanParameter("shuffle", default=True, help="the order"),
    BooleanParameter("verbose", default=False, help="more"),
    ChoiceParameter("kernel", ["rbf", "linear"], "rbf", str, "which"),
    ConstantParameter("seed", 42),
]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ([], {}),
        (["--learning-rate", "0.5"], {"learning_rate": 0.5}),
        (["--no-shuffle", "--verbose"], {"shuffle": False, "verbose": True}),
        (["--kernel", "linear"], {"kernel": "linear"}),
    ],
)
def test_parameters_are_arguments_of_a_command_line(words, changes):
    parser = argparse.ArgumentParser()
    add_lineage_parameters_to_arg_parser(parser, PARAMETERS)

    values = get_lineage_parameter_values(PARAMETERS, parser.parse_args(words))

    default = {
        "learning_rate": 0.1,
        "shuffle": True,
        "verbose": False,
        "kernel": "rbf",
        "seed": 42,
    }
    assert values == default | changes
    assert list(values) == list(default)


def test_a_default_that_is_none_of_the_choices_is_refused():
    with pytest.raises(ApiParamError, match="none of its choices"):
        ChoiceParameter("kernel", ["rbf"], "linear", str, "which")
