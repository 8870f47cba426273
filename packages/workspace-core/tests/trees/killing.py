"""Runs an operation over and over, killed a step later each time; a program for `test_kills`.

A step is a call that changes a file system: what Python tells its audit hooks of. Some more kills
come at random moments in between.
"""

import json
import os
import random
import shutil
import signal
import stat
import sys
import time
import traceback
from pathlib import Path

from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.restoring import Folder, plan_folders, recover_folders, restore_folders
from workspace_core.trees.tree import Trees
from workspace_core.upkeep.erase import erase
from workspace_core.upkeep.gc import collect
from workspace_core.upkeep.verify import verify

STEPS = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.symlink"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
SEED = 7


def content_of(root):
    found = {}
    for above, folders, files in os.walk(os.fsencode(root)):
        folders[:] = [one for one in folders if one != b".dws-restore"]
        for name in folders + files:
            path = os.path.join(above, name)
            key = os.path.relpath(path, os.fsencode(root))
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[key] = os.readlink(path)
            elif stat.S_ISDIR(status.st_mode):
                found[key] = stat.S_IMODE(status.st_mode)
            else:
                with open(path, "rb") as file:
                    found[key] = (stat.S_IMODE(status.st_mode), file.read())
    return found


def fill(root, numbers):
    """Make or change a folder at random, by entries of every kind."""
    root.mkdir(exist_ok=True)
    for name in ("a", "b", "c"):
        (root / name).write_bytes(numbers.randbytes(numbers.randint(0, 3000)))
    (root / "large").write_bytes(numbers.randbytes(1_500_000))
    for name in ("x", "y"):
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        elif (root / name).exists() or (root / name).is_symlink():
            (root / name).unlink()
    (root / "x").mkdir()
    for number in range(numbers.randint(1, 4)):
        (root / "x" / f"{number}").write_text(str(numbers.random()))
    if numbers.random() < 0.5:
        (root / "y").symlink_to("a")
    else:
        (root / "y").mkdir(mode=0o750)
        (root / "y" / "z").write_text("z")


class Case:
    """A folder with two trees in a store, being changed by an operation."""

    def __init__(self, home):
        numbers = random.Random(SEED)
        self.home, self.template = home, home / "template"
        self.template.mkdir()
        store = Store.create(self.template / "store")
        self.roots, self.contents = [], []
        for number in range(3):
            fill(self.template / "data", numbers)
            with store.session() as session:
                self.roots.append(capture(session, self.template / "data").root)
                session.flush()
            self.contents.append(content_of(self.template / "data"))
            if number != 2:
                Pins(store, "w").pin(f"s{number}", [self.roots[number]])
        self.here = home / "here"

    def begin(self):
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.template, self.here, symlinks=True)

    @property
    def store(self):
        return Store.open(self.here / "store")

    @property
    def journal(self):
        return self.here / "restore.json"

    def restore(self, number):
        store = self.store
        recover_folders([self.here / "data"], self.journal)
        folder = Folder("data", self.here / "data", self.roots[number], tuple(self.roots))
        with store.session() as session:
            restore_folders(plan_folders(session, [folder], force=True), self.journal)

    def snapshot(self):
        store = self.store
        with store.session() as session:
            root = capture(session, self.here / "data").root
            session.flush()
            Pins(store, "w").pin("s2", [root])

    def collect(self):
        collect(self.store, grace_seconds=-10)

    def erase(self):
        with self.store.session() as session:
            entry = Trees(session).find(self.roots[0], b"large")
        erase(self.store, [entry.id], "a person asked for it")

    # What must hold after a kill, and again after the operation was repeated.

    def check_restore(self):
        """Each file is the old or the new one; recovery makes all of them one or the other."""
        old, new = self.contents[2], self.contents[0]
        for path, found in content_of(self.here / "data").items():
            assert found in (old.get(path), new.get(path)), path
        recover_folders([self.here / "data"], self.journal)
        assert content_of(self.here / "data") in (old, new)
        assert not (self.here / "data" / ".dws-restore").exists()
        self.restore(0)
        assert content_of(self.here / "data") == new
        self.check_all((1, 0))

    def check_snapshot(self):
        assert content_of(self.here / "data") == self.contents[2]
        assert verify(self.store).findings == []
        self.snapshot()
        self.collect()
        self.check_all((0, 1, 2))

    def check_collect(self):
        self.check_all((0, 1))
        self.collect()
        self.check_all((0, 1))

    def check_erase(self):
        self.check_all((1,), erased=True)
        self.erase()
        self.check_all((1,), erased=True)
        findings = verify(self.store).findings
        assert {(one.kind, one.path) for one in findings} == {("erased", "large")}

    def check_all(self, numbers, erased=False):
        report = verify(self.store)
        assert all(one.kind == "erased" for one in report.findings), report.findings
        assert erased or not report.findings
        for number in numbers:
            self.restore(number)
            assert content_of(self.here / "data") == self.contents[number]


def in_a_child(operation, kill_at=None, kill_after=None):
    """Run an operation in a process of its own; return whether it was killed."""
    child = os.fork()
    if child == 0:
        steps = 0

        def hook(event, arguments):
            nonlocal steps
            is_step = event in STEPS or (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
            )
            if is_step:
                steps += 1
                if steps == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            if kill_at is not None:
                sys.addaudithook(hook)
            operation()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent hears of it
            traceback.print_exc()
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def main(home, name, random_kills):
    case = Case(Path(home))
    operations = {
        "restore": lambda: case.restore(0),
        "snapshot": case.snapshot,
        "collect": case.collect,
        "erase": case.erase,
    }
    operation, check = operations[name], getattr(case, f"check_{name}")
    kills = step = 0
    while True:
        step += 1
        case.begin()
        if name == "snapshot":
            case.collect()  # else the store would have all of it
        if not in_a_child(operation, kill_at=step):
            break
        kills += 1
        check()
    numbers = random.Random(SEED)
    for _ in range(int(random_kills)):
        case.begin()
        kills += in_a_child(operation, kill_after=numbers.random() * 0.05)
        check()
    sys.stdout.write(json.dumps({"kills": kills, "steps": step - 1}))


if __name__ == "__main__":
    main(*sys.argv[1:])
