"""A real web server with several code locations, each right or wrong in its own way."""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from ceph_rgw import free_ports
from dagster_platform import OPENER, CodeServer, web_server

COMMIT, OTHER = (hashlib.sha1(word).hexdigest() for word in (b"this", b"other"))  # noqa: S324
IMAGE = "registry.example.org/data-services/data-services"
OFFLINE = ["--quiet", "--offline", "--no-cache", "--no-deps"]  # uv builds uv_build packages itself
JOB, QUICK_JOB = "remove_duplicates_job", "plugin_report_job"
NO_JOB = "absent_job"  # so that nothing is run where something else is looked at
# Runs are launched by the web server itself; by default a daemon would.
SETTINGS = """
telemetry: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""
BROKEN_CODE = "import a_module_that_nobody_installed\n"


def of(commit, built=None, **more):
    """Return the environment of an image."""
    return {
        "DAGSTER_CURRENT_IMAGE": f"{IMAGE}:{commit}",
        "DATA_SERVICES_COMMIT": built or commit,
        **more,
    }


@pytest.fixture(scope="module")
def plugins(workspace, tmp_path_factory):
    """A folder with a plugin that cannot be imported, and a folder with one whose jobs are slow."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    folders = {}
    for name, package in {
        "broken": "tests/plugins/packages/import-failure-plugin",
        "slow": "tests/dev/packages/slow-plugin",
    }.items():
        folders[name] = tmp_path_factory.mktemp(name)
        place = ["--python", sys.executable, "--target", folders[name], workspace / package]
        subprocess.run([uv, "pip", "install", *OFFLINE, *place], check=True)
    return folders


@pytest.fixture(scope="module")
def servers(plugins, tmp_path_factory):
    """The code servers of the locations, by name."""
    folder = tmp_path_factory.mktemp("code-servers")
    broken_code = tmp_path_factory.mktemp("broken-code")
    (broken_code / "broken_code.py").write_text(BROKEN_CODE)
    kinds = {
        "data-services": ("data_services.repository", of(COMMIT, PYTHONPATH=str(plugins["slow"]))),
        "other-code": ("data_services.repository", of(COMMIT, built=OTHER)),
        "broken-plugin": (
            "data_services.repository",
            of(COMMIT, PYTHONPATH=str(plugins["broken"])),
        ),
        "broken-code": ("broken_code", of(COMMIT, PYTHONPATH=str(broken_code))),
        "replaced": ("data_services.repository", of(OTHER)),
        "absent": ("data_services.repository", {}),  # never started
    }
    found = {
        name: CodeServer(port, folder / name, module, variables)
        for (name, (module, variables)), port in zip(
            kinds.items(), free_ports(len(kinds)), strict=True
        )
    }
    yield found
    for server in found.values():
        server.stop()


@pytest.fixture(scope="module")
def platform(servers, tmp_path_factory):
    """The address of the web server."""
    started = [server for name, server in servers.items() if name != "absent"]
    for server in started:
        server.start()
    for server in started:
        server.wait()
    home = tmp_path_factory.mktemp("platform")
    (home / "dagster.yaml").write_text(SETTINGS)
    (port,) = free_ports(1)
    with web_server(home, port, {name: one.port for name, one in servers.items()}) as url:
        yield url


@pytest.fixture
def verified(deployment, platform):
    """Return a function that verifies a location and gives the status and the checks by name."""

    def verify(location, *options, commit=COMMIT, job=NO_JOB):
        answer = deployment(
            "verify", "--url", platform, "--location", location, "--commit", commit,
            "--job", job, "--json", *options,
        )  # fmt: skip
        assert answer.stderr == ""
        found = json.loads(answer.stdout)
        assert found["ok"] == (answer.returncode == 0)
        return answer.returncode, {check["check"]: check for check in found["checks"]}

    return verify


def red(checks):
    found = {name: check["told"] for name, check in checks.items() if not check["is_ok"]}
    if NO_JOB in found.get("run", ""):
        del found["run"]
    return found


def test_a_location_of_the_right_image_without_faults_where_jobs_run_is_green(verified):
    status, checks = verified("data-services", job="health_check_job")

    assert red(checks) == {}
    assert (status, list(checks)) == (0, ["load", "image", "logs", "commit", "plugins", "run"])
    assert checks["image"]["told"] == f"It runs {IMAGE}:{COMMIT}."
    ended = checks["run"]["told"].partition(" ended in SUCCESS. ")[2]
    passed, _, skipped = ended.partition(" Did not apply: ")
    assert passed.startswith("Checks passed: 'plugins', 'dagster_storage', 'local_storage', ")
    assert "'slice_on_local_files'" in passed
    assert "'slice_on_s3'" in skipped


