"""The whole path: commit, image, registry, manifest, chart, container, reload, verification.

The tests of this module build upon each other, as deployments do.
"""

import base64
import gzip
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ceph_rgw import free_ports
from cluster import CONTAINER, Cluster
from dagster_platform import ask, daemon, web_server
from git_remote import NOBODY, Remote
from workflow import Job, runner_environment

from util_services.deployment.manifest import value_at, with_value

pytestmark = pytest.mark.timeout(900)  # images are built
PROGRAM = Path(sys.executable).with_name("data-services")
LOCATION = "data-services"
KEY = "deployments.data-services.image.tag"
JOB = "remove_duplicates_job"
IMAGE_NETRC = "machine 127.0.0.1\nlogin reader\npassword {}\n"
SETTINGS = """\
telemetry: {enabled: false}
nux: {enabled: false}
storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config: {base_dir: /opt/dagster/dagster_home}
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
NEW_JOB = '''\
"""A job that the next commit brings."""

import dagster as dg


@dg.op
def say_hello(context: dg.OpExecutionContext) -> None:
    """Say hello."""
    context.log.info("hello")


@dg.job
def say_hello_job() -> None:
    """Say hello."""
    say_hello()
'''
# Runs a program, and kills all that was started with it in the step that is to be killed.
KILLED = """\
#!/usr/bin/env bash
number=$(($(cat {count}) + 1)); echo $number > {count}
if [ "$number" = "${{KILLED_STEP:-}}" ]; then
    {real} "$@" & sleep 1; kill -9 0
