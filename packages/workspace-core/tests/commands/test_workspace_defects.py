"""What the original workspaces got wrong (WS-nn), through the command line."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workspace_core import api

PROGRAM = Path(sys.executable).with_name("dws")


def everything(dws):
    """The numbers of all snapshots, the oldest first."""
    return [one["snapshot_number"] for one in reversed(dws.json("log"))]


# In a process of its own, for a new one counts the memory of the one that starts it.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_megabytes(dws, *arguments):
    """How much memory a command needed at the most."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, PROGRAM, "--batch", *arguments],
        cwd=dws.folder,
        env=dws.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(done.stdout) / 1024


def test_ws_01_binary_files_come_back_in_git_resources(dws, workspace):
    model = workspace / "code/weights.bin"
    model.write_bytes(bytes(range(256)) * 9)
    dws("snapshot", "first")
    model.write_bytes(b"\0 other \xff")

    dws("snapshot", "second")
    dws("restore", "first")

    assert model.read_bytes() == bytes(range(256)) * 9


def test_ws_02_a_restore_that_fails_in_one_resource_leaves_all_as_they_were(dws, workspace):
    code, data = workspace / "code/model.py", workspace / "raw/a.csv"
    dws("snapshot", "first")
    code.write_text("print(2)\n")
    data.write_text("id\n2\n")
    dws("snapshot", "second")
    for pack in (workspace / ".dataworkspace/store/packs").iterdir():
        content = bytearray(pack.read_bytes())
        place = content.find(b"id\n1\n")
        if place >= 0:
            content[place] ^= 1
            pack.write_bytes(content)

    error = dws.refused("restore", "first")

    assert "damaged" in error
    assert (code.read_text(), data.read_text()) == ("print(2)\n", "id\n2\n")


def test_ws_03_local_files_come_back(dws, workspace):
    data = workspace / "raw/a.csv"
    dws("snapshot", "first")
    data.write_text("id\n2\n")
    (workspace / "raw/new.csv").write_text("x\n")
    dws("snapshot", "second")

    dws("restore", "first", "--only", "raw")

    assert data.read_text() == "id\n1\n"
    assert not (workspace / "raw/new.csv").exists()


def test_ws_03_what_is_asked_for_and_cannot_be_restored_is_an_error(dws, workspace):
    dws("snapshot", "first")

    error = dws.refused("restore", "first", "--only", "raw,results")

    assert "'results' cannot be restored: results are added to" in error


def test_ws_04_strict_is_no_reason_to_refuse_because_of_results(dws, workspace, write_results):
    write_results(0.5)
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")

    said = dws("restore", "first", "--strict")

    assert (workspace / "raw/a.csv").read_text() == "id\n1\n"
    assert "results: left as it is: results are added to and never restored" in said


def test_ws_04_strict_refuses_when_the_resources_are_not_the_same(dws, workspace):
    dws("snapshot", "first")
    (workspace / "more").mkdir()
    dws("add", "local-files", "--role", "i", "more")

    assert "'more' cannot be restored" in dws.refused("restore", "first", "--strict")
    assert "more: left as it is: the snapshot does not have it" in dws("restore", "first")


def test_ws_05_an_edit_of_the_same_size_and_time_is_seen(dws, workspace):
    data = workspace / "raw/a.csv"
    dws("snapshot", "first")
    before = data.stat()
    data.write_text("id\n9\n")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))

    (change,) = dws.json("diff", "first")["resources"][1]["changes"]

    assert (change["path"], change["change"]) == ("a.csv", "modified")


@pytest.mark.parametrize("folder", ["raw", "code"])
@pytest.mark.parametrize("name", ["größe.csv", "new\nline", b"\xff\xfe", " -r", "a,b;'$(x)"])
def test_ws_06_names_of_any_kind_are_kept(dws, workspace, folder, name):
    file = os.path.join(os.fsencode(workspace / folder), os.fsencode(name))
    with open(file, "wb") as opened:
        opened.write(b"1")
    dws("snapshot", "first")
    os.unlink(file)
    dws("snapshot", "second")

    dws("restore", "first")

    with open(file, "rb") as opened:
        assert opened.read() == b"1"
    assert dws.git("status", "--porcelain") == ""


