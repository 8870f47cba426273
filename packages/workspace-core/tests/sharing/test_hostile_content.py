"""Content of remotes that no honest workspace has sent: refused before it does any harm."""

import json
import os
import random
import resource
import subprocess
import sys
import uuid

import pytest
import zstandard

from workspace_core.errors import FormatVersionError
from workspace_core.sharing.errors import DamagedRemoteError, ForeignRemoteError
from workspace_core.sharing.notes import Erasure
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import Remote, new_pack_name
from workspace_core.sharing.send import send
from workspace_core.store.frames import RAW, ZSTD, plain
from workspace_core.store.identity import content_id, id_text
from workspace_core.store.packs import PackWriter
from workspace_core.store.store import Store
from workspace_core.trees.directory import DIRECTORY, FILE, Entry, encode


@pytest.fixture
def address(tmp_path):
    return Address.checked(str(tmp_path / "remote"))


@pytest.fixture
def hostile(address, store, tmp_path):
    """Put frames on a remote that nobody has checked."""

    def put(*frames):
        remote = Remote.create(address.open(), tmp_path / "cache", store)
        writer = PackWriter(tmp_path / new_pack_name(), None)
        for frame in frames:
            writer.add(*frame)
        writer.close()
        remote.send(writer.file)

    return put


@pytest.fixture
def received(address, tmp_path):
    other = Store.create(tmp_path / "other")

    def receive(root):
        remote = Remote.open(address.open(), tmp_path / "cache-2")
        with other.session() as session:
            receiving = Receiving(session, remote)
            receiving.trees([root])
            return receiving.finish()

    receive.store = other
    return receive


def tree_of(*entries):
    content = encode(entries)
    return content_id(content), RAW, len(content), content


def test_a_frame_that_unfolds_to_more_than_it_says_is_refused_before_it_does(hostile, received):
    bomb = zstandard.ZstdCompressor().compress(bytes(400 << 20))
    file = content_id(b"small")
    root = tree_of(Entry(b"bomb", FILE, 0o644, 1000, file))
    hostile(root, (file, ZSTD, 1000, bomb))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(DamagedRemoteError, match="unfolds to more than it may"):
        received(root[0])

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10
    with pytest.raises(ValueError, match="unfolds"):
        plain(ZSTD, 1000, bomb)


def test_a_few_directories_that_unfold_to_endless_paths_are_refused(hostile, received):
    frames = [tree_of(Entry(b"file", FILE, 0o644, 0, content_id(b"")))]
    for _ in range(10):
        below = frames[-1][0]
        names = [f"{number:02}".encode() for number in range(100)]
        frames.append(tree_of(*(Entry(name, DIRECTORY, 0o755, 0, below) for name in names)))
    hostile(*frames, (content_id(b""), RAW, 0, b""))

    with pytest.raises(ForeignRemoteError, match="no folder has more than"):
        received(frames[-1][0])


def test_files_that_are_no_packs_and_no_notes_are_left_alone(hostile, received, address, tmp_path):
    root = tree_of(Entry(b"a", FILE, 0o644, 1, content_id(b"a")))
    hostile(root, (content_id(b"a"), RAW, 1, b"a"))
    for name in (
        "packs/README.pack",
        "packs/x/../y.pack",
        "let-go/x.json",
        "other/file",
        ".hidden",
    ):
        file = tmp_path / "remote" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("anything")

    assert received(root[0]).lacking == set()


@pytest.mark.parametrize("folder", ["let-go", "erased"])
@pytest.mark.parametrize(
    "record",
    [
        "no json",
        "[]",
        '{"schema": 1}',
        '{"schema": 1, "packs": ["../../remote.json"], "objects": ["../x"]}',
        '{"schema": 1, "packs": 3, "objects": 3}',
    ],
)
def test_a_note_that_says_nothing_is_named(hostile, received, address, folder, record):
    root = tree_of()
    hostile(root)
    os.makedirs(os.path.join(address.text, folder))
    name = f"{uuid.uuid4().hex}.json"
    with open(os.path.join(address.text, folder, name), "w") as file:
        file.write(record)

    with pytest.raises(DamagedRemoteError, match=f"{folder}/{name}"):
        received(root[0])


def test_a_note_of_a_newer_release_is_refused(hostile, received, address):
    root = tree_of()
    hostile(root)
    os.makedirs(os.path.join(address.text, "let-go"))
    with open(os.path.join(address.text, "let-go", f"{uuid.uuid4().hex}.json"), "w") as file:
        json.dump({"schema": 2, "packs": []}, file)

    with pytest.raises(FormatVersionError, match="upgrade workspace-core"):
        received(root[0])


def test_a_note_that_claims_an_erasure_destroys_nothing_that_is_here(
    store, folder, taken, address, tmp_path
):
    (folder / "mine").write_bytes(random.Random(1).randbytes(1000))
    root = taken(folder).root
    mine = content_id((folder / "mine").read_bytes())
    remote = Remote.create(address.open(), tmp_path / "cache", store)
    remote.note(Erasure.now([mine, root], "a lie"))
    remote.look()

    with store.session() as session:
        assert send(session, remote, [root], tmp_path / "outgoing").objects == 0
        receiving = Receiving(session, remote)
        receiving.trees([root])
        assert receiving.finish().erased_there == 2
        assert session.read(mine) == (folder / "mine").read_bytes()
        assert session.erased(mine) is None


def test_a_table_that_claims_more_than_a_pack_can_hold_is_not_read(hostile, address, tmp_path):
    root = tree_of()
    hostile(root)
    (name,) = os.listdir(os.path.join(address.text, "packs"))
    file = os.path.join(address.text, "packs", name)
    os.chmod(file, 0o644)
    os.truncate(file, 3 << 30)  # a sparse file
    code = (
        "import sys; from pathlib import Path; from workspace_core.sharing.places import Address;"
        "from workspace_core.sharing.remote import Remote;"
        "remote = Remote.open(Address.checked(sys.argv[1]).open(), Path(sys.argv[2]));"
        "print(remote.unusable, remote.has(bytes.fromhex(sys.argv[3])))"
    )

    done = subprocess.run(
        [
            *("prlimit", f"--as={2 << 30}", sys.executable, "-c", code),
            *(address.text, tmp_path / "fresh", root[0].hex()),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{{'{name}': 'its end is missing'}} False\n", id_text(root[0])
