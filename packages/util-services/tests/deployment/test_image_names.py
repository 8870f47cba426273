import pytest

from util_services.deployment.image import Image, checked_commit, tag_of
from util_services.errors import ConfigurationError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("repository", "host"),
    [
        ("gitea.example.org/owner/data-services", "gitea.example.org"),
        ("127.0.0.1:5000/owner/data_services", "127.0.0.1:5000"),
        ("localhost/a", "localhost"),
        ("gitea:3000/a/b/c", "gitea:3000"),
    ],
)
def test_an_image_is_in_a_repository_of_a_host(repository, host):
    image = Image.of(repository, COMMIT)

    assert image.host == host
    assert str(image) == f"{repository}:{COMMIT}"


@pytest.mark.parametrize(
    "repository",
    ["data-services", "owner/data-services", "host.org/Upper", "host.org/a:tag", "host.org/",
     "https://host.org/a", "host.org/a/../b", "user@host.org/a", "host.org:x/a", "-host.org/a b"],
)  # fmt: skip
def test_what_is_no_repository_is_refused(repository):
    with pytest.raises(ConfigurationError, match="must be of the form HOST/OWNER/NAME"):
        Image.of(repository, COMMIT)


@pytest.mark.parametrize("tag", ["", "a/b", "a:b", "a b", "-a", ".a", "a" * 129, "a\n"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ConfigurationError, match="is no tag of an image"):
        Image.of("host.org/a", tag)


@pytest.mark.parametrize(
    ("reference", "tag"),
    [
        ("host:5000/a/b:1.0", "1.0"),
        ("host:5000/a/b", None),
        (f"host/a:1.0@sha256:{COMMIT}", "1.0"),
        (f"host/a@sha256:{COMMIT}", None),
    ],
)
def test_the_tag_of_a_reference_is_not_the_port_or_the_digest(reference, tag):
    assert tag_of(reference) == tag


def test_a_commit_is_named_in_full():
    assert checked_commit(COMMIT) == COMMIT
    for other in (COMMIT[:12], COMMIT.upper(), "main", COMMIT + "0"):
        with pytest.raises(ConfigurationError, match="no commit in full"):
            checked_commit(other)
