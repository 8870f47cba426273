"""Where a package cannot be made, one sentence says why, and nothing is left of it."""

from importlib.metadata import version

import pytest

from util_services.errors import ConfigurationError, StorageError
from util_services.new_plugin.making import make_plugin, requirement_on

SHAPE = (
    "use 2 to 30 lower-case letters, digits and single hyphens, beginning with a letter, such as "
    "'clinic-tools'."
)
REFUSED = {
    "Clinic": f"A package cannot be called 'Clinic': {SHAPE}",
    "clinic_tools": f"A package cannot be called 'clinic_tools': {SHAPE}",
    "clinic--tools": f"A package cannot be called 'clinic--tools': {SHAPE}",
    "9tools": f"A package cannot be called '9tools': {SHAPE}",
    "../up": f"A package cannot be called '../up': {SHAPE}",
    "a": f"A package cannot be called 'a': {SHAPE}",
    "x" * 31: f"A package cannot be called '{'x' * 31}': {SHAPE}",
    "": f"A package cannot be called '': {SHAPE}",
    "tools\n": f"A package cannot be called 'tools\\n': {SHAPE}",
    "class": "'class' is a word of Python itself; choose another name.",
    "json": "'json' is a word of Python itself; choose another name.",
    "util-services": "A package called 'util-services' is installed here; choose another name.",
    "yaml": "A package called 'yaml' is installed here; choose another name.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError) as refusal:
        make_plugin(name, tmp_path)

    assert str(refusal.value) == REFUSED[name]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_there_is_left_as_it_is(tmp_path, kind):
    place = tmp_path / "clinic-tools"
    {
        "folder": place.mkdir,
        "file": place.touch,
        "link": lambda: place.symlink_to(tmp_path / "nowhere"),
    }[kind]()

    with pytest.raises(StorageError, match="is there already; choose another name, or another"):
        make_plugin("clinic-tools", tmp_path)

    assert list(tmp_path.rglob("*")) == [place]


def test_a_folder_that_takes_nothing_is_a_sentence(tmp_path):
    with pytest.raises(StorageError, match="cannot be made: No such file or directory"):
        make_plugin("clinic-tools", tmp_path / "nowhere")


def test_a_package_that_is_extended_and_not_installed_is_named():
    with pytest.raises(ConfigurationError, match="no-such-tools, which it would extend, is not"):
        requirement_on("no-such-tools")


def test_requirements_end_where_the_next_release_may_break():
    major, minor, *_ = version("click").split(".")

    assert version("util-services").startswith("0.1.")
    assert requirement_on("util-services") == "util-services>=0.1,<0.2"
    assert requirement_on("click") == f"click>={major}.{minor},<{int(major) + 1}"
