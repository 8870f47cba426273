"""The branch protection script against a stand-in for Gitea's REST API, which no machine here runs.

The stand-in keeps to the published interface: https://docs.gitea.com/api, branch protections.
"""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nonsense import answer, saying

REPOSITORY = "/api/v1/repos/clinic/tools"
RULE = f"{REPOSITORY}/branch_protections"
# What a Gitea of today says of a rule of which nothing was set.
UNSET = {
    "block_admin_merge_override": False,
    "block_on_official_review_requests": False,
    "block_on_outdated_branch": False,
    "block_on_rejected_reviews": False,
    "dismiss_stale_approvals": False,
    "enable_push": False,
    "enable_status_check": False,
    "required_approvals": 0,
    "status_check_contexts": None,
    "unprotected_file_patterns": "",
}


class Gitea(ThreadingHTTPServer):
    """Keeps branch protections by their names."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.token, self.rules, self.calls = secrets.token_hex(20), {}, []
        self.known, self.is_deaf = set(UNSET), False

    def keep(self, name, body):
        """Keep what a rule says, of what this version knows."""
        self.rules.setdefault(name, {key: UNSET[key] for key in self.known})
        if not self.is_deaf:
            self.rules[name] |= {key: body[key] for key in body if key in self.known}
        return self.rules[name]

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
        if self.path == REPOSITORY:
            return self.answer(200, {"full_name": "clinic/tools"})
        if not self.path.startswith(RULE):
            return self.answer(404, {"message": "no such repository"})
        if self.command == "POST":
            return self.answer(201, gitea.keep(body["rule_name"], body))
        if name not in gitea.rules:
            return self.answer(404, {"message": "no such rule"})
        if self.command == "PATCH":
            gitea.keep(name, body)
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
    def run(*arguments, token=None, url=None, repository="clinic/tools"):
        return checkout.run(
            "protect.py",
            "--url",
            url or gitea.url,
            "--repo",
            repository,
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
    assert rule["block_admin_merge_override"] is True
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


def test_files_that_somebody_left_unprotected_are_protected_again(protect, gitea):
    protect()
    gitea.rules["main"]["unprotected_file_patterns"] = "**"

    done = protect()

    assert done.stdout == 'changed unprotected_file_patterns: "**" -> ""\n'
    assert gitea.rules["main"]["unprotected_file_patterns"] == ""


def test_rules_that_an_old_gitea_does_not_know_are_told_and_the_others_set_once(protect, gitea):
    gitea.known.remove("block_admin_merge_override")

    first, second = protect(), protect()

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr == second.stderr
    assert second.stderr.startswith("protect: this Gitea does not know block_admin_merge_override;")
    assert second.stdout == "main of clinic/tools is protected as it should be\n"
    assert gitea.rules["main"]["required_approvals"] == 1


def test_a_gitea_that_takes_a_change_and_makes_none_is_no_success(protect, gitea):
    gitea.is_deaf = True

    done = protect()

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("protect: Gitea took the request, but did not change ")
    assert "required_approvals" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_repository_that_is_not_there_is_one_sentence(protect, arguments):
    done = protect(*arguments, repository="clinic/absent")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "protect: Gitea shows no repository clinic/absent; check its name and the token.\n"
    )


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\xff no HTTP\r\n\r\n",
        answer(b"<html>"),
        answer(b'["x"]'),
        answer(b"null"),
        answer(b"{}" * 9)[:-3],
        answer(b"[" * 200_000),
    ],
    ids=["no HTTP", "a page", "a list", "nothing", "cut off", "too deep"],
)
def test_what_is_no_gitea_is_one_sentence(protect, said):
    with saying(said) as server:
        done = protect(url=f"http://{server.host}")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("protect: ")
    assert done.stderr.count("\n") == 1


def test_the_token_does_not_follow_a_redirect_to_another_place(protect, gitea):
    with saying(answer(b"{}")) as thief:
        leads_away = answer(b"", "302 Found", f"Location: http://{thief.host}/")
        with saying(leads_away) as server:
            protect("--dry-run", url=f"http://{server.host}")

    assert len(server.heard) == len(thief.heard) > 0
    assert all(gitea.token in request for request in server.heard)
    assert not any(gitea.token in request for request in thief.heard)


@pytest.mark.parametrize("url", ["http://git.example.org", "https://me:hunter2@git.example.org"])
def test_the_token_is_not_sent_in_the_open_nor_beside_other_credentials(protect, url):
    done = protect(url=url)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
