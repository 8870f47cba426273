"""Pushes, pulls and clones that end by SIGKILL at random moments, git and all; two at once."""

import os
import random
import shutil
import time

import pytest

KILLS = 4
SIZE = 6_000_000


@pytest.fixture
def busy(alice):
    """Alice has something to push that takes a while."""
    numbers = random.Random(7)
    for number in range(300):
        file = alice.folder / "raw" / f"d{number % 10}" / f"f{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.randint(0, 5000)))
    (alice.folder / "raw/large").write_bytes(numbers.randbytes(SIZE))
    alice.write("code/model.py", "changed\n")
    alice("snapshot", "busy")
    return alice


def moments(began):
    lasting = time.perf_counter() - began
    numbers = random.Random(lasting)
    return [numbers.uniform(0.15, 1.0) * lasting for _ in range(KILLS)]


def copied(place, kept):
    for one in kept:
        target = place / one.removesuffix(".kept")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(place / f"{target.name}.kept", target, symlinks=True)


def keep(place, *names):
    for name in names:
        shutil.copytree(place / name, place / f"{name}.kept", symlinks=True)


def test_a_killed_push_is_gone_on_with(busy, bob, tmp_path, content):
    keep(tmp_path, "alice", "study.git", "data", "bob")
    began = time.perf_counter()
    busy("push")

    for moment in moments(began):
        copied(tmp_path, ["alice", "study.git", "data", "bob"])
        busy.killed(moment, "push")
        bob("pull")  # has all or nothing of it
        assert bob.is_sound()
        busy("push")
        bob("pull")
        assert content(bob.folder / "raw") == content(busy.folder / "raw")
        assert bob.tags() == ["base", "busy"]
        assert busy.is_sound()
        assert not list((busy.folder / ".dataworkspace/local/outgoing").iterdir())


def test_a_lock_that_a_killed_push_has_left_with_the_origin_is_removed(busy, bob, tmp_path):
    lock = tmp_path / "study.git/refs/heads/master.lock"
    lock.touch()
    os.utime(lock, (time.time() - 6,) * 2)
    (busy.folder / ".dataworkspace/local/git-push-at-work").touch()

    busy("push")

    assert not lock.exists()
    bob("pull")
    assert bob.tags() == ["base", "busy"]


def test_a_lock_of_somebody_else_who_pushes_is_never_removed(busy, bob, tmp_path):
    lock = tmp_path / "study.git/refs/heads/master.lock"
    lock.touch()

    said = busy.refused("--lock-timeout", "0.3", "push")

    assert f"{lock.name}' is held" in said
    assert lock.exists()
    lock.unlink()
    busy("push")
    bob("pull")
    assert bob.tags() == ["base", "busy"]


def test_a_killed_pull_is_gone_on_with_and_keeps_the_work_of_both(busy, bob, tmp_path, content):
    busy("push")
    bob.write("raw/b.csv", "of bob\n")
    bob.write("code/bob.py", "of bob\n")
    bob("snapshot", "bob-1")
    keep(tmp_path, "bob")
    began = time.perf_counter()
    bob("pull")
    expected = content(bob.folder / "raw")

    for moment in moments(began):
        copied(tmp_path, ["bob"])
        bob.killed(moment, "pull")
        bob("pull")
        assert content(bob.folder / "raw") == expected
        assert bob.read("code/model.py") == "changed\n"
        assert bob.read("code/bob.py") == "of bob\n"
        assert bob.tags() == ["base", "bob-1", "busy"]
        assert bob.git("status", "--porcelain") == ""
        assert bob.is_sound()
        bob("restore", "bob-1", "--only", "raw")
        assert bob.read("raw/b.csv") == "of bob\n"


