import os
import random
import shutil
import subprocess
import time

import pytest

from workspace_core.errors import (
    ChangedMeanwhileError,
    DamagedFileError,
    LocalChangesError,
    MissingObjectsError,
    UnstorableEntryError,
)
from workspace_core.store.identity import content_id
from workspace_core.trees.capture import CaptureOptions
from workspace_core.trees.restoring import (
    Folder,
    plan_folders,
    recover_folders,
    restore_folders,
)
from workspace_core.trees.stat_cache import StatCache, is_settled

TICK_SECONDS = 0.025


@pytest.fixture
def two(folder, taken):
    """A folder that was captured twice: as `old` and as it is, `new`."""
    (folder / "same").write_text("same")
    (folder / "changed").write_text("old")
    (folder / "gone").write_text("gone")
    (folder / "sub").mkdir()
    (folder / "sub" / "deep").write_text("old")
    old = taken(folder).root
    (folder / "changed").write_text("new")
    (folder / "gone").unlink()
    (folder / "added").write_text("added")
    (folder / "sub" / "deep").write_text("new")
    return old, taken(folder).root


def test_a_restore_brings_back_what_was_and_removes_what_was_not(folder, two, restored):
    old, new = two

    done = restored(folder, old, saved=[new, old])

    assert {c.path: c.kind for c in done.plan.changes} == {
        b"added": "removed",
        b"changed": "modified",
        b"gone": "added",
        b"sub/deep": "modified",
    }
    assert sorted(os.listdir(folder)) == ["changed", "gone", "same", "sub"]
    assert (folder / "changed").read_text() == "old"
    assert (folder / "sub" / "deep").read_text() == "old"


def test_an_edit_that_is_in_no_snapshot_stops_a_restore_before_anything_changes(
    folder, two, restored, content
):
    old, new = two
    (folder / "sub" / "deep").write_text("precious")
    before = content(folder)

    with pytest.raises(
        LocalChangesError, match="'sub/deep'; take a snapshot first, or use --force"
    ):
        restored(folder, old, saved=[new, old])

    assert content(folder) == before


def test_an_edit_of_what_does_not_differ_from_the_target_stays_unless_forced(folder, two, restored):
    old, new = two
    (folder / "same").write_text("precious")

    with pytest.raises(LocalChangesError, match="'same'"):
        restored(folder, old, saved=[new, old])
    restored(folder, old, saved=[new, old], force=True)

    assert (folder / "same").read_text() == "same"


def test_a_file_that_was_never_in_a_snapshot_stays_with_the_folders_above_it(folder, two, restored):
    old, new = two
    (folder / "fresh").mkdir()
    (folder / "fresh" / "mine").write_text("mine")

    done = restored(folder, old, saved=[new, old])

    assert done.plan.kept == (b"fresh/mine",)
    assert (folder / "fresh" / "mine").read_text() == "mine"
    assert (folder / "changed").read_text() == "old"


def test_a_fresh_file_where_a_restored_one_is_to_be_is_a_conflict(folder, two, restored):
    old, new = two
    (folder / "gone").write_text("mine")

    with pytest.raises(LocalChangesError, match="'gone'"):
        restored(folder, old, saved=[new, old])


def test_a_folder_with_a_fresh_file_where_a_file_is_to_be_is_a_conflict(folder, two, restored):
    old, new = two
    (folder / "gone").mkdir()
    (folder / "gone" / "mine").write_text("mine")

    with pytest.raises(LocalChangesError, match="'gone'"):
        restored(folder, old, saved=[new, old])


def test_an_edit_back_to_what_another_snapshot_keeps_is_no_loss(folder, two, restored, taken):
    old, new = two
    (folder / "changed").write_text("third")
    third = taken(folder).root
    (folder / "changed").write_text("old")

    restored(folder, new, saved=[third, new, old])

    assert (folder / "changed").read_text() == "new"


def test_many_files_of_which_each_is_in_some_snapshot_are_no_loss_but_for_the_one_that_is_not(
    folder, taken, restored
):
    roots = []
    for text in ("first", "second"):
        for number in range(100):
            (folder / f"{number}").write_text(text)
        roots.append(taken(folder).root)
    for number in range(90):
        (folder / f"{number}").write_text("third")
    roots.append(taken(folder).root)
    for number in range(50):
        (folder / f"{number}").write_text("first")

    (folder / "99").write_text("precious")
    with pytest.raises(LocalChangesError, match="'99'"):
        restored(folder, roots[1], saved=roots[::-1])
    (folder / "99").write_text("second")
    restored(folder, roots[1], saved=roots[::-1])

    assert taken(folder).root == roots[1]


