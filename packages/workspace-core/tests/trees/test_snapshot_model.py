"""Random trees under random operations, against dictionaries that know what they were."""

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    precondition,
    rule,
)

from util_services.keys.keyset import Keyset
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.restoring import Folder, plan_folders, restore_folders
from workspace_core.trees.stat_cache import StatCache
from workspace_core.upkeep.gc import collect
from workspace_core.upkeep.verify import verify

NAMES = st.sampled_from(
    [
        *(b"a", b"b", b"dir", b"sub", b"A", b"-dash", b" space ", b"new\nline", b"\xff\xfe"),
        *("\u00e9".encode(), "e\u0301".encode(), b"n" * 255),  # twins in NFC and NFD
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
CONTENTS = st.one_of(
    st.binary(max_size=20),
    st.integers(0, 3).map(lambda seed: bytes([seed]) * 5000),
    st.integers(0, 2).map(lambda seed: bytes([seed, 255 - seed]) * 800_000),
)
FILE_MODES = st.sampled_from([0o644, 0o600, 0o755, 0o400, 0o777])
FOLDER_MODES = st.sampled_from([0o755, 0o700, 0o775])


class Model(RuleBasedStateMachine):
    snapshots = Bundle("snapshots")
    keyset = None

    @initialize()
    def begin(self):
        self.home = Path(tempfile.mkdtemp(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self.root = self.home / "data"
        self.root.mkdir()
        self.store = Store.create(self.home / "store", self.keyset)
        self.pins = Pins(self.store, "model")
        self.cache = StatCache()
        self.taken = {}
        self.number = 0

    def teardown(self):
        shutil.rmtree(self.home, ignore_errors=True)

    def at(self, path):
        return os.path.join(os.fsencode(self.root), path)

    def make_way(self, path):
        """Remove what stands where a directory above the path is to be, and the path itself."""
        parts = path.split(b"/")
        for n in range(1, len(parts)):
            above = self.at(b"/".join(parts[:n]))
            if os.path.lexists(above) and (os.path.islink(above) or not os.path.isdir(above)):
                os.unlink(above)
            if not os.path.isdir(above):
                os.mkdir(above)
        self.remove(path)

    @rule(path=PATHS, content=CONTENTS, mode=FILE_MODES)
    def write(self, path, content, mode):
        self.make_way(path)
        with open(self.at(path), "wb") as file:
            file.write(content)
        os.chmod(self.at(path), mode)

    @rule(path=PATHS, content=CONTENTS)
    def overwrite_in_place(self, path, content):
        if os.path.isfile(self.at(path)) and not os.path.islink(self.at(path)):
            with open(self.at(path), "r+b") as file:
                file.write(content)

    @rule(path=PATHS)
    def edit_with_the_same_size_and_time(self, path):
        file = self.at(path)
        if os.path.islink(file) or not os.path.isfile(file) or not os.path.getsize(file):
            return
        before = os.stat(file)
        with open(file, "r+b") as opened:
            first = opened.read(1)
            opened.seek(0)
            opened.write(bytes([first[0] ^ 1]))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(path=PATHS, mode=FOLDER_MODES)
    def make_folder(self, path, mode):
        self.make_way(path)
        os.mkdir(self.at(path))
        os.chmod(self.at(path), mode)

    @rule(path=PATHS, goal=st.sampled_from([b"a", b"nowhere", b".", b"/etc", b"../..", b"\xff"]))
    def link(self, path, goal):
        self.make_way(path)
        os.symlink(goal, self.at(path))

    @rule(path=PATHS)
    def remove(self, path):
        found = self.at(path)
        if os.path.islink(found) or os.path.isfile(found):
            os.unlink(found)
        elif os.path.isdir(found):
            shutil.rmtree(found)

    @rule(source=PATHS, goal=PATHS)
    def move(self, source, goal):
        one, other = source + b"/", goal + b"/"
        if one.startswith(other) or other.startswith(one) or not os.path.lexists(self.at(source)):
            return
        self.make_way(goal)
        if os.path.lexists(self.at(source)):
            os.rename(self.at(source), self.at(goal))

    @rule(target=snapshots)
    def take(self):
        with self.store.session() as session:
            found = capture(session, self.root, self.cache)
            session.flush()
        self.cache = found.cache
        name = f"s{self.number}"
        self.number += 1
        self.pins.pin(name, [found.root])
        self.taken[name] = (found.root, content_of(self.root))
        return name

    @rule(name=snapshots)
    def restore(self, name):
        root, expected = self.taken[name]
        folder = Folder("data", self.root, root, cache=self.cache)
        with self.store.session() as session:
            planned = plan_folders(session, [folder], force=True)
            (done,) = restore_folders(planned, self.home / "restore.json")
        self.cache = done.cache
        assert content_of(self.root) == expected

    @rule(name=consumes(snapshots))
    def forget(self, name):
        self.pins.unpin(name)
        del self.taken[name]

    @rule()
    def collect_garbage(self):
        collect(self.store, grace_seconds=-10)

    @rule()
    def lose_the_cache(self):
        self.cache = StatCache()

    @precondition(lambda self: self.taken)
    @rule()
    def look_at_the_status(self):
        with self.store.session() as session:
            seen = capture(session, self.root, self.cache, keep=False)
            fresh = capture(session, self.root, StatCache(), keep=False)
        assert seen.root == fresh.root

    @rule()
    def check_all(self):
        report = verify(self.store)
        assert report.findings == []


def content_of(root):
    found = {}
    top = os.fsencode(root)
    for above, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(above, name)
            status = os.lstat(path)
            key = os.path.relpath(path, top)
            if os.path.islink(path):
                found[key] = os.readlink(path)
            elif os.path.isdir(path):
                found[key] = status.st_mode
            else:
                with open(path, "rb") as file:
                    found[key] = (status.st_mode, file.read())
    return found


TestSnapshotsAgainstAModel = Model.TestCase
TestSnapshotsAgainstAModel.settings = settings(max_examples=40, stateful_step_count=30)


class EncryptedModel(Model):
    keyset = Keyset.generate("store-keys", "workspace-store")


TestEncryptedSnapshotsAgainstAModel = EncryptedModel.TestCase
TestEncryptedSnapshotsAgainstAModel.settings = settings(max_examples=8, stateful_step_count=30)
