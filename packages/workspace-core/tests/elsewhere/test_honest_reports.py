"""What every type without files of this machine keeps: one contract, run against each of them."""

import json
import subprocess

import pytest

from workspace_core import api


class HonestContract:
    """A restore says what it does, does all of it or nothing, and nothing elsewhere changes."""

    @pytest.fixture
    def changed(self, work):
        """Add the resource ``it``; give a function that changes what lies elsewhere."""
        raise NotImplementedError

    @pytest.fixture
    def two_snapshots(self, work, changed):
        api.take_snapshot(work, "first")
        changed()
        api.take_snapshot(work, "second")

    @pytest.mark.usefixtures("two_snapshots")
    def test_a_restore_is_told_of_and_can_be_taken_back(self, work):
        told = dws(work, "restore", "first", "--json")

        assert list(told["resources"]) == ["it"]
        assert told["left"] == {}
        assert "nothing is downloaded" in told["notes"]["it"]
        (found,) = api.status(work)
        assert (found.state, found.since) == ("unchanged", told["snapshot"])
        assert api.restore("second", work) == 1
        assert api.restore("second", work) == 0

    @pytest.mark.usefixtures("two_snapshots")
    def test_a_dry_run_changes_nothing(self, work):
        told = dws(work, "restore", "first", "--dry-run", "--json")

        assert told["dry_run"]
        assert len(told["resources"]["it"]["changes"]) == 1
        assert api.config(work, resource_name="it")["reads"] == "live"

    @pytest.mark.usefixtures("two_snapshots")
    def test_git_has_nothing_to_do_and_the_workspace_is_sound(self, work):
        api.restore("first", work)

        said = subprocess.run(
            ["git", "-C", work, "status", "--porcelain"], capture_output=True, text=True
        )
        assert said.stdout == ""
        assert api.verify(work).is_sound

    @pytest.mark.usefixtures("two_snapshots")
    def test_equal_states_have_equal_ids_and_others_do_not(self, work):
        assert [one.state for one in api.diff("first", "second", work).resources] == ["different"]
        api.restore("first", work)
        api.take_snapshot(work, "third")

        assert [one.state for one in api.diff("first", "third", work).resources] == ["same"]

    @pytest.mark.usefixtures("two_snapshots")
    def test_a_state_is_kept_when_garbage_is_collected(self, work):
        api.collect_garbage(work, grace_seconds=0)

        assert api.restore("first", work) == 1
        assert api.verify(work).is_sound

    @pytest.mark.usefixtures("two_snapshots")
    def test_what_was_recorded_of_the_resource_is_never_changed(self, work):
        """WS-23: what a snapshot found leaked into the parameters of the resource."""
        file = f"{work}/.dataworkspace/resources/it.json"
        with open(file) as opened:
            before = opened.read()
        api.restore("first", work)
        api.take_snapshot(work, "third")

        with open(file) as opened:
            assert opened.read() == before
        assert "blake3" not in before


class TestVersionsInS3(HonestContract):
    @pytest.fixture
    def changed(self, work, put, bucket):
        put(a=b"one", b=b"two")
        api.add("s3", "source-data", bucket, work, name="it")
        return lambda: put(a=b"ONE")


class TestContentsInS3(HonestContract):
    @pytest.fixture
    def changed(self, work, put, bucket):
        put(a=b"one", b=b"two")
        api.add("s3", "intermediate-data", bucket, work, name="it", keep="contents")
        return lambda: put(a=b"ONE")


class TestContainerImage(HonestContract):
    @pytest.fixture
    def changed(self, work, registry):
        registry.put("clinic/model", "1", {"build": "1"})
        api.add("container-image", "code", f"{registry.host}/clinic/model:1", work, name="it")
        return lambda: registry.put("clinic/model", "1", {"build": "2"})


def dws(work, *words):
    done = subprocess.run(["dws", "--batch", *words], cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
