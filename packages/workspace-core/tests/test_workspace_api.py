"""The Python interface: the original's names, arguments and their order."""

import inspect
import pickle

import pytest

from workspace_core import RESOURCE_ROLE_CHOICES, ResourceRoles, api, errors, workspace
from workspace_core.errors import ApiParamError, ConfigurationError, PathError
from workspace_core.parameters import WORKSPACE_PARAMETERS

ORIGINAL = {
    "get_version": [],
    "get_api_version": [],
    "get_resource_info": ["workspace_uri_or_path", "verbose"],
    "get_local_path_for_resource": ["name", "workspace_uri_or_path", "verbose"],
    "get_filesystem_for_resource": ["name", "workspace_uri_or_path", "verbose"],
    "take_snapshot": ["workspace_uri_or_path", "tag", "message", "verbose"],
    "get_snapshot_history": ["workspace_uri_or_path", "reverse", "max_count", "verbose"],
    "restore": ["tag_or_hash", "workspace_uri_or_path", "only", "leave", "verbose"],
    "get_results": ["workspace_uri_or_path", "tag_or_hash", "resource_name", "verbose"],
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "work"
    (folder / "raw").mkdir(parents=True)
    (folder / "raw/a.csv").write_text("1")
    api.init(str(folder), name="study", hostname="lab", create_resources=["results"])
    api.add("local-files", "s", str(folder / "raw"), str(folder))
    return folder


@pytest.mark.parametrize("name", ORIGINAL)
def test_functions_take_what_they_always_took(name):
    parameters = inspect.signature(getattr(api, name)).parameters.values()
    positional = [one for one in parameters if one.kind == one.POSITIONAL_OR_KEYWORD]

    assert [one.name for one in positional] == ORIGINAL[name]


def test_all_that_is_named_is_there_and_documented():
    for name in api.__all__:
        assert getattr(api, name).__doc__, name
    for name in workspace.__all__:
        assert hasattr(workspace, name)


def test_the_roles_are_those_of_the_original():
    assert RESOURCE_ROLE_CHOICES == ["source-data", "intermediate-data", "code", "results"]
    assert ResourceRoles.RESULTS == "results"


def test_resources_are_told_of(place):
    assert api.get_resource_info(str(place)) == [
        api.ResourceInfo("results", "results", "git-subdirectory", str(place / "results")),
        api.ResourceInfo("raw", "source-data", "file", str(place / "raw")),
    ]
    assert api.get_local_path_for_resource("raw", str(place)) == str(place / "raw")


def test_files_of_a_resource_are_used_by_their_paths_in_it(place):
    files = api.get_filesystem_for_resource("raw", str(place))

    with files.open("new.txt", "w") as file:
        file.write("x")
    assert files.ls() == ["a.csv", "new.txt"]
    assert (files.exists("a.csv"), files.isfile("/a.csv"), files.isdir("")) == (True, True, True)
    assert not files.exists("b.csv")
    with pytest.raises(PathError, match="does not lie in the resource"):
        files.open("../../secret")


def test_history_and_results_are_told_of(place):
    (place / "results/results.json").write_text('{"metrics": {"r2": 0.5}}')
    assert api.get_results(str(place)) == ({"metrics": {"r2": 0.5}}, "results:/results.json")
    first = api.take_snapshot(str(place), "first", "as delivered")
    second = api.take_snapshot(str(place))

    history = api.get_snapshot_history(str(place))

    assert [one.hashval for one in history] == [first, second]
    assert (history[0].tags, history[0].message, history[0].metrics) == (
        ("first",),
        "as delivered",
        {"r2": 0.5},
    )
    newest = api.get_snapshot_history(str(place), reverse=True, max_count=1)
    assert [one.snapshot_number for one in newest] == [2]
    assert api.get_results(str(place), "first") == (
        {"metrics": {"r2": 0.5}},
        "results:/snapshots/lab-first/results.json",
    )
    assert api.get_results(str(place)) is None


def test_a_restore_tells_how_many_resources_changed(place):
    api.take_snapshot(str(place), "first")
    (place / "raw/a.csv").write_text("2")
    api.take_snapshot(str(place), "second")

    assert api.restore("first", str(place)) == 1
    assert api.restore("first", str(place)) == 0
    assert api.restore("second", str(place), leave=["raw"]) == 0
    assert (place / "raw/a.csv").read_text() == "1"


def test_parameters_are_shown_and_set(place):
    values = api.config(str(place), "hostname", "desk")

    assert values["hostname"] == "desk"
    assert api.config(str(place))["results.dir_template"] == "snapshots/{HOSTNAME}-{TAG}"
    assert api.config(str(place), resource_name="raw")["global_local_path"] == "raw"
    assert all(one.help.endswith(".") for one in WORKSPACE_PARAMETERS)


def test_options_that_a_type_does_not_take_are_refused(place):
    (place / "more").mkdir()

    with pytest.raises(ApiParamError, match="'git' does not take these options"):
        api.add("git", "code", str(place / "more"), str(place), colour="red")
    with pytest.raises(ConfigurationError, match=r"no resource type 'ftp'; there are .*file, git,"):
        api.add("ftp", "code", str(place / "more"), str(place))
    with pytest.raises(ConfigurationError, match="no backend 'svn'; there are central, git"):
        workspace.load_workspace(f"svn:{place}")


def test_the_backend_clones_the_records_of_a_workspace_without_its_content(place, tmp_path):
    from workspace_core.backends.git import GitWorkspaceFactory

    copy = tmp_path / "copy"
    found = GitWorkspaceFactory().clone_workspace(
        "lab", str(place), str(copy), batch=True, verbose=False
    )

    assert found.name == workspace.load_workspace(f"git:{place}").name
    assert found.get_local_param("hostname") == "lab"
    assert found.store().id != workspace.load_workspace(f"git:{place}").store().id


@pytest.mark.parametrize(
    "error",
    [
        errors.GitError("/w", "commit", "fatal: no"),
        errors.NoGitError("/w"),
        errors.MoveError("/w/a", "Permission denied"),
        errors.RemovalError("/w/a", "Permission denied"),
        errors.UnsoundWorkspaceError("/w", ["/w/a"]),
        errors.BatchModeError("--role"),
        errors.LocalChangesError("raw", ["a"]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_errors_cross_processes_with_their_sentence(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (type(again), str(again)) == (type(error), str(error))
    assert str(error).endswith(".")
    assert "\n" not in str(error)
