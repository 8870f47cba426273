"""What every type of resource keeps: one contract, which runs against each of them."""

import os
import shutil
import stat
import subprocess

import pytest
from rclone_s3 import rclone_program

from workspace_core import api
from workspace_core.errors import ConfigurationError, LocalChangesError
from workspace_core.workspace import find_and_load_workspace


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True
    ).stdout


def fill(root):
    """Make a tree of all kinds of entries."""
    (root / "text.txt").write_text("one\n")
    (root / "binary.bin").write_bytes(bytes(range(256)) * 5)
    (root / "large.bin").write_bytes(os.urandom(3 << 20))
    (root / "script.sh").write_text("#!/bin/sh\n")
    (root / "script.sh").chmod(0o755)
    (root / "secret").write_text("s")
    (root / "secret").chmod(0o600)
    (root / "nothing").touch()
    (root / "empty/folder").mkdir(parents=True)
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/größe").write_text("ü")
    (root / "deep").chmod(0o700)
    (root / "to-file").symlink_to("text.txt")
    (root / "to-folder").symlink_to("deep")
    (root / "to-nowhere").symlink_to("../../nowhere")
    for name in (b"new\nline", b"\xff\xfe", b"-dash", b" ", b"n" * 255):
        with open(os.path.join(os.fsencode(root), name), "wb") as file:
            file.write(name)


def spoil(root):
    """Change, remove, add and exchange entries."""
    (root / "text.txt").write_text("two\n")
    (root / "binary.bin").unlink()
    with open(root / "large.bin", "r+b") as file:
        file.seek(1 << 20)
        file.write(b"in the middle")
    (root / "script.sh").chmod(0o644)
    (root / "secret").unlink()
    (root / "secret").mkdir()
    (root / "secret/inside").write_text("x")
    (root / "empty/folder").rmdir()
    shutil.rmtree(root / "deep")
    (root / "deep").write_text("a file now")
    (root / "to-file").unlink()
    (root / "to-file").symlink_to("nothing")
    (root / "to-folder").unlink()
    (root / "to-folder").mkdir()
    (root / "added").mkdir()
    (root / "added/file").write_text("new")
    (root / "nothing").rename(root / "something")


