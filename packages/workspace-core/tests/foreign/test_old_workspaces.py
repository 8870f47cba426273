"""Workspaces of dataworkspaces 1.6 are taken over; what would lead astray is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError
from workspace_core.foreign.errors import ForeignFormatError
from workspace_core.foreign.old_workspace import read_old_workspace
from workspace_core.workspace import find_and_load_workspace

PROGRAM = Path(sys.executable).with_name("dws")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def taken(old):
    """Its hashes of two snapshots; between them everything has changed."""
    results = old.folder / "results"
    (results / "results.json").write_text(json.dumps({"metrics": {"accuracy": 0.5}}))
    first = old.snapshot("first", "as delivered", {"accuracy": 0.5})
    (old.folder / "source-data/a.csv").write_text("id\n2\n")
    (old.folder / "source-data/b.bin").write_bytes(b"\xff\0")
    (old.folder / "code/run.sh").chmod(0o644)
    return first, old.snapshot(message="without a tag")


def take_over(old, **options):
    target = old.folder.parent / "new"
    return api.import_workspace(str(old.folder), str(target), **options), target


def records_of(target):
    """Return the snapshots of a workspace, the oldest first."""
    return find_and_load_workspace(str(target)).list_snapshots(reverse=False)


def test_history_tags_and_metrics_are_kept(old, taken):
    done, target = take_over(old)

    history = api.get_snapshot_history(str(target))
    assert [
        (one.snapshot_number, one.tags, one.timestamp, one.message, one.metrics) for one in history
    ] == [
        (1, ("first",), "2021-03-01T10:00:00.123456+00:00", "as delivered", {"accuracy": 0.5}),
        (2, (), "2021-03-02T10:00:00.123456+00:00", "without a tag", None),
    ]
    assert [one.name for one in api.get_resource_info(str(target))] == [
        "source-data",
        "code",
        "results",
    ]
    assert (done.left, done.lost, done.snapshots) == ({}, {}, 2)
    assert api.verify(str(target)).is_sound


def test_every_byte_that_git_has_comes_back(old, taken):
    _, target = take_over(old)

    assert (target / "source-data/a.csv").read_text() == "id\n2\n"
    api.restore("first", str(target))

    assert (target / "source-data/a.csv").read_text() == "id\n1\n"
    assert (target / "source-data/b.bin").read_bytes() == bytes(range(256))
    assert os.readlink(target / "source-data/link") == "a.csv"
    assert os.access(target / "code/run.sh", os.X_OK)
    api.restore("002", str(target))
    assert (target / "source-data/b.bin").read_bytes() == b"\xff\0"
    changed = api.diff("first", "002", str(target))
    assert {one.name: one.state for one in changed.resources} == {
        "source-data": "different",
        "code": "different",
        "results": "different",
    }


def test_results_are_those_of_their_snapshot(old, taken):
    _, target = take_over(old)

    found, place = api.get_results(str(target), "first")

    assert (found["metrics"], place) == (
        {"accuracy": 0.5},
        "results:/snapshots/lab-first/results.json",
    )
    assert (target / "results/snapshots/lab-first/results.json").is_file()


def test_snapshots_are_found_by_the_hashes_that_people_have_noted(old, taken):
    _, target = take_over(old)

    assert api.restore(taken[0], str(target)) == 2
    assert api.restore(taken[1][:8], str(target)) == 2


def test_the_old_workspace_is_not_changed(old, taken, content):
    before = content(old.folder)

    take_over(old)

    assert content(old.folder) == before


def test_work_goes_on_after_an_import(old, taken):
    _, target = take_over(old)
    (target / "source-data/a.csv").write_text("id\n3\n")

    api.take_snapshot(str(target), "third")

    numbers = [one.snapshot_number for one in api.get_snapshot_history(str(target))]
    assert numbers == [1, 2, 3]
    api.restore("first", str(target))
    assert (target / "source-data/a.csv").read_text() == "id\n1\n"
    status = subprocess.run(
        ["git", "-C", target, "status", "--porcelain"], capture_output=True, check=True
    )
    assert status.stdout == b""


@pytest.fixture
def listed(old):
    """Local files within the old workspace, of which git has lists alone."""

    def add(*, compute_hash):
        data = old.folder / "data"
        (data / "sub").mkdir(parents=True)
        (old.folder / ".gitignore").write_text("/data\n")
        for path in ("a", "sub/b"):
            (data / path).write_text("1")
        place = str(data)
        old.add("data", "source-data", "file", global_local_path=place, compute_hash=compute_hash)
        old.snapshot("first")
        (data / "a").write_text("22")
        old.snapshot("second")
        return data

    return add


def test_local_files_are_had_where_they_are_what_a_snapshot_has_listed(old, listed):
    listed(compute_hash=True)

    done, target = take_over(old)

    first, _ = api.get_snapshot_history(str(target))
    assert done.lost == {first.hashval: ("data",)}
    (target / "data/a").write_text("3")
    assert api.restore("second", str(target), only=["data"], force=True) == 1
    assert (target / "data/a").read_text() == "22"
    with pytest.raises(ConfigurationError, match="keeps nothing of it to restore"):
        api.restore("first", str(target), only=["data"])


def test_equal_sizes_are_no_proof_of_equal_content(old, listed):
    listed(compute_hash=False)

    done, _ = take_over(old)

    assert set(done.lost.values()) == {("data",)}
    assert len(done.lost) == 2


def test_a_folder_elsewhere_is_only_looked_at_if_it_was_named(old, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("1")
    old.add("data", "source-data", "file", global_local_path=str(outside), compute_hash=True)
    old.snapshot("first")

    done, target = take_over(old)
    assert "it lies outside of the old workspace" in done.left["data"]
    assert f"'--place data={outside}'" in done.left["data"]
    assert len(api.get_resource_info(str(target))) == 3

    done = api.import_workspace(
        str(old.folder), str(tmp_path / "another"), places={"data": str(outside)}
    )
    assert done.left == {}
    assert api.get_local_path_for_resource("data", str(tmp_path / "another")) == str(outside)
    assert done.lost == {}


def test_repositories_of_their_own_come_with_what_they_had(old, tmp_path):
    old.git("init", "-q", "--bare", str(tmp_path / "origin.git"))
    inside = old.folder / "tool"
    old.git("clone", "-q", str(tmp_path / "origin.git"), str(inside))
    old.git("checkout", "-qb", "main", cwd=inside)
    (inside / "m.py").write_text("1")
    old.git("add", ".", cwd=inside)
    old.git("commit", "-qm", "one", cwd=inside)
    (old.folder / ".gitignore").write_text("/tool\n")
    old.add(
        "tool",
        "code",
        "git",
        {"local_path": str(inside)},
        remote_origin_url=str(tmp_path / "origin.git"),
        relative_local_path="tool",
        branch="main",
        read_only=False,
    )
    old.snapshot("first")
    (inside / "m.py").write_text("2")
    old.git("commit", "-qam", "two", cwd=inside)
    old.snapshot("second")
    (inside / "m.py").write_text("3")

    done, target = take_over(old)

    assert done.left == {}
    assert (target / "tool/m.py").read_text() == "3"
    api.take_snapshot(str(target), "third")
    api.restore("first", str(target), only=["tool"])
    assert (target / "tool/m.py").read_text() == "1"
    origin = old.git("config", "remote.origin.url", cwd=target / "tool")
    assert origin == str(tmp_path / "origin.git")


def test_a_type_that_cannot_be_taken_over_is_named(old):
    old.add("lake", "source-data", "lakefs")
    old.snapshot("first")

    done, target = take_over(old)

    assert "lakefs, are not taken over" in done.left["lake"]
    assert len(api.get_snapshot_history(str(target))) == 1


def test_hashes_of_a_service_tell_snapshots_apart_as_before(old):
    old.add("feed", "source-data", "api-resource")
    for tag, old.hashes["feed"] in (("first", "aa"), ("again", "aa"), ("other", "bb")):
        (old.folder / "code/run.sh").write_text(tag)
        old.snapshot(tag)

    done, target = take_over(old)

    first, again, other = (one.compare_hashes["feed"] for one in records_of(target))
    assert first == again != other
    assert (done.left, done.lost) == ({}, {})
    api.set_api_resource_hash("feed", "bb", str(target))
    (feed,) = [one for one in api.status(str(target)) if one.name == "feed"]
    assert feed.state == "unchanged"


def test_a_bucket_is_taken_over_without_asking_it(old):
    old.add("lake", "source-data", "s3", bucket_name="measured")
    old.hashes["lake"] = "ab" * 20
    old.snapshot("first")

    done, target = take_over(old)

    (first,) = records_of(target)
    assert (done.left, done.lost) == ({}, {first.hashval: ("lake",)})
    lake = find_and_load_workspace(str(target)).get_resource("lake")
    assert (lake.bucket_name, lake.keep, lake.role) == ("measured", "versions", "source-data")


def test_a_copy_of_a_remote_is_taken_over_without_using_the_remote(old, tmp_path):
    data = old.folder / "data"
    data.mkdir()
    (old.folder / ".gitignore").write_text("/data\n")
    (data / "a").write_text("1")
    params = {"remote_origin": "far:away", "master": "remote", "sync_mode": "sync"}
    config = tmp_path / "evil.conf"
    config.write_text("[far]\ntype = local\n")
    old.add(
        *("data", "source-data", "rclone"),
        **params,
        global_local_path=str(data),
        compute_hash=True,
        config=str(config),
    )
    old.snapshot("first")

    done, target = take_over(old)

    assert (done.left, done.lost) == ({}, {})
    (target / "data/a").write_text("2")
    api.restore("first", str(target), only=["data"], force=True)
    assert (target / "data/a").read_text() == "1"
    copy = find_and_load_workspace(str(target)).get_resource("data")
    assert {name: getattr(copy, name) for name in params} == params
    assert (copy.config, copy.connected) == (None, False)
    with pytest.raises(ConfigurationError, match="is not used from this machine until you say so"):
        copy.pull_precheck()


def test_a_commit_that_git_has_lost_is_told_of(old, taken):
    for file in (old.metadata / "snapshot_metadata").iterdir():
        record = json.loads(file.read_text())
        if record["tags"]:
            record["restore_hashes"]["source-data"] = "0" * 40
            file.write_text(json.dumps(record))

    done, _ = take_over(old)

    assert list(done.lost.values()) == [("source-data",)]


def test_programs_that_an_old_repository_names_are_not_started(old, taken, tmp_path):
    mark = tmp_path / "started"
    for name in ("core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook"):
        old.git("config", name, f"touch {mark}")
    old.git("config", "remote.evil.url", f"ext::touch {mark}")
    old.git("config", "remote.evil.promisor", "true")
    old.git("config", "extensions.partialClone", "evil")
    old.git("config", "core.repositoryFormatVersion", "1")
    for file in (old.metadata / "snapshot_metadata").iterdir():
        record = json.loads(file.read_text())
        record["restore_hashes"]["code"] = "1" * 40
        file.write_text(json.dumps(record))

    take_over(old)

    assert not mark.exists()


def edited(path, **changes):
    def edit(old):
        file = next(old.metadata.glob(path))
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, **changes}))

    return edit


def with_resource(**changes):
    def edit(old):
        file = old.metadata / "resources.json"
        first, *rest = json.loads(file.read_text())
        file.write_text(json.dumps([{**first, **changes}, *rest]))

    return edit


def as_link(name):
    def edit(old):
        place = old.metadata / name
        place.rename(old.folder.parent / "away")
        place.symlink_to(old.folder.parent / "away")

    return edit


def written(path, text):
    def edit(old):
        next(old.metadata.glob(path)).write_text(text)

    return edit


def twice(old):
    file = old.metadata / "resources.json"
    found = json.loads(file.read_text())
    file.write_text(json.dumps([*found, found[0]]))


def linked_folder(old):
    folder = old.folder / "source-data"
    folder.rename(old.folder.parent / "away")
    folder.symlink_to(old.folder.parent / "away")


def tree_that_climbs(old):
    blob = old.git("hash-object", "-w", "--stdin", given=b"x")
    bad = b"100644 ..\0" + bytes.fromhex(blob)
    tree = old.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", given=bad)
    above = b"40000 code\0" + bytes.fromhex(tree)
    root = old.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", given=above)
    commit = old.git("commit-tree", root, "-m", "x")
    for file in (old.metadata / "snapshot_metadata").iterdir():
        record = json.loads(file.read_text())
        record["restore_hashes"]["code"] = commit
        file.write_text(json.dumps(record))


METADATA = "snapshot_metadata/*_md.json"
HOSTILE = {
    "a manifest that was changed": (written("snapshots/*.json", "[]"), "does not fit its hash"),
    "a folder above": (with_resource(relative_path="../x"), "does not lie in the workspace"),
    "a folder in the middle": (with_resource(relative_path="a/../../x"), "not lie in the"),
    "an absolute folder": (with_resource(relative_path="/etc"), "does not lie in the workspace"),
    "the repository itself": (with_resource(relative_path=".git"), "does not lie in the"),
    "the records themselves": (with_resource(relative_path=".dataworkspace"), "does not lie in"),
    "a name that leads up": (with_resource(name="../x"), "cannot name a resource"),
    "a role of its own": (with_resource(role="root"), "lacks what such a record has"),
    "a path that is none": (with_resource(global_local_path=3), "lacks what such a record has"),
    "two of one name": (twice, "lacks what such a record has"),
    "results elsewhere": (
        edited(METADATA, relative_destination_path="snapshots/../../x"),
        "results do not lie in a folder of their own",
    ),
    "results at an absolute path": (
        edited(METADATA, relative_destination_path="/etc"),
        "results do not lie in a folder of their own",
    ),
    "a tag that leads up": (edited(METADATA, tags=["../../x"]), "cannot be a tag"),
    "another hash": (edited(METADATA, hash="0" * 40), "lacks what such a record has"),
    "a time that is none": (edited(METADATA, timestamp="yesterday"), "is not sound"),
    "hashes that are none": (edited(METADATA, restore_hashes={"code": 3}), "lacks what such"),
    "records that are a link": (as_link("config.json"), "it is no file of records"),
    "snapshots that are a link": (as_link("snapshots"), "it is a link"),
    "metadata that are a link": (as_link("snapshot_metadata"), "it is reached by a link"),
    "records that are no JSON": (written("resources.json", "{"), "it is no record"),
    "JSON without end": (written("resources.json", "[" * 100_000), "it is no record"),
    "another kind of JSON": (written("config.json", "[]"), "it is no record"),
    "a folder that is a link": (linked_folder, "a link leads it out of the old workspace"),
    "a tree of git that climbs": (tree_that_climbs, "git has a name that leads elsewhere"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_workspace_is_refused_before_anything_is_written(old, what, tmp_path):
    old.snapshot("first")
    change, rule = HOSTILE[what]
    change(old)
    before = sorted(os.listdir(tmp_path))

    with pytest.raises(ForeignFormatError, match=rule):
        take_over(old)

    assert sorted(os.listdir(tmp_path)) == before


def test_an_option_in_place_of_a_commit_never_reaches_git(old, taken, tmp_path):
    for file in (old.metadata / "snapshot_metadata").iterdir():
        record = json.loads(file.read_text())
        record["restore_hashes"]["code"] = f"--output={tmp_path}/written"
        file.write_text(json.dumps(record))

    done, _ = take_over(old)

    assert set(done.lost.values()) == {("code",)}
    assert not (tmp_path / "written").exists()


def test_a_workspace_of_now_is_no_old_one(tmp_path):
    api.init(str(tmp_path / "now"), hostname="lab")

    with pytest.raises(ForeignFormatError, match=r"no workspace of dataworkspaces 1\.6"):
        read_old_workspace(tmp_path / "now")


def test_nothing_is_written_over(old, taken, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mine").write_text("x")

    with pytest.raises(ConfigurationError, match="There is something at"):
        take_over(old)
    with pytest.raises(ConfigurationError, match="lies in the old workspace"):
        api.import_workspace(str(old.folder), str(old.folder / "new"))

    assert os.listdir(tmp_path / "new") == ["mine"]


def test_the_command_says_what_was_left(old, taken, tmp_path):
    old.add("lake", "source-data", "lakefs")

    done = subprocess.run(
        [PROGRAM, "--batch", "import", "old", "new"], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "lake: not here: resources of its type, lakefs" in done.stdout + done.stderr
    assert f"Workspace study with 2 snapshots is in {tmp_path}/new." in done.stdout


KILLED = """
import os, signal, sys
at, old, new = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree", "subprocess.Popen"}
seen = 0

def watch(event, arguments):
    global seen
    if event in CHANGES:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

from workspace_core import api
sys.addaudithook(watch)
api.import_workspace(old, new)
"""


@pytest.mark.parametrize("moment", [1, 5, 12, 25, 40, 70, 100])
def test_a_killed_import_leaves_nothing_in_the_way(old, taken, tmp_path, moment):
    words = [sys.executable, "-c", KILLED, str(moment), str(old.folder), str(tmp_path / "new")]
    killed = subprocess.run(words, capture_output=True)
    assert killed.returncode in (0, -9), killed.stderr
    if killed.returncode:
        assert not (tmp_path / "new").exists()
        take_over(old)

    assert api.verify(str(tmp_path / "new")).is_sound
    assert len(api.get_snapshot_history(str(tmp_path / "new"))) == 2
    left = [one for one in os.listdir(tmp_path) if "importing" in one]
    assert left == []
