"""How long questions about a graph of many steps take: in a process, and as whole commands.

    python packages/workspace-core/benchmarks/lineage.py --steps 10000

The steps form layers: each reads three files that steps of the layer before have written, and the
first layer reads sources. Files are small; what is measured is the graph. Two files are asked
about: one of the sixth layer, which some dozens of runs have led to, and one of the last, which
nearly all have. Nothing is timed but what is named; each figure is the median of some rounds, the
first one (when the runs are recorded and nobody has asked yet, so that there is no index of edges)
by itself, and processor time beside it, which tells more on a machine that does other things, too.
The last column is the number of runs in the answer.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from workspace_core import api
from workspace_core.lineage import HashCertificate, ResourceRef, StepLineage
from workspace_core.lineage.questions import questions
from workspace_core.lineage.staleness import judge_present
from workspace_core.workspace import load_workspace

if TYPE_CHECKING:
    from workspace_core.backends.snapshots import LocalSnapshots

LAYER, READ, SOURCES, NEAR = 100, 3, 50, 550
DWS = Path(sys.executable).with_name("dws")


def main() -> None:
    """Build the graph, ask, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "study")
        last = build(folder, arguments.steps)
        measure(folder, last, arguments.rounds)


def build(folder: Path, steps: int) -> str:
    """Make a workspace with a graph of steps, and return the file that the last one wrote."""
    api.init(str(folder), hostname="bench")
    for name, role in (("raw", "source-data"), ("clean", "intermediate-data")):
        (folder / name).mkdir()
        api.add("local-files", role, str(folder / name), str(folder))
    numbers = random.Random(0)
    layer = [written(folder, f"raw/{number}") for number in range(SOURCES)]
    following: list[HashCertificate] = []
    records = load_workspace(f"git:{folder}", batch=True).lineage
    for number in range(steps):
        made = written(folder, f"clean/{number:06d}")
        step = StepLineage.new(
            sequence=number + 1,
            run_id=str(number),
            step_name=f"step {number % 20}",
            status="complete",
            start_time="2026-01-01T00:00:00.000000+00:00",
            execution_time_seconds=1.0,
            parameters={"alpha": number / 7, "seed": number},
            input_resources=tuple(numbers.sample(layer, READ)),
            code_resources=(),
            output_resources=(made,),
            command_line=("python", "code/step.py", "--seed", str(number)),
            hostname="bench",
        )
        records.add(step)
        following.append(made)
        if len(following) == LAYER:
            layer, following = following, []
    return f"clean/{steps - 1:06d}"


def written(folder: Path, path: str) -> HashCertificate:
    """Write a file, and return what it is."""
    name, _, inside = path.partition("/")
    content = path.encode()
    (folder / path).write_bytes(content)
    identity = f"blake3:{blake3(content).hexdigest()}"
    return HashCertificate(ResourceRef(name, inside), "file", identity, len(content))


def measure(folder: Path, last: str, rounds: int) -> None:
    """Print how long each question takes."""
    near = f"clean/{NEAR:06d}"
    index = folder / ".dataworkspace/local/lineage/edges"

    def workspace() -> LocalSnapshots:
        return load_workspace(f"git:{folder}", batch=True)

    def made(file: str) -> int:
        asked = questions(workspace())
        return len(asked.made(asked.reference(str(folder / file))).part.steps)

    def made_from() -> int:
        asked = questions(workspace())
        return len(asked.made_from(asked.reference(str(folder / "raw/0"))).part.steps)

    def stale() -> int:
        return len(judge_present(workspace()).stale)

    def command(*words: str) -> None:
        done = [DWS, "lineage", "show", *words]
        subprocess.run(done, cwd=folder, capture_output=True, check=True)  # noqa: S603

    print(f"{'question':<44}{'first s':>9}{'median s':>10}{'CPU s':>8}{'runs':>8}")
    for name, ask in {
        "what made one of the sixth layer": lambda: made(near),
        "what made one of the last layer": lambda: made(last),
        "what was made from a source": made_from,
        "what is out of date": stale,
        "dws lineage show, of the sixth layer": lambda: command(near),
        "dws lineage show, of the last layer": lambda: command(last),
        "dws lineage show --json, of the last layer": lambda: command(last, "--json"),
    }.items():
        index.unlink(missing_ok=True)
        seconds, busy = [], []
        for _ in range(rounds + 1):
            began, before = time.perf_counter(), processor_seconds()
            answer = ask()
            seconds.append(time.perf_counter() - began)
            busy.append(processor_seconds() - before)
        middle, cpu = (statistics.median(one[1:]) for one in (seconds, busy))
        runs = "" if answer is None else answer
        print(f"{name:<44}{seconds[0]:>9.2f}{middle:>10.2f}{cpu:>8.2f}{runs:>8}")


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
