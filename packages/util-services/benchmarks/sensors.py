"""How much the sensors bear: notifications a second, and the time of a look at many objects.

    python packages/util-services/benchmarks/sensors.py --notifications 500 --objects 10000 100000

The outbox is measured on SQLite and, where it is installed, on PostgreSQL, from putting in to the
record of the delivery, over a file. A look lists a local folder, selects, compares with what is
remembered, and asks for no run. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "support"))

from postgresql import postgresql, programs

from util_services.notifications.drain import drain
from util_services.notifications.file import FileChannel
from util_services.notifications.notification import Notification
from util_services.notifications.outbox import Outbox
from util_services.storage import LocalStorage
from util_services.storage.patterns import Pattern
from util_services.watching.memory import Memory
from util_services.watching.selection import Place, select


def deliver(address: str, folder: Path, count: int) -> dict[str, float]:
    """Return notifications a second, put in and delivered."""
    outbox = Outbox(address)
    began = time.perf_counter()
    for number in range(count):
        outbox.put(Notification(f"run-{number}", "clean_data_job", "SUCCESS"), ["file"])
    middle = time.perf_counter()
    drain(outbox, {"file": FileChannel(folder / f"told-{time.monotonic_ns()}.jsonl")}, 600)
    end = time.perf_counter()
    assert outbox.channels()[0].delivered == count
    return {
        "put_in_per_second": round(count / (middle - began)),
        "delivered_per_second": round(count / (end - middle)),
    }


def look(address: str, root: Path, count: int) -> dict[str, float]:
    """Return the seconds of the first look at many objects and of the next one."""
    folder = root / "in"
    for number in range(count):
        place = folder / f"{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.csv").write_bytes(b"x")
    storage, pattern = LocalStorage(root), Pattern.of("in/")
    place = Place.of(storage, pattern, (), outputs=False)
    memory, seconds = Memory(address, f"watcher-{count}"), []
    for _ in range(2):
        began = time.perf_counter()
        found = select(list(storage.look(pattern)), place)
        present = {one: watched.version for one, watched in found.items()}
        changes = memory.update(present, place.holds, stable_seconds=3_600, last_round=0)
        seconds.append(round(time.perf_counter() - began, 2))
    assert len(present) == count
    assert not changes.remembered
    return {"objects": count, "first_seconds": seconds[0], "next_seconds": seconds[1]}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--notifications", type=int, default=500)
    options.add_argument("--objects", type=int, nargs="*", default=[10_000, 100_000])
    chosen = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = {"sqlite": str(folder / "state.sqlite")}
        if programs() is not None:
            server = stack.enter_context(postgresql())
            addresses["postgresql"] = stack.enter_context(server.fresh_database())
        figures = {
            name: {
                "outbox": deliver(address, folder, chosen.notifications),
                "looks": [look(address, folder / f"{name}-{n}", n) for n in chosen.objects],
            }
            for name, address in addresses.items()
        }
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