def test_a_snapshot_that_cannot_be_read_keeps_nothing_and_stands_in_nobody_s_way(
    folder, two, restored
):
    old, new = two
    (folder / "added").unlink()

    restored(folder, old, saved=[content_id(b"lost"), new, old])
    assert (folder / "changed").read_text() == "old"
    (folder / "changed").write_text("precious")
    with pytest.raises(LocalChangesError, match="'changed'"):
        restored(folder, new, saved=[content_id(b"lost"), new, old])


def test_forced_the_folder_becomes_exactly_the_tree(folder, two, restored, taken):
    old, _ = two
    (folder / "fresh").write_text("mine")
    (folder / "sub" / "deep").unlink()
    (folder / "sub" / "deep").symlink_to("fresh")

    done = restored(folder, old, force=True)

    assert b"fresh" in done.plan.unsaved
    assert taken(folder).root == old


def test_a_single_path_comes_back_alone(folder, two, restored):
    old, new = two

    restored(folder, old, saved=[new, old], paths=[b"sub"])

    assert (folder / "sub" / "deep").read_text() == "old"
    assert (folder / "changed").read_text() == "new"
    assert not (folder / "gone").exists()


def test_a_restore_is_planned_only_if_all_objects_are_there(folder, two, restored, store, content):
    old, new = two
    (first, *_) = sorted((store.folder / "packs").iterdir(), key=os.path.getmtime)
    first.unlink()
    before = content(folder)

    with pytest.raises((MissingObjectsError, DamagedFileError)):
        restored(folder, old, saved=[new, old])

    assert content(folder) == before


def test_after_a_restore_nothing_need_be_read_again(folder, two, restored, taken):
    old, new = two
    done = restored(folder, old, saved=[new, old])
    time.sleep(TICK_SECONDS)

    again = taken(folder, done.cache)

    assert (again.root, again.read_files) == (old, 0)


def test_an_unchanged_folder_is_not_read_and_adds_nothing(folder, two, store, taken):
    time.sleep(TICK_SECONDS)
    first = taken(folder)
    packs = sorted((store.folder / "packs").iterdir())

    again = taken(folder, first.cache)

    assert (again.root, again.read_files) == (first.root, 0)
    assert sorted((store.folder / "packs").iterdir()) == packs


def test_what_is_written_in_the_tick_of_a_capture_is_read_again(folder, taken):
    (folder / "file").write_text("one")
    first = taken(folder)
    (folder / "file").write_text("two")

    assert taken(folder, first.cache).root != first.root


@pytest.mark.parametrize(
    ("age_nanoseconds", "is_whole_seconds", "expected"),
    [
        (0, False, False),
        (-5_000_000_000, False, False),  # the clock was set back
        (19_000_000, False, False),
        (21_000_000, False, True),
        (21_000_000, True, False),
        (1_900_000_000, True, False),
        (2_100_000_000, True, True),
    ],
)
def test_only_what_is_older_than_a_tick_of_its_clock_is_believed(
    age_nanoseconds, is_whole_seconds, expected
):
    changed = 1_700_000_000_000_000_000 + (0 if is_whole_seconds else 123_456_789)
    long_ago = changed - 10**12
    for mtime, ctime in ((changed, changed), (long_ago, changed), (changed, long_ago)):
        fields = (0o100644, 1, mtime, ctime, 7)
        assert is_settled(fields, changed + age_nanoseconds) is expected


def test_an_edit_with_the_same_size_and_time_is_seen(folder, taken):
    file = folder / "file"
    file.write_text("one")
    time.sleep(TICK_SECONDS)
    first = taken(folder)
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert taken(folder, first.cache).root != first.root