class ResourceContract:
    """A resource type that is a folder keeps it, entry for entry and byte for byte."""

    @pytest.fixture
    def place(self, tmp_path, monkeypatch):
        """A workspace with this resource, as its name tells."""
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        (tmp_path / "work").mkdir()
        api.init(str(tmp_path / "work"), hostname="lab")
        return tmp_path / "work"

    @pytest.fixture
    def root(self, place):
        raise NotImplementedError

    @pytest.fixture
    def content(self, content):
        """What a folder holds, but for what belongs to git."""
        return lambda root: {k: v for k, v in content(root).items() if k.split(b"/")[0] != b".git"}

    def test_a_snapshot_restores_every_entry(self, place, root, content):
        fill(root)
        before = content(root)
        api.take_snapshot(str(place), "first")
        spoil(root)
        after = content(root)
        api.take_snapshot(str(place), "second")

        assert api.restore("first", str(place)) == 1
        assert content(root) == before
        assert api.restore("second", str(place)) == 1
        assert content(root) == after

    def test_the_whole_folder_comes_back(self, place, root, content):
        fill(root)
        before = content(root)
        api.take_snapshot(str(place), "first")
        (root / "deep").chmod(0o700)
        for one in root.iterdir():
            if one.name != ".git":
                shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()

        api.restore("first", str(place))

        assert content(root) == before

    def test_what_is_in_no_snapshot_is_not_destroyed(self, place, root, content):
        fill(root)
        api.take_snapshot(str(place), "first")
        spoil(root)
        after = content(root)

        with pytest.raises(LocalChangesError, match="would destroy changes"):
            api.restore("first", str(place))

        assert content(root) == after

    def test_a_forced_restore_keeps_what_it_replaces_in_a_rescue_snapshot(
        self, place, root, content
    ):
        fill(root)
        before = content(root)
        api.take_snapshot(str(place), "first")
        spoil(root)
        after = content(root)

        api.restore("first", str(place), force=True)
        assert content(root) == before
        rescue = api.get_snapshot_history(str(place))[-1]
        assert rescue.message.startswith("Rescue before")
        api.restore(rescue.hashval, str(place))

        assert content(root) == after

    def test_a_single_path_comes_back_alone(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        spoil(root)
        api.take_snapshot(str(place), "second")

        api.restore("first", str(place), path=str(root / "text.txt"))

        assert (root / "text.txt").read_text() == "one\n"
        assert (root / "deep").read_text() == "a file now"

    def test_a_single_path_comes_back_with_the_folders_above_it(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        shutil.rmtree(root / "deep")
        api.take_snapshot(str(place), "second")

        api.restore("first", str(place), path=str(root / "deep/er/größe"))

        assert (root / "deep/er/größe").read_text() == "ü"
        assert stat.S_IMODE((root / "deep").stat().st_mode) == 0o700

    def test_a_single_path_below_what_is_no_folder_any_more_is_refused(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        spoil(root)
        api.take_snapshot(str(place), "second")

        with pytest.raises(ConfigurationError, match="'deep' is no folder now"):
            api.restore("first", str(place), path=str(root / "deep/er/größe"))
        assert (root / "deep").read_text() == "a file now"

    def test_the_status_is_empty_after_a_snapshot_and_after_a_restore(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        assert [one.state for one in api.status(str(place))] == ["unchanged"]
        spoil(root)
        assert [one.state for one in api.status(str(place))] == ["changed"]
        api.take_snapshot(str(place), "second")
        api.restore("first", str(place))

        assert [one.state for one in api.status(str(place))] == ["unchanged"]

    def test_git_has_nothing_to_do_after_a_snapshot_and_after_a_restore(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        assert git(place, "status", "--porcelain") == ""
        spoil(root)
        api.take_snapshot(str(place), "second")
        api.restore("first", str(place))

        assert git(place, "status", "--porcelain") == ""
        if (root / ".git").exists():
            assert git(root, "status", "--porcelain") == ""

    def test_a_folder_that_is_gone_is_named(self, place, root):
        shutil.rmtree(root)

        with pytest.raises(ConfigurationError, match="is not there; bring it back"):
            api.take_snapshot(str(place))

    @pytest.mark.usefixtures("root")
    def test_a_path_that_leads_out_is_refused(self, place):
        (resource,) = find_and_load_workspace(str(place), batch=True).get_resources()

        for path in ("../outside", "/etc/passwd", "a/../../b"):
            with pytest.raises(ConfigurationError, match="does not lie in the resource"):
                resource.does_subpath_exist(path)

    def test_modes_of_files_are_those_of_the_snapshot(self, place, root):
        fill(root)
        api.take_snapshot(str(place), "first")
        (root / "secret").chmod(0o644)
        api.take_snapshot(str(place), "second")

        api.restore("first", str(place))

        assert stat.S_IMODE((root / "secret").stat().st_mode) == 0o600


class TestLocalFiles(ResourceContract):
    @pytest.fixture
    def root(self, place):
        made = place.parent / "data"
        made.mkdir()
        assert api.add("local-files", "source-data", str(made), str(place)).resource_type == "file"
        return made


class TestLocalFilesInTheWorkspace(ResourceContract):
    @pytest.fixture
    def root(self, place):
        made = place / "data [1]"
        made.mkdir()
        api.add("local-files", "intermediate-data", str(made), str(place), name="data")
        return made


class TestGitSubdirectory(ResourceContract):
    @pytest.fixture
    def root(self, place):
        made = place / "code"
        made.mkdir()
        added = api.add("git", "code", str(made), str(place))
        assert added.resource_type == "git-subdirectory"
        return made


class TestGitRepository(ResourceContract):
    @pytest.fixture
    def root(self, place):
        remote, made = place.parent / "remote.git", place.parent / "repository"
        git(place, "init", "--quiet", "--bare", str(remote))
        git(place, "init", "--quiet", str(made))
        git(made, "remote", "add", "origin", str(remote))
        assert api.add("git", "code", str(made), str(place)).resource_type == "git"
        return made


class TestGitRepositoryInTheWorkspace(ResourceContract):
    @pytest.fixture
    def root(self, place):
        made = place / "library"
        git(place, "init", "--quiet", str(made))
        git(made, "remote", "add", "origin", "https://git.invalid/library.git")
        assert api.add("git", "code", str(made), str(place)).resource_type == "git"
        return made


class TestCopyByRclone(ResourceContract):
    @pytest.fixture
    def root(self, place):
        if rclone_program() is None:
            pytest.skip("rclone is not installed")
        far, config, made = (place.parent / one for one in ("far", "rclone.conf", "copy"))
        far.mkdir()
        config.write_text(f"[far]\ntype = alias\nremote = {far}\n")
        options = {"config": str(config), "master": "remote", "sync_mode": "sync"}
        api.add("rclone", "source-data", ("far:", str(made)), str(place), **options)
        return made