@pytest.mark.parametrize("target", ["../code", "nowhere", "/etc/hostname"])
def test_ws_07_links_are_kept_as_links(dws, workspace, target):
    link = workspace / "raw/link"
    link.symlink_to(target)
    dws("snapshot", "first")
    link.unlink()
    dws("snapshot", "second")

    dws("restore", "first")

    assert os.readlink(link) == target


def test_ws_07_nothing_moves_before_everything_is_hashed(dws, workspace, write_results):
    write_results(0.5)
    os.mkfifo(workspace / "raw/pipe")

    error = dws.refused("snapshot", "first")

    assert "is a FIFO" in error
    assert (workspace / "results/results.json").exists()
    assert dws.json("log") == []
    assert dws.git("status", "--porcelain", ".dataworkspace") == ""


def test_ws_08_metrics_and_results_survive_a_kill_at_any_moment(dws, workspace, write_results):
    kept = workspace.parent / "before"
    write_results(0.75)
    shutil.copytree(workspace, kept, symlinks=True)
    moment = 0
    while dws.killed_at(moment := moment + 1, "snapshot", "first"):
        api.take_snapshot(str(workspace), "second")

        snapshots = api.get_snapshot_history(str(workspace))
        metrics = [one.metrics for one in snapshots if one.metrics]
        plots = list((workspace / "results").rglob("plot.bin"))
        tags = sorted(tag for one in snapshots for tag in one.tags)
        assert metrics == [{"accuracy": 0.75}], moment
        assert [plot.read_bytes() for plot in plots] == [b"\0\xff" * 10], moment
        assert plots[0].parent.name in ("lab-first", "lab-second"), moment
        assert tags == (["first", "second"] if len(snapshots) == 2 else ["second"]), moment
        assert dws.git("status", "--porcelain") == "", moment
        assert ".tmp" not in dws.git("ls-files"), moment
        assert api.verify(str(workspace)).is_sound, moment
        shutil.rmtree(workspace)
        shutil.copytree(kept, workspace, symlinks=True)
    assert moment > 20  # so many things are changed by a snapshot


def test_ws_11_a_file_that_git_has_moved_makes_another_snapshot(dws, workspace):
    dws("snapshot", "first")
    dws.git("mv", "code/model.py", "code/renamed.py")

    dws("snapshot", "second")

    first, second = dws.json("log")
    assert first["content_id"] != second["content_id"]
    changes = dws.json("diff", "first", "second")["resources"][0]["changes"]
    assert [(one["path"], one["change"]) for one in changes] == [
        ("model.py", "removed"),
        ("renamed.py", "added"),
    ]


def test_ws_12_a_snapshot_of_an_equal_state_is_a_record_of_its_own(dws, workspace, write_results):
    write_results(0.5)
    first = dws.json("snapshot", "first")
    write_results(0.5)
    second = dws.json("snapshot", "second")

    dws("delete-snapshot", "second")

    assert first["content_id"] == second["content_id"]
    assert first["hash"] != second["hash"]
    assert dws.json("log") == [first]
    assert (workspace / "results/snapshots/lab-first/plot.bin").exists()
    assert not (workspace / "results/snapshots/lab-second").exists()


def test_ws_13_numbers_are_never_used_again(dws, workspace):
    for tag in ("one", "two", "three"):
        dws("snapshot", tag)
    dws("delete-snapshot", "three")
    dws("delete-snapshot", "one")

    taken = dws.json("snapshot")

    assert taken["snapshot_number"] == 4
    assert everything(dws) == [2, 4]


def test_ws_14_results_stay_where_they_were_recorded(dws, workspace, write_results):
    write_results(0.5)
    dws("snapshot", "first")
    dws("config", "results.dir_template", "snapshots/{YEAR}/{TAG}")
    write_results(0.6)
    dws("snapshot", "second")

    places = [one["relative_destination_path"] for one in dws.json("log")]

    assert places == [f"snapshots/{time.gmtime().tm_year}/second", "snapshots/lab-first"]
    assert all((workspace / "results" / place / "plot.bin").exists() for place in places)