fi
exec {real} "$@"
"""
JOBS = """
query { repositoryOrError(repositorySelector: {
  repositoryLocationName: "data-services", repositoryName: "__repository__"
}) { ... on Repository { jobs { name } } } }
"""
EVENTS = """
query { runsOrError { ... on Runs { results { runConfigYaml eventConnection(limit: 1000) { events {
  ... on MessageEvent { message }
} } } } } }
"""


@pytest.fixture(scope="module")
def database(postgres_server):
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def keyset(tmp_path_factory):
    """A keyset for the audit, as a secret holds it."""
    folder = tmp_path_factory.mktemp("keys")
    folder.chmod(0o700)
    subprocess.run(
        [PROGRAM, "keys", "create", "audit", "--purpose", "audit"],
        env=os.environ | {"DATA_SERVICES_KEYS": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return base64.b64encode((folder / "audit.json").read_bytes()).decode()


@pytest.fixture(scope="module")
def hidden(database, postgres_server, keyset):
    """The secrets of the platform, by the variables as which code servers get them."""
    return {
        "DAGSTER_POSTGRES_URL": database,
        "DAGSTER_PG_PASSWORD": postgres_server.password,
        "DATA_SERVICES_KEYSET_AUDIT": keyset,
        "SELFS3_S3_SECRET_KEY": secrets.token_urlsafe(24),
        "PASSWORD_OF_THE_INDEX": secrets.token_urlsafe(24),
        "TOKEN_OF_THE_MANIFEST": secrets.token_urlsafe(24),
    }


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, workspace, open_registry):
    """The remote with the manifest as the project delivers it, but for host and port."""
    (port,) = free_ports(1)
    text = (workspace / "code-locations/data-services/deploy/values.yaml").read_text()
    remote = Remote(tmp_path_factory.mktemp("deployments"))
    remote.write(
        text.replace("gitea.example.org", open_registry.host).replace("port: 4000", f"port: {port}")
    )
    remote.port = port
    return remote


@pytest.fixture(scope="module")
def cluster(podman, manifest, workspace, hidden):
    pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    chart = workspace / "code-locations/data-services/deploy/chart"
    found = Cluster(podman, manifest, chart, hidden)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    (folder / "dagster.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture(scope="module")
def platform(home, manifest, database):
    """The address of the web server; there is a daemon too, and no code server yet."""
    (port,) = free_ports(1)
    address = {"DAGSTER_POSTGRES_URL": database}
    with (
        web_server(home, port, {LOCATION: manifest.port}, address) as url,
        daemon(home, address),
    ):
        yield url


@pytest.fixture(scope="module")
def said():
    """What workflows and commands of this module have printed, to be searched in the end."""
    return []


@pytest.fixture(scope="module")
def uv():
    found = os.environ.get("UV") or shutil.which("uv")
    if found is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    return found


@pytest.fixture(scope="module")
def settings(podman, platform, manifest, home, image, hidden):
    """The secrets of the repository, as the workflow of main wants them."""
    return {
        "IMAGE": image.repository,
        "IMAGE_NETRC": IMAGE_NETRC.format(hidden["PASSWORD_OF_THE_INDEX"]),
        "MANIFEST_REMOTE": str(manifest.path),
        "MANIFEST_TOKEN": hidden["TOKEN_OF_THE_MANIFEST"],
        "PLATFORM_LOGS": f"cat {home / 'daemon.log'}; podman logs {CONTAINER} 2>&1",
        "PLATFORM_URL": platform,
    }


@pytest.fixture(scope="module")
def runner(podman, uv, tmp_path_factory):
    """The environment of a runner."""
    return runner_environment(tmp_path_factory.mktemp("runner"), podman.environment | NOBODY, uv)


@pytest.fixture
def push_to_main(runner, settings, cluster, said):
    """Return a function that runs the deployment of the workflow of main for a checkout."""

    def run(checkout, after=lambda _: None, **more):
        def hear(step):
            said.append(step.said)
            print(f"== {step.name}: {step.outcome}\n{step.said}", end="")  # noqa: T201 - for pytest -s
            after(step)

        job = Job(checkout.root, "main.yml", "deploy", settings | more, runner)
        with cluster.following():
            return {step.name: step.outcome for step in job.run(hear)}

    return run


@pytest.fixture
def verify(deployment, platform, said):
    """Return a function that verifies and gives the checks that are red."""

    def run(commit):
        answer = deployment("verify", "--url", platform, "--commit", commit, "--json")
        said.append(answer.stdout + answer.stderr)
        assert answer.stdout, answer.stderr
        checks = json.loads(answer.stdout)["checks"]
        return {check["check"]: check["told"] for check in checks if not check["is_ok"]}

    return run


@pytest.fixture(scope="module")
def next_checkout(sources, disk):
    """A checkout of the next commit, which brings a job."""
    checkout = sources.cloned(disk / "next")
    jobs = checkout.root / "code-locations/data-services/src/data_services/jobs"
    (jobs / "say_hello.py").write_text(NEW_JOB)
    checkout.commit()
    return checkout


@pytest.fixture(scope="module")
def plugins(workspace, hidden, uv, tmp_path_factory):
    """Requirements: a sound plugin from a private index, and one beside them that fails."""
    from package_index import package_index

    folder, packages = tmp_path_factory.mktemp("plugins"), workspace / "tests/plugins/packages"
    index = folder / "index" / "good-plugin"
    index.mkdir(parents=True)
    for name, target in {"good-plugin": index, "import-failure-plugin": folder}.items():
        make = [uv, "build", "--quiet", "--wheel", "-o", target, packages / name]
        subprocess.run(make, check=True)
        (target / ".gitignore").unlink(missing_ok=True)
    with package_index(folder / "index", "reader", hidden["PASSWORD_OF_THE_INDEX"]) as url:
        requirements = folder / "requirements.txt"
        requirements.write_text(
            f"--index-url {url}\ngood-plugin==1.0\n./import_failure_plugin-1.0-py3-none-any.whl\n"
        )
        yield requirements


def jobs_of(platform):
    return {job["name"] for job in ask(platform, JOBS)["repositoryOrError"]["jobs"]}


def test_a_push_to_main_ends_in_a_verified_deployment(
    image, sources, push_to_main, manifest, platform
):
    outcomes = push_to_main(sources)

    assert outcomes.pop("Roll back") == "skipped"
    assert set(outcomes.values()) == {"success"}
    assert value_at(manifest.read(), KEY) == image.commit
    assert JOB in jobs_of(platform)


def test_people_see_the_commit_among_the_code_locations(image, platform, tmp_path):
    from chromium import chromium, chromium_program

    if chromium_program() is None:
        pytest.skip("Chromium is not installed: .gitea/scripts/install-system")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 500})
        page.goto(f"{platform}/deployment/locations")

        page.get_by_text(image.commit).first.wait_for()

        page.screenshot(path=tmp_path / "code-locations.png")


def test_the_code_server_starts_with_a_read_only_root_and_no_rights(image, manifest, cluster):
    began = time.monotonic()

    assert cluster.roll_out() == image.reference
    cluster.wait_until_healthy(manifest.port)

    print(f"cold start: {time.monotonic() - began:.1f} s")  # noqa: T201 - shown by pytest -s


def test_a_deployment_killed_in_any_step_leaves_the_old_manifest_or_the_new_and_is_finished_later(
    image, next_checkout, runner, settings, cluster, manifest, platform, verify, tmp_path
):
    old, commits = manifest.read(), manifest.commits()
    new = with_value(old, KEY, next_checkout.head)
    folder, count = tmp_path / "bin", tmp_path / "count"
    folder.mkdir()
    for name in ("podman", "uv"):
        (folder / name).write_text(
            KILLED.format(real=shutil.which(name, path=runner["PATH"]), count=count)
        )
        (folder / name).chmod(0o755)
    path = {"PATH": os.pathsep.join((str(folder), runner["PATH"]))}
    variables = {f"DATA_SERVICES_{name}": text for name, text in settings.items()}

    def deploy(**more):
        count.write_text("0")
        return subprocess.run(
            [next_checkout.root / ".gitea/scripts/deploy", "all"],
            env=runner | variables | more,
            capture_output=True,
            text=True,
            start_new_session=True,  # which is killed as a whole
            timeout=600,
        )

    subprocess.run(
        [next_checkout.root / ".gitea/scripts/install"],
        env=runner,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with cluster.following():
        kills = 0
        while (done := deploy(**path, KILLED_STEP=str(kills + 1))).returncode == -signal.SIGKILL:
            kills += 1
            assert manifest.read() in {old, new}

    assert kills > 5
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert manifest.read() == new
    assert manifest.commits() == commits + 1
    assert verify(next_checkout.head) == {}
    assert set(verify(image.commit)) == {"image", "commit"}
    assert "say_hello_job" in jobs_of(platform)


def test_dependencies_of_two_commits_with_one_lock_file_are_one_layer(image, next_checkout, podman):
    before, after = (
        json.loads(podman("image", "inspect", "--format={{json .RootFS.Layers}}", reference))
        for reference in (image.reference, f"{image.repository}:{next_checkout.head}")
    )

    changed = [old != new for old, new in zip(before, after, strict=True)]
    assert changed == [False, False, False, True, False, True]  # members and commit alone


def test_a_plugin_that_fails_leaves_the_others_and_the_deployment_is_rolled_back(
    next_checkout, plugins, push_to_main, manifest, verify, platform, said
):
    tag, seen = next_checkout.head, {}

    def after(step):
        if step.name == "Verify":
            seen["tag"], seen["jobs"] = value_at(manifest.read(), KEY), jobs_of(platform)

    outcomes = push_to_main(next_checkout, after, IMAGE_PLUGINS=str(plugins))

    assert [name for name, outcome in outcomes.items() if outcome != "success"] == ["Verify"]
    assert seen["tag"].startswith(f"{tag}-plugins.")
    assert {"count_words_job", JOB} <= seen["jobs"]
    *_, verified, rolled_back = said
    lines = [line for line in verified.splitlines() if line.startswith("RED")]
    assert [line.split()[1] for line in lines] == ["logs", "plugins", "run"]
    assert "import-failure-plugin" in lines[1]
    assert f"rolled back to {tag}" in rolled_back
    assert value_at(manifest.read(), KEY) == tag
    assert verify(tag) == {}


def test_no_secret_is_in_a_layer_a_log_the_manifest_or_the_event_log(
    hidden, registry_folder, manifest, home, cluster, said, platform
):
    texts = {
        "manifest": manifest.git("log", "--patch", "main"),
        "code server": cluster.log(),
        "workflows and commands": "".join(said),
        "events": json.dumps(ask(platform, EVENTS)),
        **{log.name: log.read_text() for log in home.glob("*.log")},
    }
    for place, text in texts.items():
        assert text
        for name, secret in hidden.items():
            assert secret not in text, f"{name} in {place}"

    words = [word.encode() for word in hidden.values()]
    blobs = list(registry_folder.rglob("blobs/sha256/*/*/data"))
    assert len(blobs) > 8
    assert [blob for blob in blobs if holds_one(blob, words)] == []


def holds_one(blob, words):
    """Tell whether a layer or a configuration in a registry's folder holds one of some words."""
    longest = max(map(len, words))
    with blob.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(blob) if is_packed else blob.open("rb") as content:
        before = b""
        while piece := content.read(1 << 20):
            if any(word in before + piece for word in words):
                return True
            before = piece[-longest:]
    return False
