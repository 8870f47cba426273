"""The real Dockerfile, built by the script, and what is in the image."""

import json
import tomllib

import pytest

pytestmark = pytest.mark.timeout(900)  # images are built
MEMBERS = {
    "data-processing",
    "data-services",
    "dataframe-anonymisation",
    "field-pseudonymisation",
    "util-services",
    "workspace-core",
}
DIGESTS = "cd /opt/venv && find . -type f -exec sha256sum {} + && find . -type l -printf '%p %l\\n'"
TAKES_MANY_MEGABYTES = 1_000_000_000  # what an image may take without Spark


@pytest.fixture(scope="module")
def facts(podman, image):
    [found] = json.loads(podman("image", "inspect", image.reference))
    return found


@pytest.fixture(scope="module")
def installed(podman, image):
    """The distributions of the image by name, with what their metadata say of their origin."""
    code = (
        "import json; from importlib.metadata import distributions as all;"
        "print(json.dumps({d.metadata['Name']: [d.version, d.read_text('direct_url.json')]"
        " for d in all()}))"
    )
    return json.loads(podman("run", "--rm", image.reference, "python", "-c", code))


@pytest.fixture(scope="module")
def files(podman, image):
    """The paths of all files of the image."""
    listed = podman("run", "--rm", "--user=0", image.reference, "find", "/", "-xdev", "-type", "f")
    return listed.splitlines()


def test_the_image_is_called_after_its_commit_everywhere(facts, image, open_registry):
    variables = dict(one.split("=", 1) for one in facts["Config"]["Env"])
    labels = facts["Config"]["Labels"]

    assert image.reference == f"{image.repository}:{image.commit}"
    assert variables["DAGSTER_CURRENT_IMAGE"] == image.reference
    assert variables["DATA_SERVICES_COMMIT"] == image.commit
    assert labels["org.opencontainers.image.revision"] == image.commit
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.source"] == (
        "https://gitea.example.org/data-services/data-services.git"  # without who may read it
    )
    tags = open_registry.tags("data-services/data-services")
    assert image.commit in tags
    assert "latest" not in tags


def test_the_image_runs_the_code_server_as_nobody_of_importance_and_looks_after_its_health(facts):
    config = facts["Config"]

    assert config["User"] == "10001:10001"
    assert " ".join(config["Cmd"]) == (
        "dagster code-server start -h 0.0.0.0 -p 4000 -m data_services.repository"
    )
    assert config.get("Entrypoint") is None
    health = facts["HealthCheck"] if "HealthCheck" in facts else facts["Healthcheck"]
    assert health["Test"] == ["CMD", "dagster", "api", "grpc-health-check", "-p", "4000"]


def test_the_image_is_no_larger_than_it_may_be(facts):
    print(f"image: {facts['Size'] / 1e6:.0f} MB")  # noqa: T201 - shown by pytest -s

    assert facts["Size"] < TAKES_MANY_MEGABYTES


def test_dependencies_are_what_the_lock_file_fixes(installed, sources):
    locked = {}
    for package in tomllib.loads((sources.root / "uv.lock").read_text())["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version"))

    others = {normal(name): found for name, found in installed.items()}
    for member in MEMBERS | {"pip", "setuptools"}:  # the latter come with the base image
        others.pop(member, None)

    assert len(others) > 60
    assert {"dagster-k8s", "dagster-postgres", "fastavro"} <= set(others)
    for name, (version, origin) in others.items():
        assert version in locked[name]
        assert origin is None


def test_members_are_wheels_and_no_links_to_sources(installed):
    origins = {name: json.loads(installed[name][1]) for name in MEMBERS}

    assert [origin["dir_info"] for origin in origins.values()] == [{"editable": False}] * len(
        MEMBERS
    )


def test_no_tests_caches_or_sources_are_in_the_image(files):
    found = [
        file
        for file in files
        if "/tests/" in file.replace("/site-packages/", "/", 1)
        and file.split("/site-packages/")[-1].startswith(("data_", "util_", "pandas", "pyarrow"))
    ]
    remains = [
        file
        for file in files
        if file.startswith(("/src/", "/root/.cache", "/image/", "/tmp/", "/added/"))  # noqa: S108
        or file.endswith(("/uv", "uv_cache.json"))
        or "/.git/" in file
    ]

    assert found == []
    assert remains == []


def test_the_bill_of_materials_lists_what_is_installed(script, image, installed):
    answer = script("sbom", image.repository)

    assert answer.returncode == 0, answer.stderr
    bill = json.loads(answer.stdout)
    listed = {normal(one["name"]): one["version"] for one in bill["components"]}
    expected = {normal(name): version for name, (version, _) in installed.items()}
    for name in ("pip", "setuptools"):
        expected.pop(name, None)
    assert bill["bomFormat"] == "CycloneDX"
    assert listed == expected


def test_a_release_is_the_same_image_with_its_version_as_a_tag_and_nothing_uncommitted(
    build, podman, sources, image, open_registry, disk
):
    before = podman("image", "inspect", "--format={{.Id}}", image.reference)
    checkout = sources.cloned(disk / "released")
    checkout.git("tag", "data-services-v0.1.0")
    stray = checkout.root / "packages/util-services/src/util_services/stray.py"
    stray.write_text("raise SystemExit\n")

    released = build(checkout=checkout)

    assert released == image
    assert podman("image", "inspect", "--format={{.Id}}", image.reference) == before
    assert {"0.1.0", image.commit} <= set(open_registry.tags("data-services/data-services"))


def test_a_rebuild_of_a_commit_without_a_cache_installs_the_same_files(script, podman, image):
    rebuilt = script("build", "localhost/again", "--", "--no-cache", "--target=members")
    assert rebuilt.returncode == 0, rebuilt.stderr[-4000:]

    before, after = (
        set(podman("run", "--rm", "--user=0", name, "sh", "-c", DIGESTS).splitlines())
        for name in (image.reference, rebuilt.stdout.strip())
    )

    assert len(before) > 5000
    assert before ^ after == set()


def test_a_push_signs_in_to_the_registry_and_leaves_no_credentials_behind(
    script, podman, image, password_registry
):
    repository = f"{password_registry.host}/data-services/data-services"
    podman("tag", image.reference, f"{repository}:{image.commit}")
    right = {
        "DATA_SERVICES_REGISTRY_USER": password_registry.user,
        "DATA_SERVICES_REGISTRY_PASSWORD": password_registry.password,
    }

    stranger = script("push", repository)
    pushed = script("push", repository, **right)

    assert stranger.returncode != 0
    assert pushed.returncode == 0, pushed.stderr
    assert image.commit in password_registry.tags("data-services/data-services")
    assert password_registry.password not in pushed.stdout + pushed.stderr
    logins = [file for file in podman.folder.glob("tmp/**/auth.json") if file.is_file()]
    assert logins == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("build",),
        ("bake", "host.org/a"),
        ("build", "host.org/a:latest"),
        ("build", "host.org/a", "--release"),
        ("build", "host.org/a", "--plugins"),
        ("build", "host.org/a", "--plugins", "/no/such/file"),
    ],
)
def test_what_cannot_be_meant_is_refused(script, arguments):
    answer = script(*arguments)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr


def normal(name):
    return name.lower().replace("_", "-").replace(".", "-")