def test_ws_15_moving_a_tag_leaves_the_others(dws, workspace):
    first = dws.json("snapshot", "first")
    dws("tag", "set", "best", "first")
    second = dws.json("snapshot", "second")

    dws("tag", "set", "best", "second")

    assert {one["hash"]: one["tags"] for one in dws.json("log")} == {
        first["hash"]: ["first"],
        second["hash"]: ["best", "second"],
    }


def test_ws_16_snapshots_at_once_wait_for_each_other(dws, workspace):
    running = [dws.start("snapshot", tag) for tag in ("one", "two", "three")]

    for one in running:
        _, error = one.communicate()
        assert one.returncode == 0, error
    assert everything(dws) == [1, 2, 3]
    assert sorted(tag for one in dws.json("log") for tag in one["tags"]) == ["one", "three", "two"]
    assert dws.git("status", "--porcelain") == ""


def test_ws_19_snapshots_do_without_the_commits_of_git(dws, workspace):
    dws("snapshot", "first")
    (workspace / "code/model.py").write_text("print(2)\n")
    dws("snapshot", "second")
    dws.git("checkout", "--quiet", "--orphan", "anew")
    dws.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "anew")
    dws.git("branch", "-D", "master")
    dws.git("reflog", "expire", "--expire=now", "--all")
    dws.git("gc", "--quiet", "--prune=now")

    dws("restore", "first")

    assert (workspace / "code/model.py").read_text() == "print(1)\n"


def test_ws_22_what_is_listed_can_be_set(dws, workspace):
    elsewhere = workspace.parent / "elsewhere"
    shutil.copytree(workspace / "raw", elsewhere)

    dws("config", "--resource", "raw", "my_local_path", elsewhere)

    listed = {one["name"]: one["value"] for one in dws.json("config", "--resource", "raw")}
    assert listed["my_local_path"] == str(elsewhere)
    for name, value in listed.items():
        if value is not None:
            dws("config", "--resource", "raw", name, str(value))


@pytest.mark.parametrize("owner", [None, "raw", "code", "results"])
def test_ws_22_every_parameter_can_be_set_to_what_is_listed_of_it(dws, workspace, owner):
    words = ["config"] if owner is None else ["config", "--resource", owner]
    listed = {one["name"]: one["value"] for one in dws.json(*words)}
    assert listed

    for name, value in listed.items():
        if value is not None:
            dws(*words, name, value if isinstance(value, str) else json.dumps(value))

    assert {one["name"]: one["value"] for one in dws.json(*words)} == listed


def test_ws_14_a_new_template_under_its_other_name_moves_nothing(dws, workspace, write_results):
    write_results(0.5)
    dws("snapshot", "first")

    dws("config", "results.subdir", "snapshots/{USER}/{TAG}")
    write_results(0.6)
    dws("snapshot", "second")

    assert (workspace / "results/snapshots/lab-first/results.json").exists()
    assert len(list((workspace / "results/snapshots").glob("*/second/results.json"))) == 1


def test_ws_23_records_of_resources_are_not_changed_by_snapshots(dws, workspace):
    files = sorted((workspace / ".dataworkspace/resources").iterdir())
    before = [file.read_bytes() for file in files]

    dws("snapshot", "first")

    assert [file.read_bytes() for file in files] == before


def test_ws_25_a_folder_that_git_ignores_is_a_resource_like_any_other(dws, workspace):
    (workspace / ".gitignore").write_text("*.csv\n/raw/\n")
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")

    dws("restore", "first")

    assert (workspace / "raw/a.csv").read_text() == "id\n1\n"


def test_ws_27_equal_content_has_an_equal_id_wherever_it_is(dws, workspace):
    first = dws.json("snapshot", "first")
    moved = workspace.parent / "another place"
    shutil.copytree(workspace, moved)
    shutil.rmtree(moved / ".dataworkspace")
    shutil.rmtree(moved / ".git")
    dws.folder = moved
    dws("init", "other", "--hostname", "elsewhere")
    dws("add", "git", "--role", "c", "code", "--export")
    dws("add", "git", "--role", "r", "results")
    dws("add", "local-files", "--role", "i", "raw", "--compute-hash")

    second = dws.json("snapshot")

    assert first["hash"] != second["hash"]
    assert first["content_id"] == second["content_id"]


