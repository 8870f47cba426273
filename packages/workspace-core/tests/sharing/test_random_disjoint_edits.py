"""Fifty random pairs of disjoint edits: data, resources, snapshots, tags, parameters, results.

Each of two people does something that the other one does not touch; all of it merges without a
conflict, reaches both, and every snapshot of both comes back byte for byte.
"""

import random
import shutil

import pytest

from workspace_core import api
from workspace_core.store.identity import content_id

ROUNDS, SEEDS = 10, range(5)
NAMES = [f"{number:02}" for number in range(12)]


class Somebody:
    """One of the two, with the files that are theirs to edit in this round."""

    def __init__(self, folder, name, numbers):
        self.folder, self.name, self.numbers = folder, name, numbers
        self.taken = {}  # the content of data by snapshot
        self.resources = 0

    def at(self):
        return str(self.folder)

    def edit(self, number, files):
        """Do some of all that can be done; the files are only theirs."""
        for file in self.numbers.sample(files, self.numbers.randint(1, len(files))):
            place = self.folder / "raw" / file
            kind = self.numbers.choice(["change", "change", "remove", "mode", "folder"])
            if place.is_dir():
                shutil.rmtree(place)
            if kind == "remove":
                place.unlink(missing_ok=True)
                continue
            if kind == "folder":
                place.unlink(missing_ok=True)
                place.mkdir(parents=True)
                place = place / "below"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.numbers.randbytes(self.numbers.randint(0, 3000)))
            place.chmod(0o700 if kind == "mode" else 0o644)
        if self.numbers.random() < 0.5:
            (self.folder / "code" / f"{self.name}.py").write_text(f"round = {number}\n")
        if self.numbers.random() < 0.5:
            (self.folder / "results" / f"{self.name}.txt").write_text(f"{number}")
        if self.numbers.random() < 0.2:
            self.resources += 1
            name = f"{self.name}{self.resources}"
            (self.folder / name).mkdir()
            (self.folder / name / "file").write_text(name)
            api.add("local-files", "intermediate-data", str(self.folder / name), self.at())

    def snapshot(self, number):
        tag = f"{self.name}-{number}"
        api.take_snapshot(self.at(), tag=tag)
        self.taken[tag] = state(self.folder / "raw")


def state(folder):
    found = {}
    for file in sorted(folder.rglob("*")):
        kind = "folder" if file.is_dir() else content_id(file.read_bytes()).hex()
        found[str(file.relative_to(folder))] = (kind, file.stat().st_mode & 0o777)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_disjoint_edits_merge_without_conflict_and_nothing_is_lost(
    alice, bob, tmp_path, seed, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    numbers = random.Random(seed)
    one, other = (Somebody(who.folder, who.folder.name, numbers) for who in (alice, bob))

    for number in range(ROUNDS):
        mine = set(numbers.sample(NAMES, len(NAMES) // 2))
        for who, files in ((one, sorted(mine)), (other, sorted(set(NAMES) - mine))):
            who.edit(number, files)
            who.snapshot(number)
        if numbers.random() < 0.5:
            api.config(one.at(), "results.dir_template", f"snapshots/{{TAG}}-{number}")
        first, second = numbers.sample([one, other], 2)
        api.push(first.at())
        pulled = api.pull(second.at())  # a conflict would be refused
        assert pulled.left == {}
        api.push(second.at())
        api.pull(first.at())
        assert state(one.folder / "raw") == state(other.folder / "raw")
        assert state(one.folder / "code") == state(other.folder / "code")

    for who in (one, other):
        tags = {tag for found in api.get_snapshot_history(who.at()) for tag in found.tags}
        assert tags >= one.taken.keys() | other.taken.keys()
        assert api.verify(who.at()).is_sound
    every = {**one.taken, **other.taken}
    for tag in numbers.sample(sorted(every), 4):
        api.restore(tag, one.at(), only=["raw"])
        assert state(one.folder / "raw") == every[tag]
