"""The branch protection script against a stand-in for Gitea's REST API, which no machine here runs.

The stand-in keeps to the published interface: https://docs.gitea.com/api, branch protections.
"""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

RULE = "/api/v1/repos/clinic/tools/branch_protections"


class Gitea(ThreadingHTTPServer):
    """Keeps branch protections by their names."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.token, self.rules, self.calls = secrets.token_hex(20), {}, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""

    def answer(self, code, body=None):
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")

    def handle_call(self):
        gitea, name = self.server, self.path.removeprefix(RULE).strip("/")
        body = self.body()
        gitea.calls.append(self.command)
        if self.headers["Authorization"] != f"token {gitea.token}":
            return self.answer(401, {"message": "no"})
        if not self.path.startswith(RULE):
            return self.answer(404, {"message": "no such repository"})
        if self.command == "POST":
            gitea.rules[body["rule_name"]] = body
            return self.answer(201, body)
        if name not in gitea.rules:
            return self.answer(404, {"message": "no such rule"})
        if self.command == "PATCH":
            gitea.rules[name] |= body
        return self.answer(200, gitea.rules[name])

    do_GET = do_POST = do_PATCH = handle_call  # noqa: N815 - names of the standard library


@pytest.fixture
def gitea():
    server = Gitea()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def protect(checkout, gitea):
    def run(*arguments, token=None, url=None):
        return checkout.run(
            "protect.py",
            "--url",
            url or gitea.url,
            "--repo",
            "clinic/tools",
            *arguments,
            GITEA_TOKEN=token or gitea.token,
        )

    return run


def test_a_branch_is_protected(protect, gitea):
    done = protect("--check", "pull request / check (pull_request)")

    assert done.returncode == 0
    rule = gitea.rules["main"]
    assert rule["required_approvals"] == 1
    assert rule["enable_push"] is False
    assert rule["enable_status_check"] is True
    assert rule["status_check_contexts"] == ["pull request / check (pull_request)"]
    assert "changed required_approvals: null -> 1" in done.stdout.splitlines()


def test_a_second_run_changes_nothing(protect, gitea):
    protect()
    calls = len(gitea.calls)

    done = protect()

    assert done.stdout == "main of clinic/tools is protected as it should be\n"
    assert gitea.calls[calls:] == ["GET"]


def test_a_rule_that_somebody_loosened_is_put_right_and_the_rest_left(protect, gitea):
    protect()
    gitea.rules["main"] |= {"required_approvals": 0, "whitelist": ["somebody"]}

    done = protect()

    assert done.stdout == "changed required_approvals: 0 -> 1\n"
    assert gitea.rules["main"]["required_approvals"] == 1
    assert gitea.rules["main"]["whitelist"] == ["somebody"]


def test_a_dry_run_tells_and_changes_nothing(protect, gitea):
    done = protect("--dry-run")

    assert "would change enable_push: null -> false" in done.stdout.splitlines()
    assert gitea.rules == {}


def test_a_refusal_is_one_sentence_without_the_token(protect, gitea):
    token = secrets.token_hex(20)

    done = protect(token=token)

    assert done.returncode == 1
    assert (
        done.stderr == f"protect: Gitea answered 401 to GET {RULE.removeprefix('/api/v1')}/main.\n"
    )
    assert token not in done.stdout + done.stderr


def test_a_gitea_out_of_reach_is_one_sentence(protect):
    done = protect(url="http://127.0.0.1:9")

    assert done.returncode == 1
    assert done.stderr == "protect: Gitea is out of reach: ConnectionRefusedError.\n"