def test_a_damaged_stat_cache_is_as_good_as_none(folder, taken, tmp_path):
    (folder / "file").write_text("one")
    time.sleep(TICK_SECONDS)
    first = taken(folder)
    file = tmp_path / "stat"
    first.cache.save(file, b"s" * 16)
    whole = file.read_bytes()

    assert StatCache.load(file, b"s" * 16) == first.cache
    assert StatCache.load(file, b"t" * 16) == StatCache()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert StatCache.load(file, b"s" * 16) == StatCache()


def test_equal_trees_have_equal_ids_wherever_and_whenever_they_are(tmp_path, taken):
    roots = []
    for name in ("one", "two"):
        root = tmp_path / name
        (root / "sub").mkdir(parents=True)
        for file in (["a", "b"], ["b", "a"])[name == "two"]:
            (root / "sub" / file).write_text(file)
        os.utime(root / "sub" / "a", (1, len(roots)))
        roots.append(taken(root).root)

    assert roots[0] == roots[1]


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_special_files_are_refused_by_name_or_skipped_and_told_of(folder, taken, kind):
    import socket

    (folder / "file").write_text("file")
    if kind == "fifo":
        os.mkfifo(folder / "odd")
    else:
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(str(folder / "odd"))
        bound.close()

    with pytest.raises(
        UnstorableEntryError, match=f"odd' is a {kind.upper() if kind == 'fifo' else kind}"
    ):
        taken(folder)
    found = taken(folder, options=CaptureOptions(skips_special=True))

    assert (found.skipped, found.files) == ((str(folder / "odd"),), 1)


def test_a_file_that_cannot_be_read_is_named(folder, as_nobody_of_importance):
    (folder / "secret").write_text("secret")
    (folder / "secret").chmod(0)
    program = (
        "import sys; from pathlib import Path; from workspace_core.store.store import Store\n"
        "from workspace_core.trees.capture import capture\n"
        "with Store.create(Path(sys.argv[1])).session() as session:\n"
        "    capture(session, Path(sys.argv[2]))\n"
    )

    done = as_nobody_of_importance("-c", program, folder.parent / "store", folder)

    assert "secret' cannot be read: Permission denied; nothing was recorded." in done.stderr


def test_permissions_can_be_those_of_git_alone(tmp_path, taken):
    one, two = tmp_path / "one", tmp_path / "two"
    for root, mode in ((one, 0o600), (two, 0o664)):
        root.mkdir()
        (root / "file").write_text("file")
        (root / "file").chmod(mode)
    options = CaptureOptions(permissions="executable")

    assert taken(one, options=options).root == taken(two, options=options).root
    assert taken(one).root != taken(two).root


def test_a_file_that_grows_while_it_is_read_is_kept_as_it_was_at_one_moment(folder, store, taken):
    import threading

    file = folder / "log"
    file.write_bytes(b"")
    ended = threading.Event()

    def grow():
        with file.open("ab", buffering=0) as opened:
            while not ended.is_set():
                opened.write(b"x" * 100)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        options = CaptureOptions(attempts=1000)
        found = taken(folder, options=options)
    finally:
        ended.set()
        writer.join()
    from workspace_core.trees.tree import Trees

    with store.session() as session:
        (entry,) = Trees(session).entries(found.root)
        kept = session.read(entry.id)
    assert kept == b"x" * entry.size


def test_what_somebody_wrote_between_a_crash_and_its_mending_stays(folder, two, store, tmp_path):
    from workspace_core.trees.swap import Swap

    old, _ = two
    with store.session() as session:
        (planned,) = plan_folders(session, [Folder("data", folder, old)], force=True)
        swap = Swap(folder, planned.trees, planned.plan, "0")
        swap.stage()
        swap.apply()  # and here the process ends
    (folder / "changed").write_text("precious")

    assert recover_folders([folder], tmp_path / "restore.json")

    assert (folder / "changed").read_text() == "precious"
    assert (folder / "sub" / "deep").read_text() == "new"
    assert (folder / "added").read_text() == "added"
    assert not (folder / "gone").exists()
    assert not (folder / ".dws-restore").exists()


def test_directories_of_a_shared_group_stay_so(folder, taken, restored):
    folder.chmod(0o2775)
    (folder / "sub").mkdir()
    (folder / "sub" / "file").touch()
    old = taken(folder).root
    (folder / "sub" / "file").unlink()
    (folder / "sub").rmdir()

    restored(folder, old, saved=[taken(folder).root])

    assert (folder / "sub").stat().st_mode & 0o7777 == 0o2755


