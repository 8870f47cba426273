"""Plugins of others, installed into the environment of an image by the script of the build."""

import hashlib
import os
import shutil
import subprocess
import tomllib

import pytest

pytestmark = pytest.mark.timeout(900)  # images are built
PLUGIN = """\
[project]
name = "{name}"
version = "{version}"
requires-python = ">=3.11"
dependencies = {dependencies}

[project.entry-points.data_services]
{name} = "{package}"

[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"
"""


@pytest.fixture(scope="module")
def environment(podman, image, sources, tmp_path_factory):
    """The image of the build in which plugins are installed, before any are."""
    context = tmp_path_factory.mktemp("context")
    archive = context / "sources.tar"
    sources.git("archive", "--output", archive, "HEAD")
    shutil.unpack_archive(archive, context)
    archive.unlink()
    file = context / "code-locations/data-services/Dockerfile"
    podman(
        *("build", "--target=members", "--tag=localhost/members", "--format=docker"),
        *("--timestamp=946684800", "--build-arg=PLUGINS=", f"--file={file}", context),
    )
    return "localhost/members"


@pytest.fixture
def plugins(tmp_path):
    """A folder in which wheels and a requirements file come together."""
    return tmp_path


@pytest.fixture
def wheel(plugins):
    """Return a function that makes the wheel of a plugin and gives its hash."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")

    def make(name, *dependencies, version="1.0"):
        package = name.replace("-", "_")
        project = plugins / "sources" / name
        (project / "src" / package).mkdir(parents=True)
        (project / "src" / package / "__init__.py").write_text("")
        (project / "pyproject.toml").write_text(
            PLUGIN.format(
                name=name, version=version, package=package, dependencies=list(dependencies)
            )
        )
        subprocess.run([uv, "build", "--quiet", "--wheel", "-o", plugins, project], check=True)
        content = (plugins / f"{package}-{version}-py3-none-any.whl").read_bytes()
        return hashlib.sha256(content).hexdigest()

    return make


@pytest.fixture
def install(podman, environment, plugins):
    """Return a function that installs requirements and says how that went."""

    def run(*lines):
        (plugins / "requirements.txt").write_text("\n".join(lines))
        return subprocess.run(
            [
                *("podman", "run", "--rm", "--network=none", "--env=UV_OFFLINE=true"),
                *(f"--volume={plugins}:/plugins:ro", environment),
                *("/image/install-plugins", "/plugins/requirements.txt"),
            ],
            env=podman.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_plugin_that_needs_what_is_there_is_added(wheel, install):
    wheel("clinic-tools", "util-services>=0.1,<0.2", "pandas>=3")

    done = install("./clinic_tools-1.0-py3-none-any.whl")

    assert done.returncode == 0, done.stderr
    assert "+ clinic-tools==1.0" in done.stderr


@pytest.mark.parametrize("wanted", ["pandas<3", "util-services>=0.2"])
def test_a_plugin_that_wants_another_version_of_a_dependency_or_a_member_is_refused(
    wheel, install, wanted
):
    wheel("clinic-tools", wanted)

    done = install("./clinic_tools-1.0-py3-none-any.whl")

    assert done.returncode != 0
    assert wanted in done.stderr
    assert "+ clinic-tools" not in done.stderr


def test_hashes_are_compared_and_all_is_named_then(wheel, install):
    right = wheel("clinic-tools", "ward-names")
    other = wheel("ward-names")
    tools, names = (f"./{one}-1.0-py3-none-any.whl" for one in ("clinic_tools", "ward_names"))

    whole = install(f"{tools} --hash=sha256:{right}", f"{names} --hash=sha256:{other}")
    changed = install(f"{tools} --hash=sha256:{other}", f"{names} --hash=sha256:{other}")
    partly = install(f"{tools} --hash=sha256:{right}")
    unsure = install(f"{tools} --hash=sha256:{right}", names)

    assert whole.returncode == 0, whole.stderr
    assert [done.returncode != 0 for done in (changed, partly, unsure)] == [True] * 3
    assert "mismatch" in changed.stderr.lower()
    assert "ward-names" in partly.stderr


@pytest.fixture(scope="module")
def locked(sources):
    """The version of a package that Dagster needs."""
    packages = tomllib.loads((sources.root / "uv.lock").read_text())["package"]
    return next(one["version"] for one in packages if one["name"] == "toposort")


@pytest.mark.parametrize("is_hashed", [False, True])
def test_another_version_of_what_the_lock_file_fixes_is_refused(wheel, install, is_hashed):
    digest = wheel("toposort", version="99.0")

    line = "./toposort-99.0-py3-none-any.whl"
    done = install(f"{line} --hash=sha256:{digest}" if is_hashed else line)

    assert done.returncode != 0
    assert "toposort" in done.stderr
    assert "+ toposort" not in done.stderr


def test_another_file_under_the_version_of_the_lock_file_is_refused(wheel, install, locked):
    wheel("toposort", version=locked)

    done = install(f"./toposort-{locked}-py3-none-any.whl")

    assert done.returncode == 1
    assert done.stderr.endswith(
        f"a plugin may only add packages, and these are replaced: toposort=={locked}\n"
    )
