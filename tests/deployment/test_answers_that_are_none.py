"""Registries and web servers that answer nonsense, too late, or something else than was asked."""

import hashlib
import json

import pytest
from nonsense import DRIPS, answer, saying

COMMIT = hashlib.sha1(b"a commit").hexdigest()  # noqa: S324
DEEP = b"[" * 200_000
NONSENSE = {
    "no HTTP": b"\x00\xff\xfe\r\n\r\n",
    "a page": answer(b"<html>please log in</html>"),
    "a list": answer(b'["x"]'),
    "nothing": answer(b"null"),
    "no UTF-8": answer(b'{"a": "\xff\xfe"}'),
    "too deep": answer(DEEP),
    "cut off": answer(b'{"a": 1}' * 9)[:-3],
    "broken": answer(b"boom", "500 Internal Server Error"),
}
# JSON with data, but not those that were asked for.
STRANGE = NONSENSE | {
    "data in a list": answer(b'{"data": [1]}'),
    "no workspace": answer(b'{"data": {"workspaceOrError": null}}'),
    "other data": answer(b'{"data": {"another": 1}}'),
    "no location": answer(
        b'{"data": {"workspaceOrError": {"__typename": "Workspace", '
        b'"locationEntries": [{"name": 5}]}}}'
    ),
}


@pytest.fixture
def set_image(remote, deployment):
    """Return a function that sets a tag of an image in the registry of a server."""

    def run(server):
        remote.write(f"image: {{repository: '{server.host}/a/b', tag: before}}\n")
        return deployment(
            "set-image", "--remote", remote.path, "--key", "image.tag", "--tag", "1.0"
        )

    return run


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_a_registry_that_answers_nonsense_is_refused_in_one_sentence(set_image, remote, said):
    with saying(said) as server:
        done = set_image(server)

    assert (done.returncode, done.stdout) == (2, "")
    assert_one_sentence(done.stderr, "registry")
    assert "tag: before" in remote.read()


def test_a_registry_that_gives_another_object_than_the_digest_says_is_refused(set_image, remote):
    digest = f"sha256:{hashlib.sha256(b'another').hexdigest()}"
    with saying(answer(json.dumps({"config": {"digest": digest}}).encode())) as server:
        done = set_image(server)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: What the registry stores as {server.host}/a/b:1.0 is no image; push it again.\n"
    )
    assert "tag: before" in remote.read()


@pytest.mark.parametrize("realm", ["http://[::1", "file://localhost/etc/passwd", "ftp://localhost"])
def test_credentials_go_to_no_address_that_is_none(set_image, realm):
    challenge = f'WWW-Authenticate: Bearer realm="{realm}"'
    with saying(answer(b"{}", "401 Unauthorized", challenge)) as server:
        done = set_image(server)

    assert (done.returncode, done.stdout) == (2, "")
    assert_one_sentence(done.stderr, "wants credentials sent in clear")


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("verb", ["reload", "verify"])
def test_a_web_server_that_answers_nonsense_is_refused_in_one_sentence(deployment, verb, said):
    with saying(said) as server:
        place = ("--url", f"http://{server.host}", "--timeout", "0")
        done = deployment(verb, *place, "--commit", COMMIT)

    assert (done.returncode, done.stdout) == (2, "")
    assert_one_sentence(done.stderr, "Dagster")


def test_an_answer_that_drips_is_not_waited_for_longer_than_for_one_that_is_late():
    from util_services.graphql import GraphQL, UnreachableError

    with saying(DRIPS) as server:
        graphql = GraphQL(f"http://{server.host}", timeout_seconds=1)

        with pytest.raises(UnreachableError, match="does not answer"):
            graphql.ask("query { version }")

    assert len(server.heard) == 1


def assert_one_sentence(said, words):
    assert said.startswith("error: ")
    assert words in said
    assert said.count("\n") == 1
    assert "report it as a defect" not in said
