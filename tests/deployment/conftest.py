"""What deployments are tried on: registries, git remotes, a platform; all real, all on loopback."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from git_remote import NOBODY, Checkout, Remote

ORIGIN = "https://somebody:hunter2@gitea.example.org/data-services/data-services.git"
PROGRAM = Path(sys.executable).with_name("data-services")


@pytest.fixture(scope="session")
def registry_folder(tmp_path_factory):
    """Where the open registry keeps what it is given."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="session")
def open_registry(registry_folder):
    """A registry that is open to all."""
    from docker_registry import registry

    skip_without_registry()
    with registry(registry_folder) as server:
        yield server


@pytest.fixture(scope="session")
def password_registry(tmp_path_factory):
    """A registry that asks for user and password."""
    from docker_registry import registry_with_passwords

    skip_without_registry()
    with registry_with_passwords(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def token_registry(tmp_path_factory):
    """A registry that sends its clients for a token."""
    from docker_registry import registry_with_tokens

    skip_without_registry()
    with registry_with_tokens(tmp_path_factory.mktemp("registry")) as server:
        yield server


def skip_without_registry():
    from docker_registry import missing_program

    if missing_program():
        pytest.skip("docker-registry is not installed: .gitea/scripts/install-system")


@pytest.fixture
def remote(tmp_path):
    return Remote(tmp_path)


@pytest.fixture
def deployment(clean_environment, tmp_path):
    """Return a function that runs `data-services deployment`."""

    def run(*arguments, **variables):
        return subprocess.run(
            [PROGRAM, "deployment", *map(str, arguments)],
            env=os.environ | NOBODY | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
        )

    return run


@pytest.fixture(scope="session")
def podman(request):
    """A podman with a store of its own, and the stand-in for the base image in it."""
    from containers import add_base_image, missing_programs, podman_store

    if missing := missing_programs():
        pytest.skip(
            f"no images can be built here ({', '.join(missing)} missing): "
            ".gitea/scripts/install-system"
        )
    with podman_store() as found:
        add_base_image(found, request.config.cache.mkdir("base-image"))
        yield found


@pytest.fixture(scope="session")
def disk():
    """A folder where uv need not copy what its cache has; in memory it would take gigabytes."""
    with tempfile.TemporaryDirectory(prefix="data-services-checkouts-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def sources(workspace, disk):
    """A checkout of its own, from which images are built."""
    checkout = Checkout(disk / "sources")
    checkout.copy_from(workspace)
    checkout.git("remote", "add", "origin", ORIGIN)
    return checkout


@pytest.fixture(scope="session")
def script(sources, podman):
    """Return a function that runs `.gitea/scripts/image` in that checkout or another."""

    def run(*arguments, checkout=sources, **variables):
        return subprocess.run(
            [checkout.root / ".gitea/scripts/image", *map(str, arguments)],
            env=podman.environment | NOBODY | variables,
            capture_output=True,
            text=True,
            timeout=900,
        )

    return run


@pytest.fixture(scope="session")
def build(script, sources, open_registry):
    """Return a function that builds and pushes the image of a checkout's commit."""
    repository = f"{open_registry.host}/data-services/data-services"

    def run(*options, checkout=sources, engine_options=()):
        built = script("build", repository, *options, "--", *engine_options, checkout=checkout)
        assert built.returncode == 0, built.stderr[-4000:]
        pushed = script("push", repository, *options, checkout=checkout)
        assert pushed.returncode == 0, pushed.stderr[-4000:]
        assert pushed.stdout == built.stdout
        return BuiltImage(built.stdout.strip(), checkout.head, repository)

    return run


@dataclass(frozen=True)
class BuiltImage:
    """An image that the script has built and pushed."""

    reference: str
    commit: str
    repository: str

    @property
    def tag(self):
        return self.reference.rpartition(":")[2]


@pytest.fixture(scope="session")
def image(build):
    """The image of the workspace as it is."""
    return build()