@pytest.mark.parametrize("force", [False, True])
def test_what_no_snapshot_holds_is_not_removed_with_the_folder_around_it(
    folder, two, taken, restored, force
):
    old, new = two
    (folder / "sub" / ".git").mkdir()
    (folder / "sub" / ".git" / "config").write_text("precious")
    (folder / "sub" / "more").mkdir()
    (folder / "sub" / "more" / ".dataworkspace").mkdir()
    emptied = folder.parent / "emptied"
    emptied.mkdir()

    done = restored(folder, taken(emptied).root, saved=[new, old], force=force)

    assert (folder / "sub" / ".git" / "config").read_text() == "precious"
    assert (folder / "sub" / "more" / ".dataworkspace").is_dir()
    assert not (folder / "sub" / "deep").exists()
    assert not (folder / "same").exists()
    assert done.plan.blocked == ()


@pytest.mark.parametrize("force", [False, True])
def test_a_file_never_takes_the_place_of_a_folder_that_holds_what_no_snapshot_does(
    folder, two, restored, content, force
):
    old, new = two
    (folder / "gone").mkdir()
    (folder / "gone" / ".git").mkdir()
    before = content(folder)

    with pytest.raises(LocalChangesError, match="'gone'"):
        restored(folder, old, saved=[new, old], force=force)

    assert content(folder) == before


@pytest.fixture
def is_removed_whole(folder):
    """Remove the folder with a program that does not recurse as Python's own does."""
    yield
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.usefixtures("is_removed_whole")
def test_trees_may_be_deep(folder, taken, restored):
    deep = os.fsencode(folder)
    for _ in range(1200):
        deep += b"/d"
        os.mkdir(deep)
    with open(deep + b"/file", "wb") as file:
        file.write(b"deep")
    root = taken(folder).root

    emptied = folder.parent / "emptied"
    emptied.mkdir()
    restored(folder, taken(emptied).root, saved=[root])
    assert not (folder / "d").exists()
    restored(folder, root, saved=[root], force=True)

    with open(deep + b"/file", "rb") as file:
        assert file.read() == b"deep"
    assert taken(folder).root == root


@pytest.mark.parametrize("path", ["changed", "added", "gone", "sub/deep"])
def test_what_changes_between_plan_and_restore_is_not_overwritten(
    folder, two, store, tmp_path, content, path
):
    old, _ = two
    with store.session() as session:
        planned = plan_folders(session, [Folder("data", folder, old)], force=True)
        (folder / path).write_text("precious")
        before = content(folder)
        with pytest.raises(ChangedMeanwhileError, match=f"'{path}' changed while its restore"):
            restore_folders(planned, tmp_path / "restore.json")

    assert content(folder) == before


def test_many_files_in_many_batches_and_packs_come_back(folder, store, taken, restored, content):
    numbers = random.Random(1)
    for number in range(2500):
        file = folder / f"d{number % 37}" / f"{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.choice((10, 1000, 40_000))))
    for number in range(3):
        (folder / f"large{number}").write_bytes(numbers.randbytes(9_000_000 + number))
    expected, root = content(folder), taken(folder).root
    assert len(list((store.folder / "packs").iterdir())) > 1
    shutil.rmtree(folder)

    restored(folder, root)

    assert content(folder) == expected


def test_a_capture_that_fails_leaves_no_file_open(folder, taken):
    for number in range(40):
        (folder / f"d{number:02d}").mkdir()
        (folder / f"d{number:02d}" / "file").write_bytes(b"x" * 2_000_000)
    os.mkfifo(folder / "d20" / "odd")
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(UnstorableEntryError):
        taken(folder)

    assert len(os.listdir("/proc/self/fd")) == before


def test_one_change_in_a_large_directory_adds_a_piece_of_it(folder, store, taken):
    for number in range(3000):
        (folder / f"{number:04d}").touch()
    time.sleep(TICK_SECONDS)
    first = taken(folder)
    before = sum(file.stat().st_size for file in (store.folder / "packs").iterdir())
    (folder / "1500").write_text("changed")

    taken(folder, first.cache)

    added = sum(file.stat().st_size for file in (store.folder / "packs").iterdir()) - before
    assert added < 40_000  # of a directory of 140 kB, only the piece with the changed entry
