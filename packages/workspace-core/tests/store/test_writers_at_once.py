import json
import subprocess
import sys
from pathlib import Path

import pytest

from workspace_core.store.pins import Pins, pinned_roots
from workspace_core.store.store import Store
from workspace_core.trees.tree import Trees
from workspace_core.upkeep.verify import verify

WRITERS, ROUNDS = 8, 4
WRITE = """
import random, sys
from pathlib import Path
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture

folder, number, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
data = folder / f"data{number}"
data.mkdir()
store = Store.open(folder / "store")
numbers = random.Random(number % 3)  # some have the same content
for round in range(rounds):
    (data / f"{round}").write_bytes(numbers.randbytes(20_000))
    with store.session() as session:
        root = capture(session, data).root
        session.flush()
        Pins(store, f"w{number}").pin(f"s{round}", [root])
"""
READ = """
import sys
from pathlib import Path
from workspace_core.store.pins import pinned_roots
from workspace_core.store.store import Store
from workspace_core.trees.tree import Trees

store, seen = Store.open(Path(sys.argv[1]) / "store"), 0
while not (Path(sys.argv[1]) / "ended").exists():
    with store.session() as session:
        trees = Trees(session)
        for root in pinned_roots(store):
            for _, entry in trees.walk(root):
                seen += len(session.read(entry.id))
print(seen)
"""
COLLECT = """
import sys
from pathlib import Path
from workspace_core.store.store import Store
from workspace_core.upkeep.gc import collect

while not (Path(sys.argv[1]) / "ended").exists():
    collect(Store.open(Path(sys.argv[1]) / "store"), grace_seconds=-10)
"""


def start(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_writers_a_reader_and_a_collector_get_on_with_one_another(tmp_path, store):
    bystanders = [start(READ, tmp_path), start(COLLECT, tmp_path)]
    writers = [start(WRITE, tmp_path, number, ROUNDS) for number in range(WRITERS)]

    ends = [writer.communicate() for writer in writers]
    (tmp_path / "ended").touch()
    others = [one.communicate() for one in bystanders]

    assert [writer.returncode for writer in writers] == [0] * WRITERS, ends
    assert [one.returncode for one in bystanders] == [0, 0], others
    assert int(others[0][0]) > 0
    assert all(len(Pins(store, f"w{n}").names()) == ROUNDS for n in range(WRITERS))
    assert verify(store).findings == []
    with Store.open(store.folder).session() as session:
        trees = Trees(session)
        whole = [sum(1 for _ in trees.walk(root)) for root in pinned_roots(store)]
    assert sorted(set(whole)) == list(range(1, ROUNDS + 1))


def test_a_lock_names_its_owner_and_goes_with_a_killed_process(tmp_path):
    from workspace_core.errors import WorkspaceBusyError
    from workspace_core.store.locks import exclusive

    hold = (
        "import sys, time; from pathlib import Path\n"
        "from workspace_core.store.locks import exclusive\n"
        "with exclusive(Path(sys.argv[1]), 'thing'):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = start(hold, tmp_path / "lock")
    assert holder.stdout.readline() == "held\n"

    with (
        pytest.raises(WorkspaceBusyError, match=f"in use by process {holder.pid} on "),
        exclusive(tmp_path / "lock", "thing", 0.05),
    ):
        pass
    owner = json.loads((tmp_path / "lock").read_text())
    holder.kill()
    holder.communicate()

    with exclusive(tmp_path / "lock", "thing", 5):
        assert json.loads((tmp_path / "lock").read_text())["pid"] != owner["pid"]
    assert Path(tmp_path / "lock").read_text() == ""
