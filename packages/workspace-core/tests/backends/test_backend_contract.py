"""What every backend keeps to: one contract, which runs against each of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError, LocalChangesError
from workspace_core.workspace import backend_of, find_and_load_workspace

DWS = Path(sys.executable).with_name("dws")
WRITERS = 4


class BackendContract:
    """A workspace keeps its resources, snapshots, tags and parameters, wherever it has them."""

    backend = ""

    @pytest.fixture
    def options(self):
        """What `init` takes beyond the folder."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path, monkeypatch, options):
        """The folder of a workspace with data and results."""
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        made = tmp_path / "work"
        api.init(str(made), name="study", hostname="lab", backend=self.backend, **options)
        (made / "raw").mkdir()
        (made / "results").mkdir()
        (made / "raw/a.csv").write_text("id\n1\n")
        api.add("local-files", "source-data", str(made / "raw"), str(made))
        api.add("local-files", "results", str(made / "results"), str(made))
        return made

    def test_its_backend_is_told_by_its_folder(self, place):
        assert backend_of(place) == self.backend
        (resource, results) = api.get_resource_info(str(place))
        assert (resource.name, resource.role, results.role) == ("raw", "source-data", "results")
        found = find_and_load_workspace(f"{self.backend}:{place}")
        assert (found.name, found.get_workspace_local_path_if_any()) == ("study", str(place))

    def test_what_was_changed_is_seen_kept_and_brought_back(self, place):
        api.take_snapshot(str(place), "first", "as delivered")
        (place / "raw/a.csv").write_text("id\n2\n")
        (place / "raw/b.csv").write_text("id\n3\n")

        raw, _ = api.status(str(place))
        assert [(one.path, one.kind) for one in raw.changes] == [
            (b"a.csv", "modified"),
            (b"b.csv", "added"),
        ]
        api.take_snapshot(str(place), "second")
        (found,) = [one for one in api.diff("first", "second", str(place)).resources if one.changes]
        assert (found.name, found.state, len(found.changes)) == ("raw", "different", 2)

        assert api.restore("first", str(place)) == 1
        assert (place / "raw/a.csv").read_text() == "id\n1\n"
        assert not (place / "raw/b.csv").exists()
        assert {one.state for one in api.status(str(place))} == {"unchanged"}
        assert [one.message for one in api.get_snapshot_history(str(place))] == ["as delivered", ""]

    def test_what_is_in_no_snapshot_is_not_destroyed(self, place):
        api.take_snapshot(str(place), "first")
        (place / "raw/a.csv").write_text("mine\n")

        with pytest.raises(LocalChangesError):
            api.restore("first", str(place))
        assert (place / "raw/a.csv").read_text() == "mine\n"
        api.restore("first", str(place), force=True)
        rescue = api.get_snapshot_history(str(place))[-1]
        api.restore(rescue.hashval, str(place))
        assert (place / "raw/a.csv").read_text() == "mine\n"

    def test_results_move_to_a_folder_of_their_snapshot_and_their_metrics_are_kept(self, place):
        record = {"metrics": {"accuracy": 0.5}}
        (place / "results/results.json").write_text(json.dumps(record))

        api.take_snapshot(str(place), "first")

        assert (place / "results/snapshots/lab-first/results.json").exists()
        assert not (place / "results/results.json").exists()
        assert api.get_snapshot_history(str(place))[0].metrics == {"accuracy": 0.5}
        found, where = api.get_results(str(place), "first")
        assert (found, where) == (record, "results:/snapshots/lab-first/results.json")

    def test_a_tag_belongs_to_one_snapshot_and_moves_alone(self, place):
        first = api.take_snapshot(str(place), "first")
        second = api.take_snapshot(str(place), "second")
        with pytest.raises(ConfigurationError, match="The tag 'first' is in use"):
            api.take_snapshot(str(place), "first")

        workspace = find_and_load_workspace(str(place))
        workspace.move_tag_to_snapshot(second, "best")
        workspace.move_tag_to_snapshot(first, "best")
        workspace.remove_tag_from_snapshot(second, "second")

        tags = {one.hashval: one.tags for one in api.get_snapshot_history(str(place))}
        assert tags == {first: ("best", "first"), second: ()}

    def test_numbers_are_never_given_twice(self, place):
        for tag in ("first", "second"):
            api.take_snapshot(str(place), tag)
        api.delete_snapshot("second", str(place))

        api.take_snapshot(str(place), "third")

        assert [one.snapshot_number for one in api.get_snapshot_history(str(place))] == [1, 3]

    def test_parameters_last(self, place):
        api.config(str(place), "results.dir_template", "snapshots/{TAG}")
        api.config(str(place), "hostname", "other")
        api.config(str(place), "export", "true", "raw")

        found = api.config(str(place))
        assert (found["results.dir_template"], found["hostname"]) == ("snapshots/{TAG}", "other")
        assert api.config(str(place), resource_name="raw")["export"] is True
        with pytest.raises(ConfigurationError, match="has no parameter 'colour'"):
            api.config(str(place), "colour", "red")

    def test_what_no_snapshot_needs_goes_and_the_rest_is_sound(self, place):
        (place / "raw/large").write_bytes(os.urandom(300_000))
        api.take_snapshot(str(place), "first")
        (place / "raw/large").unlink()
        api.take_snapshot(str(place), "second")
        api.delete_snapshot("first", str(place))

        assert api.collect_garbage(str(place), grace_seconds=0).bytes_freed > 290_000
        assert api.verify(str(place)).is_sound
        (place / "raw/a.csv").write_text("spoilt")
        api.restore("second", str(place), force=True)
        assert (place / "raw/a.csv").read_text() == "id\n1\n"

    def test_files_of_snapshots_are_read_without_a_restore(self, place):
        import fsspec

        api.take_snapshot(str(place), "first")
        (place / "raw/a.csv").write_text("changed")

        with fsspec.open(f"dws://{place}@first/raw/a.csv", "rt") as file:
            assert file.read() == "id\n1\n"

    def test_snapshots_at_once_are_all_recorded(self, place):
        running = [
            subprocess.Popen([DWS, "snapshot", f"t{n}"], cwd=place, stderr=subprocess.PIPE)
            for n in range(WRITERS)
        ]
        said = [one.communicate()[1] for one in running]

        assert [one.returncode for one in running] == [0] * WRITERS, said
        history = api.get_snapshot_history(str(place))
        assert [one.snapshot_number for one in history] == list(range(1, WRITERS + 1))
        assert {one.tags for one in history} == {(f"t{n}",) for n in range(WRITERS)}

    def test_a_folder_that_is_a_workspace_is_not_made_one_again(self, place, options):
        before = sorted(place.rglob("*"))

        with pytest.raises(ConfigurationError, match="is a workspace already"):
            api.init(str(place), backend=self.backend, **options)
        assert sorted(place.rglob("*")) == before


class TestGit(BackendContract):
    backend = "git"

    @pytest.fixture
    def options(self):
        return {}


class TestCentralInAFolder(BackendContract):
    backend = "central"

    @pytest.fixture
    def options(self, tmp_path):
        return {"at": str(tmp_path / "central")}


class TestCentralInS3(BackendContract):
    backend = "central"

    @pytest.fixture
    def options(self, s3_bucket):
        return {"at": f"s3://{s3_bucket}/team/study", "resource": "selfS3"}
