"""What a wheel must say of itself before it is published."""

import os
import shutil
import subprocess
import zipfile

import pytest


@pytest.fixture
def build(checkout):
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")

    def make(member):
        out = checkout.root / "dist"
        subprocess.run(
            [uv, "build", "--quiet", "--wheel", "--package", member, "--out-dir", out],
            cwd=checkout.root,
            check=True,
        )
        return next(out.glob(f"{member}-*.whl"))

    return make


def check(checkout, wheel):
    return checkout.run("python3", ".gitea/scripts/wheel.py", str(wheel))


def test_a_good_wheel_passes(checkout, build):
    done = check(checkout, build("walls"))

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unbounded_sibling_is_found(checkout, build):
    project = checkout.root / "packages/walls/pyproject.toml"
    project.write_text(project.read_text().replace('"ground>=0.1,<0.2"', '"ground>=0.1"'))

    done = check(checkout, build("walls"))

    assert done.returncode == 1
    assert "It needs 'ground>=0.1' without a lower and an upper bound." in done.stderr


def test_each_missing_part_is_named(checkout, build):
    wheel = build("roof")
    bare = wheel.with_name("roof-0.2.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(bare, "w") as target:
        for name in source.namelist():
            if name.endswith("METADATA"):
                target.writestr("roof-0.2.0.dist-info/METADATA", "Name: roof\n\n# Something\n")
        target.writestr("roof/tests/test_it.py", "")

    done = check(checkout, bare)

    assert [line.partition(": ")[2] for line in done.stderr.splitlines()] == [
        "Its version is 0.2.0, the project's 0.1.0.",
        "It carries no py.typed.",
        "It carries no licence.",
        "It registers no plugin in the group 'data_services'.",
        "Its description is not its README.",
        "It carries tests.",
    ]