def test_another_job_may_be_named_and_reads_a_slice(verified, servers):
    status, checks = verified("data-services", "--rows", "7", job=JOB)

    assert (status, red(checks)) == (0, {})
    run = checks["run"]["told"].split("/runs/")[1].split(")")[0]
    [report] = (servers["data-services"].folder / "_test_runs" / run).glob("*.report.json")
    assert json.loads(report.read_text())["rows"]["in"] == 7  # of the sample's thousand


def test_people_read_a_line_for_each_check(deployment, platform):
    answer = deployment("verify", "--url", platform, "--commit", COMMIT, "--job", NO_JOB)

    assert answer.returncode == 1
    *right, wrong = answer.stdout.splitlines()
    assert len(right) == 5
    assert all(line.startswith("ok ") for line in right)
    assert wrong == (f"RED run      The location has no job '{NO_JOB}'; name another with '--job'.")


def test_an_image_that_is_not_of_the_commit_is_red(verified):
    status, checks = verified("data-services", commit=OTHER)

    assert status == 1
    assert red(checks) == {
        "image": f"It runs {IMAGE}:{COMMIT}, and the tag should be '{OTHER}'; deploy and reload "
        "it.",
        "commit": f"Its code was built from {COMMIT}, not from {OTHER}.",
    }


def test_a_tag_of_its_own_is_expected_where_it_is_named(verified):
    status, checks = verified("data-services", "--tag", f"{COMMIT}-plugins.0123456789ab")

    assert status == 1
    assert set(red(checks)) == {"image"}


def test_the_code_of_another_commit_under_the_right_tag_is_red(verified):
    status, checks = verified("other-code")

    assert status == 1
    assert red(checks) == {"commit": f"Its code was built from {OTHER}, not from {COMMIT}."}


def test_a_plugin_that_fails_leaves_the_others_at_work_and_is_red(verified):
    status, checks = verified("broken-plugin", job=QUICK_JOB)

    assert status == 1
    assert set(red(checks)) == {"plugins"}
    assert checks["plugins"]["told"].startswith(
        "Plugins are left out. import-failure-plugin: Importing 'import_failure_plugin' of "
        "import-failure-plugin 1.0 raised ModuleNotFoundError"
    )
    assert checks["run"]["is_ok"]


def test_code_that_does_not_load_is_red_with_the_text_of_its_error(verified):
    status, checks = verified("broken-code")

    assert status == 1
    assert red(checks)["load"].startswith(
        "It does not load: No module named 'a_module_that_nobody_installed'"
    )
    assert "Other locations do not load: 'absent'." in checks["load"]["told"]
    assert "run" not in checks


def test_errors_in_the_logs_are_red(verified, tmp_path, servers):
    log = tmp_path / "daemon.log"
    log.write_text("fine\nsqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) runs\n")

    status, checks = verified("data-services", "--log", log)
    _, clean = verified("data-services", "--log", servers["data-services"].folder / "log")

    assert status == 1
    assert red(checks) == {"logs": f"There are errors in the logs: {log}:2: UndefinedTable."}
    assert red(clean) == {}


def test_a_code_server_logs_the_plugin_it_leaves_out_so_that_its_log_is_red(verified, servers):
    log = servers["broken-plugin"].folder / "log"

    _, checks = verified("broken-plugin", "--log", log)

    assert "ModuleNotFoundError" in red(checks)["logs"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--config", "{missing_column}"], "ended in FAILURE; step read_dataset: "),
        (
            ["--job", "health_check_job", "--config", "{unhealthy}"],
            "health checks failed: 'slice_on_local_files' (There is no job 'no_such_job'",
        ),
        (["--config", "{unknown_option}"], "Dagster did not launch 'remove_duplicates_job' ("),
        (["--job", "nap_job", "--timeout", "6"], "after 6 seconds, and is ended."),
    ],
)
def test_a_run_that_does_not_succeed_is_red(verified, tmp_path, options, told):
    files = {
        "missing_column": {"ops": {"remove_duplicates": {"config": {"subset": ["town"]}}}},
        "unhealthy": {"ops": {"health_check": {"config": {"job": "no_such_job"}}}},
        "unknown_option": {"ops": {"remove_duplicates": {"config": {"columns": ["town"]}}}},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    options = [option.format(**{name: tmp_path / name for name in files}) for option in options]

    status, checks = verified("data-services", *options, job=JOB)

    assert status == 1
    assert set(red(checks)) == {"run"}
    assert told in checks["run"]["told"]


def test_a_reload_waits_until_the_code_server_has_the_new_image(deployment, platform, servers):
    server = servers["replaced"]
    command = ("reload", "--url", platform, "--location", "replaced", "--commit", COMMIT)
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(deployment(*command, "--timeout", "120"))
    )

    early = deployment(*command, "--timeout", "3")
    waiting.start()
    server.stop()
    server.variables = of(COMMIT)
    time.sleep(1)  # the reload meets a code server that does not answer
    server.start()
    waiting.join()

    assert early.returncode == 1
    assert early.stderr == (
        f"error: Within 3 seconds the code location 'replaced' still runs the image {IMAGE}:{OTHER}"
        f", not the tag '{COMMIT}'; look at the roll-out of its code server.\n"
    )
    assert answers[0].returncode == 0, answers[0].stderr
    assert answers[0].stdout == f"replaced is loaded and runs {IMAGE}:{COMMIT}.\n"


