"""The script that tests members with every Python that they are said to run on."""

import platform
import shutil
import sys

import pytest

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
MISSING = "3.99"
LINE = "Programming Language :: Python :: "


def classify(checkout, *versions, names=("ground", "walls", "roof", "shed")):
    for name in names:
        file = checkout.root / f"packages/{name}/pyproject.toml"
        named = ", ".join(f'"{LINE}{version}"' for version in versions)
        text = file.read_text().replace(
            '">=3.11"', f'">={versions[0]}"\nclassifiers = [{named}]', 1
        )
        file.write_text(text)


@pytest.fixture
def pythons(checkout, tmp_path):
    """Return a function that runs the script where this Python is the only one to be found."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / f"python{HERE}").symlink_to(sys.executable)
    (programs / f"python{MISSING}").write_text("#!/bin/sh\nexit 127\n")  # as a shim without one
    (programs / f"python{MISSING}").chmod(0o755)
    for name in ("uv", "git"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    with (checkout.root / "pyproject.toml").open("a") as settings:
        settings.write("\n[dependency-groups]\ntest = []\n")

    def run(*arguments):
        return checkout.run(
            sys.executable,
            ".gitea/scripts/pythons.py",
            *arguments,
            PATH=f"{programs}:/usr/bin:/bin",
            PYENV_ROOT=str(tmp_path / "none"),
            UV_OFFLINE="1",
        )

    return run


def test_found_interpreters_and_missing_ones_are_named(checkout, pythons):
    classify(checkout, HERE, MISSING)

    done = pythons("--list")

    assert (done.returncode, done.stderr) == (0, "")
    found, missing = done.stdout.splitlines()
    assert found.startswith(f"{HERE}: {platform.python_version()} at /")
    assert missing == f"{MISSING}: none found; nothing is proven with it here"


def test_members_are_tested_in_an_environment_of_the_interpreter(checkout, pythons):
    if shutil.which("uv") is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    classify(checkout, HERE)
    assert checkout.run("uv", "lock", "--quiet", "--offline").returncode == 0
    said = "import sys, roof; print(sys.prefix, roof.__name__); sys.exit({})"

    passed = pythons("--", "python", "-c", said.format(0))
    failed = pythons("roof", "--", "python", "-c", said.format(3))

    place = checkout.root / ".pythons" / platform.python_version()
    assert (passed.returncode, passed.stderr) == (0, "")
    assert passed.stdout.splitlines()[1:] == [
        f"{place} roof",
        f"{HERE}: passed with {platform.python_version()}",
    ]
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1] == f"{HERE}: FAILED with {platform.python_version()}"


def test_classifiers_that_disagree_are_refused(checkout, pythons):
    classify(checkout, HERE, names=("ground", "walls", "roof"))
    classify(checkout, HERE, MISSING, names=("shed",))

    done = pythons("--list")

    assert done.returncode == 1
    assert "The classifiers of 'shed' name Python" in done.stderr


def test_a_version_that_is_required_but_not_named_is_refused(checkout, pythons):
    classify(checkout, HERE)
    file = checkout.root / "packages/roof/pyproject.toml"
    file.write_text(file.read_text().replace(f'">={HERE}"', '">=3.9"'))

    done = pythons("--list")

    assert done.returncode == 1
    assert done.stderr == (
        f"pythons: 'roof' requires Python '3.9' and up, and its classifiers begin with {HERE}; "
        "let them agree.\n"
    )


def test_the_members_of_this_workspace_agree(workspace):
    sys.path.insert(0, str(workspace / ".gitea/scripts"))
    try:
        from workspace import classified_pythons
    finally:
        sys.path.pop(0)

    assert classified_pythons(workspace) == ["3.11", "3.12", "3.13"]


def test_a_version_that_nobody_names_is_refused(checkout, pythons):
    classify(checkout, HERE)

    done = pythons("--only", MISSING)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pythons: No member is said to run on Python {MISSING}.\n"