def test_ws_28_the_status_tells_what_has_changed(dws, workspace, write_results):
    dws("snapshot", "first")
    (workspace / "raw/new").mkdir()
    (workspace / "code/model.py").unlink()
    (workspace / "raw/a.csv").chmod(0o600)
    write_results(0.5)

    changes = {
        one["name"]: [(change["path"], change["change"]) for change in one["changes"]]
        for one in dws.json("report", "status")
    }

    assert changes == {
        "code": [("model.py", "removed")],
        "results": [("plot.bin", "added"), ("results.json", "added")],
        "raw": [("a.csv", "mode"), ("new", "added")],
    }


def test_ws_29_a_large_file_passes_through_little_memory(dws, workspace):
    """Of 400 MB, a command may hold no more than a quarter at a time."""
    small = peak_megabytes(dws, "snapshot", "small")
    pieces = [os.urandom(1 << 20) for _ in range(4)]
    with (workspace / "raw/large.bin").open("wb") as file:
        for number in range(400):
            file.write(pieces[number % 4])
            file.write(number.to_bytes(4, "big"))
    content = (workspace / "raw/large.bin").read_bytes()

    taken = peak_megabytes(dws, "snapshot", "large")
    (workspace / "raw/large.bin").unlink()
    brought_back = peak_megabytes(dws, "restore", "large")

    assert (workspace / "raw/large.bin").read_bytes() == content
    assert taken < small + 100
    assert brought_back < small + 100


def test_ws_29_a_snapshot_is_named_only_once_all_of_it_is_on_disk(dws, workspace):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = workspace.parent / "trace"
    strace = ["strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,rename,write"]
    subprocess.run(
        [*strace, PROGRAM, "--batch", "snapshot", "first"],
        cwd=workspace,
        env=dws.environment,
        capture_output=True,
        check=True,
    )
    ours = f"{workspace}/.dataworkspace/"
    kept = (f"{ours}store/", f"{ours}snapshots/", f"{ours}tags/")  # caches may be lost

    unsynced, named = set(), []
    for line in trace.read_text().splitlines():
        call = line.split(None, 1)[1]
        if written := re.match(r"write\(\d+<([^>]*)>", call):
            unsynced.add(written[1])
        elif synced := re.match(r"fsync\(\d+<([^>]*)>", call):
            unsynced.discard(synced[1])
            named.append(("synced", synced[1].removeprefix(ours)))
        elif moved := re.match(r'rename\("([^"]*)", "([^"]*)"\)\s+= 0', call):
            assert moved[1] not in unsynced or not moved[2].startswith(kept), call
            named.append(("named", moved[2].removeprefix(ours)))

    steps = [place.partition("/")[0] for what, place in named if what == "named"]
    order = [steps.index(one) for one in ("store", "snapshots", "tags")]
    assert order == sorted(order)
    record = next(n for n, one in enumerate(named) if one[1].startswith("snapshots/"))
    packs = [n for n, one in enumerate(named) if one == ("synced", "store/packs")]
    assert packs
    assert packs[-1] < record  # the name of the pack is on disk, too


def test_ws_29_damage_is_found_and_garbage_goes(dws, workspace):
    (workspace / "raw/a.csv").write_bytes(os.urandom(100_000))
    dws("snapshot", "first")
    (workspace / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")
    dws("delete-snapshot", "first")

    assert dws.json("gc", "--grace", "0")["bytes_freed"] > 99_000
    assert dws.json("verify")["is_sound"]
    (pack, *_) = (workspace / ".dataworkspace/store/packs").iterdir()
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)

    done = dws.run("verify", "--json")

    assert done.returncode == 1
    assert str(pack) in {one["file"] for one in json.loads(done.stdout)["findings"]}


def test_ws_30_the_number_of_git_processes_does_not_grow(dws, workspace):
    def processes(tag):
        log = workspace.parent / f"{tag}.log"
        dws.environment["GIT_TRACE2_EVENT"] = str(log)
        dws("snapshot", tag)
        del dws.environment["GIT_TRACE2_EVENT"]
        events = [json.loads(line) for line in log.read_text().splitlines()]
        return sum(event["event"] == "start" for event in events)

    few = processes("few")
    for number in range(300):
        folder = workspace / f"code/{number % 30}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.bin").write_bytes(number.to_bytes(4) * 100)

    assert processes("many") <= few <= 10
