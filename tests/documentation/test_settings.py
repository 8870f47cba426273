"""docs/settings.md names every environment variable that is read, and none besides."""

import ast
import re

import pytest

SETTINGS_FUNCTIONS = {"text", "flag", "names", "bucket_of"}
READER_FUNCTIONS = SETTINGS_FUNCTIONS | {
    "secret",
    "choice",
    "seconds",
    "count",
    "encryption",
    "file",
}


def read_in(file):
    """Return the variables that a module reads, as far as they stand in it in full."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "envvar":
            yield node.value.value
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        owner, function = getattr(node.func.value, "id", None), node.func.attr
        argument = node.args[0]
        name = constants.get(getattr(argument, "id", None), getattr(argument, "value", None))
        if owner == "settings" and function in SETTINGS_FUNCTIONS and isinstance(name, str):
            yield f"DATA_SERVICES_{name}"
        if owner == "read" and file.name == "s3_settings.py" and function in READER_FUNCTIONS:
            yield f"…_S3_{name}"


@pytest.fixture(scope="module")
def variables(workspace):
    """The variables that the sources read."""
    found = set()
    for file in workspace.glob("*/*/src/**/*.py"):
        found.update(read_in(file))
    return found


@pytest.fixture(scope="module")
def documented(workspace):
    """The variables in the first column of the tables of docs/settings.md."""
    page = (workspace / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_what_is_read_is_documented(variables, documented):
    assert len(variables) > 40
    assert variables - documented == set()


def test_what_is_documented_is_read(variables, documented, workspace):
    sources = "\n".join(
        file.read_text(encoding="utf-8") for file in workspace.glob("*/*/src/**/*.py")
    )
    unknown = {
        name
        for name in documented - variables
        if name.partition("<")[0].removeprefix("DATA_SERVICES_") not in sources
        and re.sub("_(FILE|RESOURCE)$", "", name) not in variables  # as the sources make them
    }

    assert unknown == set()