def test_a_reload_of_code_that_does_not_load_ends_at_once_with_the_text_of_its_error(
    deployment, platform
):
    answer = deployment("reload", "--url", platform, "--location", "broken-code")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(
        "error: The code location 'broken-code' does not load: No module named "
        "'a_module_that_nobody_installed'"
    )


def test_a_reload_of_a_code_server_that_never_answers_ends_with_the_time(deployment, platform):
    answer = deployment("reload", "--url", platform, "--location", "absent", "--timeout", "3")

    assert answer.returncode == 1
    assert answer.stderr == (
        "error: Within 3 seconds the code server did not answer; look at its log, and at its pod.\n"
    )


@pytest.mark.parametrize("verb", ["reload", "verify"])
def test_a_location_or_a_platform_that_is_not_there_is_refused(deployment, platform, verb):
    unknown = deployment(verb, "--url", platform, "--location", "nowhere", "--commit", COMMIT)
    nobody = ("--url", "http://127.0.0.1:1", "--timeout", "0")
    silent = deployment(verb, *nobody, "--commit", COMMIT)
    wrong = deployment(verb, "--url", "ftp://x", "--commit", COMMIT)
    secret = deployment(verb, "--url", "http://me:hunter2@127.0.0.1:1", "--commit", COMMIT)
    short = deployment(verb, "--url", platform, "--commit", COMMIT[:7])

    assert [a.returncode for a in (unknown, silent, wrong, secret, short)] == [2] * 5
    assert unknown.stderr.startswith("error: The platform has no code location 'nowhere', but ")
    assert silent.stderr == "error: Dagster's web server does not answer.\n"
    assert "hunter2" not in secret.stderr
    assert "is no commit in full" in short.stderr


def pass_on(handler, platform, body):
    """Answer a question as the platform does."""
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(platform + handler.path, body, kind)  # noqa: S310
    with OPENER.open(request, timeout=60) as answer:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(answer.read())


@pytest.fixture
def shaky(platform):
    """The platform behind a proxy that is away for so many questions, at first those on a run."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.server.fails_at in body and self.server.fails > 0:
                self.server.fails -= 1
                self.send_error(502)
                return
            pass_on(self, platform, body)

        def log_message(self, *_):
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.fails_at, server.fails = b"status }", 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("fails", "is_ok"), [(2, True), (10_000, False)])
def test_a_run_is_followed_past_a_web_server_that_is_away_for_a_moment(
    deployment, shaky, fails, is_ok
):
    shaky.fails = fails

    answer = deployment(
        "verify", "--url", f"http://127.0.0.1:{shaky.server_port}", "--commit", COMMIT,
        "--job", QUICK_JOB, "--timeout", "120" if is_ok else "3",
    )  # fmt: skip

    *others, run = answer.stdout.splitlines()
    assert len(others) == 5
    assert all(line.startswith("ok ") for line in others)
    assert run.startswith("ok  run " if is_ok else "RED run      What became of it is not known: ")
    assert (answer.returncode, answer.stderr) == (0 if is_ok else 1, "")


@pytest.mark.parametrize("verb", ["reload", "verify"])
def test_a_web_server_that_is_away_at_first_is_waited_for(deployment, shaky, verb):
    shaky.fails_at, shaky.fails = b"workspaceOrError", 2
    url = f"http://127.0.0.1:{shaky.server_port}"

    answer = deployment(verb, "--url", url, "--commit", COMMIT)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert shaky.fails == 0


@pytest.fixture
def guarded(platform):
    """The platform behind a guard that lets in those with a token, and shows others a page."""

    class Guard(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            if self.headers.get("Authorization") != "Bearer open-sesame":
                page = b"<html>please log in</html>"
                self.send_response(200 if self.headers.get("Authorization") is None else 401)
                self.end_headers()
                self.wfile.write(page)
                return
            pass_on(self, platform, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_):
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_platform_behind_a_login_is_opened_with_a_token(deployment, guarded):
    command, token = ("reload", "--url", guarded), "DATA_SERVICES_PLATFORM_TOKEN"

    outside = deployment(*command)
    wrong = deployment(*command, **{token: "hunter2"})
    inside = deployment(*command, **{token: "open-sesame"})

    assert (outside.returncode, wrong.returncode) == (2, 2)
    assert "a login page perhaps" in outside.stderr
    assert wrong.stderr == (
        "error: Dagster's web server refuses the request (401); check the token.\n"
    )
    assert inside.returncode == 0, inside.stderr
    assert "open-sesame" not in inside.stdout + inside.stderr
