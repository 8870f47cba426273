"""dws beside DVC, restic and git, as whole commands on the same trees in one run.

    python packages/workspace-core/benchmarks/peers.py --files 10000 --runs 5
    python packages/workspace-core/benchmarks/peers.py --large 20 --megabytes 100

Trees are made from a seed: three quarters random bytes, a quarter CSV. Each round starts from
nothing, and each restore is checked file by file. A peer that is not installed is left out;
``--dvc`` names the program of another environment. ``--folder`` is where all of it happens: on a
shared disk, the waiting of `fsync` and of new inodes is that of everybody.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

TASKS = ("start", "first", "no-op", "status", "changed", "switch", "clean")
MIB = 1 << 20


@dataclass
class Figures:
    """What was measured of one program."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)  # seconds of all processors
    megabytes: float = 0.0  # of the largest process
    stored: int = 0
    store_files: int = 0
    added: int = 0


def median(figures: dict[str, list[float]], task: str) -> float | None:
    """Return the middle of all rounds."""
    return statistics.median(figures[task]) if task in figures else None


class Program:
    """A program with its commands; ``home`` holds ``data`` and whatever the program keeps."""

    name = ""
    store = ""

    def __init__(self, home: Path, program: str) -> None:
        self.home, self.program, self.figures = home, program, Figures()
        self.busy = 0.0
        self.environment = os.environ | {
            "HOME": str(home),
            "RESTIC_PASSWORD": "benchmark",  # a store that goes with this run
            "RESTIC_REPOSITORY": str(home / "repository"),
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@example.org",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@example.org",
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *arguments: str, cwd: Path | None = None) -> None:
        """Run a command of the program, and remember its memory."""
        process = subprocess.Popen(  # noqa: S603 - the programs that are compared
            [self.program, *arguments],
            cwd=cwd or self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.busy += usage.ru_utime + usage.ru_stime
        self.figures.megabytes = max(self.figures.megabytes, usage.ru_maxrss / 1024)
        if process.returncode:
            sys.exit(f"{self.program} {arguments}: {output.decode(errors='replace')}")

    def version(self) -> None: ...
    def init(self) -> None: ...
    def keep(self, tag: str) -> None: ...
    def status(self) -> None: ...
    def restore(self, tag: str) -> None: ...
    def switch(self, tag: str) -> None:
        self.restore(tag)


class Dws(Program):
    name, store = "dws", "workspace/.dataworkspace/store"

    def version(self) -> None:
        self.run("--version")

    def init(self) -> None:
        (self.home / "workspace").mkdir()
        self.run("init", cwd=self.home / "workspace")
        self.run("add", "local-files", "../data", "--role", "s", cwd=self.home / "workspace")

    def keep(self, tag: str) -> None:
        self.run("snapshot", tag, cwd=self.home / "workspace")

    def status(self) -> None:
        self.run("status", cwd=self.home / "workspace")

    def restore(self, tag: str) -> None:
        self.run("restore", tag, cwd=self.home / "workspace")


class Dvc(Program):
    name, store = "dvc", ".dvc/cache"

    def version(self) -> None:
        self.run("--version")

    def init(self) -> None:
        self.run("init", "--no-scm", "--quiet")

    def keep(self, tag: str) -> None:
        self.run("add", "--quiet", "data")
        shutil.copy(self.home / "data.dvc", self.home / f"{tag}.kept")

    def status(self) -> None:
        self.run("status", "--quiet")

    def restore(self, tag: str) -> None:
        shutil.copy(self.home / f"{tag}.kept", self.home / "data.dvc")
        self.run("checkout", "--quiet", "--force")


class Restic(Program):
    name, store = "restic", "repository"

    def version(self) -> None:
        self.run("version")

    def init(self) -> None:
        self.run("init", "--quiet")

    def keep(self, tag: str) -> None:
        self.run("backup", "--quiet", "--tag", tag, "data")

    def restore(self, tag: str) -> None:
        self.run("restore", "latest", "--quiet", "--tag", tag, "--target", str(self.home))

    switch = None  # type: ignore[assignment] - it rewrites everything
    status = None  # type: ignore[assignment]


class Git(Program):
    name, store = "git", ".git"

    def version(self) -> None:
        self.run("--version")

    def init(self) -> None:
        self.run("init", "--quiet")
        self.run("config", "gc.auto", "0")  # which would go on behind the command

    def keep(self, tag: str) -> None:
        self.run("add", "--all", "data")
        self.run("commit", "--quiet", "--allow-empty", "--message", tag)
        self.run("tag", tag)

    def status(self) -> None:
        self.run("status", "--porcelain", "data")

    def restore(self, tag: str) -> None:
        self.run("checkout", "--quiet", "--force", tag)


PROGRAMS = (Dws, Dvc, Restic, Git)


def small_files(root: Path, count: int) -> None:
    """Make files of 5 to 16 kB, a hundred in each directory."""
    numbers = random.Random(1)
    for number in range(count):
        folder = root / f"d{number // 100:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        if number % 4 == 3:
            content = csv(numbers, 400)
        else:
            content = numbers.randbytes(numbers.randint(5_000, 16_000))
        (folder / f"f{number % 100:02d}").write_bytes(content)


def large_files(root: Path, count: int, megabytes: int) -> None:
    """Make files of random bytes."""
    root.mkdir(parents=True)
    numbers = random.Random(1)
    for number in range(count):
        with (root / f"{number:02d}").open("wb") as file:
            for _ in range(megabytes):  # the memory of this process is counted for its children
                file.write(numbers.randbytes(MIB))


def csv(numbers: random.Random, rows: int) -> bytes:
    """Return a small table."""
    lines = (
        f"{n},{numbers.randint(0, 9999)},ward {n % 7},{numbers.random():.3f}" for n in range(rows)
    )
    return "\n".join(lines).encode()


def change(root: Path, *, is_large: bool) -> None:
    """Change one file in a hundred, or insert a megabyte into one of the large ones."""
    numbers = random.Random(2)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if is_large:
        with files[0].open("rb") as old, (root / "changed").open("wb") as new:
            for _ in range(files[0].stat().st_size // MIB // 2):
                new.write(old.read(MIB))
            new.write(numbers.randbytes(MIB))
            shutil.copyfileobj(old, new, MIB)
        (root / "changed").replace(files[0])
        return
    for path in numbers.sample(files, max(1, len(files) // 100)):
        path.write_bytes(numbers.randbytes(10_000))


def measure(program: Program, pristine: Path, *, is_large: bool) -> None:
    """Take a program through all tasks once."""
    home, figures = program.home, program.figures
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    data = home / "data"
    shutil.copytree(pristine, data)

    def timed(task: str, action: object, *arguments: str) -> None:
        if action is None:
            return
        os.sync()
        program.busy, began = 0.0, time.perf_counter()
        action(*arguments)  # type: ignore[operator]
        figures.seconds.setdefault(task, []).append(time.perf_counter() - began)
        figures.busy.setdefault(task, []).append(program.busy)

    timed("start", program.version)
    program.init()
    timed("first", program.keep, "one")
    figures.stored, figures.store_files = extent(home / program.store)
    timed("no-op", program.keep, "again")
    timed("status", program.status)
    before, _ = extent(home / program.store)
    change(data, is_large=is_large)
    timed("changed", program.keep, "two")
    figures.added = extent(home / program.store)[0] - before
    if program.switch is not None:
        timed("switch", program.switch, "one")
        check(pristine, data)
    shutil.rmtree(data)
    timed("clean", program.restore, "one")
    check(pristine, data)
    shutil.rmtree(home)


def extent(folder: Path) -> tuple[int, int]:
    """Return bytes and number of the files in a folder."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(sizes), len(sizes)


def check(expected: Path, found: Path) -> None:
    """End the run if two trees are not the same."""
    names = {p.relative_to(expected) for p in expected.rglob("*") if p.is_file()}
    assert names == {p.relative_to(found) for p in found.rglob("*") if p.is_file()}
    _, wrong, missing = filecmp.cmpfiles(expected, found, [str(n) for n in names], shallow=False)
    assert not wrong, wrong[:3]
    assert not missing, missing[:3]


def table(programs: list[Program]) -> None:
    """Print medians, and what share of each peer's time dws takes."""
    for title, kind in (("seconds on the clock", "seconds"), ("seconds of processors", "busy")):
        print(f"{title:24}" + "".join(f"{task:>16}" for task in TASKS))
        ours = getattr(programs[0].figures, kind)
        for program in programs:
            row = f"{program.name:24}"
            for task in TASKS:
                taken, own = median(getattr(program.figures, kind), task), median(ours, task)
                if taken is None or own is None:
                    row += f"{'–':>16}"
                elif program is programs[0]:
                    row += f"{taken:>14.2f} s"
                else:
                    row += f"{taken:>8.2f} ({own / taken if taken else 0:5.2f})"
            print(row)
    print("In brackets: the time of dws as a share of that of the peer; medians.")
    for program in programs:
        found = program.figures
        print(
            f"{program.name:8} {found.megabytes:.0f} MB of memory, {found.stored / 1e6:.1f} MB kept"
            f" in {found.store_files} files, {found.added / 1e6:.2f} MB added for the change"
        )


def main() -> None:
    """Measure all programs that are installed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=0, help="this many large files instead")
    parser.add_argument("--megabytes", type=int, default=100, help="size of a large file")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/dws-benchmark"))  # noqa: S108
    parser.add_argument("--dvc", default="dvc")
    parser.add_argument("--only", nargs="*", default=[one.name for one in PROGRAMS])
    options = parser.parse_args()
    own = str(Path(sys.executable).with_name("dws"))
    places = {"dws": own, "dvc": options.dvc, "restic": "restic", "git": "git"}
    programs: list[Program] = []
    for kind in PROGRAMS:
        found = shutil.which(places[kind.name])
        if kind.name in options.only and found:
            programs.append(kind(options.folder / kind.name, found))
        elif kind.name in options.only:
            print(f"{kind.name} is not installed and left out")
    pristine = options.folder / "pristine"
    shutil.rmtree(options.folder, ignore_errors=True)
    if options.large:
        large_files(pristine, options.large, options.megabytes)
    else:
        small_files(pristine, options.files)
    for _ in range(options.runs):
        for program in programs:
            measure(program, pristine, is_large=bool(options.large))
            last = {task: round(taken[-1], 2) for task, taken in program.figures.seconds.items()}
            print(json.dumps({program.name: last}), flush=True)
    table(programs)
    shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
