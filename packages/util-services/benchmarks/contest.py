"""Let contenders do the same work in turn, each in a fresh process, and compare what they took.

What a benchmark measures of each: the seconds inside its work, the whole process with its start and
end, processor time, and the peak of anonymous and shared memory over the tree of its processes.
Trust the ratios of one run, not the seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SAMPLE_SECONDS = 0.02
COMPARED_ROWS = 122_880


@dataclass(frozen=True)
class Effort:
    """What a contender took."""

    inside: float
    whole: float
    processor: float
    megabytes: float
    output: str
    busy: float | None = None  # processor time inside the work, if it is told

    @property
    def start_up(self) -> float:
        """Seconds outside the work: interpreter, imports, and the end of the process."""
        return self.whole - self.inside


def watch(command: Sequence[object], environment: Mapping[str, str] | None = None) -> Effort:
    """Run a command; the last line of its output is JSON that tells the ``seconds`` of its work.

    It may tell the ``processor`` time of these, too, which other work on the machine changes least.
    """
    peak = [0.0]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    done = threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(map(_anonymous, _tree(process.pid))))

    watcher = threading.Thread(target=look)
    watcher.start()
    before = os.times()
    output, errors = process.communicate()
    whole, after = time.perf_counter() - began, os.times()
    done.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"status {process.returncode}: {(errors or output)[-500:]}")
    processor = after.children_user + after.children_system
    processor -= before.children_user + before.children_system
    told = json.loads(output[output.index("{") :]) if '"seconds"' in output else {"seconds": 0.0}
    return Effort(told["seconds"], whole, processor, peak[0], output, told.get("processor"))


def compare(
    contenders: Mapping[str, Callable[[], Effort]], repeat: int, check: Callable[[str], None]
) -> None:
    """Let contenders work in turn, ``repeat`` times, and print the best of each beside the first.

    ``check`` is told the name of each after its first turn.
    """
    best: dict[str, Effort] = {}
    for turn in range(repeat):
        for name, work in contenders.items():
            if turn and name not in best:
                continue
            try:
                effort = work()
            except RuntimeError as error:
                print(f"  {name:10} failed, {error}")
                continue
            if turn == 0:
                check(name)
            told = [one.busy for one in (effort, best.get(name)) if one is not None and one.busy]
            if name not in best or effort.inside < best[name].inside:
                best[name] = effort
            best[name] = replace(best[name], busy=min(told, default=None))
    first = next(iter(best.values()))
    print("              inside   start       cpu      peak   ours / theirs: inside, whole")
    for name, effort in best.items():
        print(
            f"  {name:10} {effort.inside:7.2f} s {effort.start_up:5.2f} s "
            f"{effort.processor:7.1f} s {effort.megabytes:6.0f} MB  "
            f"{first.inside / effort.inside:6.2f} {first.whole / effort.whole:6.2f}"
        )
    for name, effort in best.items():
        if first.busy and effort.busy:
            ratio = first.busy / effort.busy
            print(f"  {name:10} {effort.busy:7.2f} s of processors inside, {ratio:6.2f}")


def check_equal(expected: Path, actual: Path) -> None:
    """Compare two Parquet files row by row, in order, in bounded memory."""
    import pyarrow.parquet as pq

    one, other = pq.ParquetFile(expected), pq.ParquetFile(actual)
    names = one.schema_arrow.names
    assert one.metadata.num_rows == other.metadata.num_rows, "numbers of rows differ"
    assert names == other.schema_arrow.names, "columns differ"
    assert codecs_of(one) == codecs_of(other), "codecs differ"
    batches = zip(
        one.iter_batches(COMPARED_ROWS),
        other.iter_batches(COMPARED_ROWS, columns=names),
        strict=True,
    )
    for number, (left, right) in enumerate(batches):
        for name in names:
            same = left[name].equals(right[name].cast(left[name].type))
            assert same, f"'{name}' differs from row {number * COMPARED_ROWS} on"


def codecs_of(file: object) -> set[str]:
    """Return the codecs of a Parquet file's first rows."""
    group = file.metadata.row_group(0)
    return {group.column(number).compression for number in range(group.num_columns)}


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))
    except OSError:  # it has just ended
        return


def _anonymous(number: int) -> float:
    """Return the megabytes that are a process's own and backed by no file."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return (
        sum(int(line[1]) for line in lines if line and line[0] in {"RssAnon:", "RssShmem:"}) / 1e3
    )
