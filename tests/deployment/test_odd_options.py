"""Tags, commits and times that nobody can mean, refused before anything is asked or changed."""

import hashlib

import pytest

COMMIT, OTHER = (hashlib.sha1(word).hexdigest() for word in (b"this", b"other"))  # noqa: S324
NOWHERE = "http://127.0.0.1:1"  # where nobody answers


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["reload", "--tag", ""], "'' is no tag of an image"),
        (["reload", "--tag", "latest"], "The tag 'latest' names another image tomorrow"),
        (["reload", "--tag", "a;b"], "'a;b' is no tag of an image"),
        (["reload", "--commit", ""], "'' is no commit in full"),
        (["reload", "--commit", COMMIT, "--tag", OTHER], f"is not of the commit {COMMIT}"),
        (["verify", "--commit", ""], "'' is no commit in full"),
        (["verify", "--commit", COMMIT, "--tag", ""], "'' is no tag of an image"),
        (["verify", "--commit", COMMIT, "--tag", "latest"], "names another image tomorrow"),
        (["verify", "--commit", COMMIT, "--tag", OTHER], f"is not of the commit {COMMIT}"),
        (
            ["verify", "--commit", COMMIT, "--tag", f"{OTHER}-plugins.0123456789ab"],
            f"is not of the commit {COMMIT}",
        ),
    ],
)
def test_a_tag_or_commit_that_nobody_can_mean_is_refused(deployment, options, sentence):
    done = deployment(*options, "--url", NOWHERE)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("tag", ["1.2.0", COMMIT, f"{COMMIT}-plugins.0123456789ab"])
def test_the_tag_of_a_release_or_of_an_image_with_plugins_goes_with_its_commit(tag):
    from util_services.deployment.image import tag_for

    assert tag_for(COMMIT, tag) == tag


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
@pytest.mark.parametrize("verb", ["reload", "verify"])
def test_a_time_that_does_not_end_is_refused(deployment, verb, seconds):
    done = deployment(verb, "--url", NOWHERE, "--commit", COMMIT, "--timeout", seconds)

    assert (done.returncode, done.stdout) == (2, "")
    assert "'--timeout'" in done.stderr


@pytest.mark.parametrize("rows", ["0", "-5"])
def test_a_slice_of_no_rows_is_refused(deployment, rows):
    done = deployment("verify", "--url", NOWHERE, "--commit", COMMIT, "--rows", rows)

    assert (done.returncode, done.stdout) == (2, "")
    assert "'--rows'" in done.stderr


@pytest.mark.parametrize("tag", ["", ";", "a b"])
def test_a_tag_to_roll_back_from_that_is_none_is_refused(remote, deployment, tag):
    remote.write("image: {repository: '127.0.0.1:1/a/b', tag: x}\n")

    done = deployment("rollback", "--remote", remote.path, "--key", "image.tag", "--from", tag)

    assert (done.returncode, done.stdout) == (2, "")
    assert "is no tag of an image" in done.stderr