def test_a_killed_clone_leaves_no_half_of_one_and_can_be_repeated(
    busy, somebody, tmp_path, content
):
    busy("push")
    carol = somebody("carol")
    began = time.perf_counter()
    carol("clone", "study.git", "carol", cwd=tmp_path)

    for moment in moments(began):
        shutil.rmtree(carol.folder, ignore_errors=True)
        was_killed = carol.killed(moment, "clone", "study.git", "carol")
        if was_killed and carol.folder.exists():
            assert content(carol.folder / "raw") == content(busy.folder / "raw")
            continue
        if not carol.folder.exists():
            carol("clone", "study.git", "carol", cwd=tmp_path)
        assert content(carol.folder / "raw") == content(busy.folder / "raw")
        assert carol.is_sound()
        assert not (tmp_path / ".carol.cloning").exists()


def test_of_two_who_push_at_once_one_is_told_and_nothing_is_lost(busy, bob):
    bob.write("raw/b.csv", "of bob\n")
    bob("snapshot", "bob-1")
    running = [one.start("push") for one in (busy, bob)]
    said = [one.communicate()[1] for one in running]

    codes = [one.returncode for one in running]
    assert sorted(codes) == [0, 1], said
    loser = (busy, bob)[codes.index(1)]
    assert "Somebody else has pushed" in said[codes.index(1)]
    loser("pull")
    loser("push")
    winner = (busy, bob)[codes.index(0)]
    winner("pull")
    assert busy.tags() == bob.tags() == ["base", "bob-1", "busy"]
    assert busy.read("raw/b.csv") == bob.read("raw/b.csv") == "of bob\n"


def let_time_pass(place, seconds=7200):
    """Let all that is on the remote have come there so long ago."""
    for above, _, files in os.walk(place / "data"):
        for one in files:
            file = os.path.join(above, one)
            then = os.stat(file).st_mtime - seconds
            os.utime(file, (then, then))


@pytest.fixture
def with_garbage(busy):
    """What alice has pushed is needed by half; the rest is that of a deleted snapshot."""
    busy("push")
    shutil.rmtree(busy.folder / "raw/d1")
    (busy.folder / "raw/large").write_bytes(b"small")
    busy("snapshot", "kept")
    busy("delete-snapshot", "busy")
    busy("push")
    return busy


def test_a_killed_collection_on_the_remote_loses_nothing_and_is_gone_on_with(
    with_garbage, somebody, tmp_path, content
):
    alice, moment = with_garbage, 1
    while alice.killed_at(moment, "gc", "--remote", "--grace", "0"):
        moment += 5
        let_time_pass(tmp_path)

    assert moment > 5
    size = sum(file.stat().st_size for file in (tmp_path / "data/packs").iterdir())
    assert size < SIZE / 4
    carol = somebody("carol")
    carol("clone", "study.git", "carol", cwd=tmp_path)
    assert content(carol.folder / "raw") == content(alice.folder / "raw")
    assert carol.tags() == ["base", "kept"]
    assert carol.is_sound()


def test_a_push_beside_a_collection_publishes_nothing_that_goes(
    with_garbage, bob, somebody, tmp_path, content
):
    """Bob brings back what is garbage on the remote just then, in a snapshot of his own."""
    alice = with_garbage
    shutil.copytree(alice.folder / "raw", bob.folder / "raw", dirs_exist_ok=True)
    numbers = random.Random(7)
    for number in range(300):
        content_of = numbers.randbytes(numbers.randint(0, 5000))
        if number % 10 == 1:
            bob.write(f"raw/d1/f{number}", "")
            (bob.folder / f"raw/d1/f{number}").write_bytes(content_of)
    bob("pull")
    bob("snapshot", "again")
    let_time_pass(tmp_path)

    for _ in range(2):
        running = [bob.start("push"), alice.start("gc", "--remote")]
        said = [one.communicate() for one in running]
        assert [one.returncode for one in running] == [0, 0], said
        let_time_pass(tmp_path)
    alice("gc", "--remote")
    carol = somebody("carol")
    carol("clone", "study.git", "carol", cwd=tmp_path)

    assert content(carol.folder / "raw") == content(bob.folder / "raw")
    carol("restore", "again", "--only", "raw")
    assert carol.is_sound()
    assert all(one["lacking"] == 0 for one in [carol.json("pull")["received"]])
