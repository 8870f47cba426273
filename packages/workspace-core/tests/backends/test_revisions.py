"""Revisions in a place: whoever reads them sees what whoever wrote them has made of the records."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from workspace_core.sharing import revisions
from workspace_core.sharing.folder_place import FolderPlace
from workspace_core.sharing.revisions import Head, Ledger

PATHS = st.sampled_from(["config.json", "tags/a.json", "tags/b.json", "snapshots/c.json"])
CONTENTS = st.binary(min_size=0, max_size=40)
CHANGES = st.lists(
    st.tuples(st.booleans(), st.dictionaries(PATHS, st.none() | CONTENTS, max_size=3)), max_size=12
)


def changed(files, changes):
    found = {**files, **changes}
    return {path: one for path, one in found.items() if one is not None}


@given(CHANGES, st.sampled_from([1, 100, 1 << 20]))
@settings(max_examples=60, deadline=None)
def test_two_who_write_and_one_who_looks_now_and_then_see_the_same(changes, least):
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    bound, revisions.LEAST_WHOLE = revisions.LEAST_WHOLE, least
    try:
        place = FolderPlace(folder)
        writers = [Ledger(place, "w", name) for name in ("one", "two")]
        first = writers[0].append(None, {"config.json": b"{}"}, "made")
        assert first is not None
        heads, expected = [first, first], dict(first.files)
        for is_second, change in changes:
            writer, stale = writers[is_second], heads[is_second]
            last = writer.since(stale)
            if stale.number < last.number:
                assert writer.append(stale, {"config.json": b"lost"}, "too late") is None
            expected = changed(expected, change)
            made = writer.append(last, expected, "changed")
            assert made is not None
            assert Head.from_dict(made.to_dict()) == made
            heads[is_second] = made

        reader = Ledger(place)
        newest = reader.newest()
        assert newest.files == expected
        assert reader.since(first) == newest == writers[0].since(heads[0])
        assert reader.damage() == []
    finally:
        revisions.LEAST_WHOLE = bound
        shutil.rmtree(folder)


def test_some_revisions_have_all_records_so_that_few_need_be_read(tmp_path):
    class Counting(FolderPlace):
        reads = 0

        def read(self, name):
            Counting.reads += 1
            return super().read(name)

    place = Counting(tmp_path)
    writer = Ledger(place, "w")
    head = writer.append(None, {}, "made")
    for number in range(300):
        files = {**head.files, f"snapshots/{number}.json": b"x" * 1000}
        head = writer.append(head, files, "changed")
    Counting.reads = 0

    assert Ledger(place).newest() == head
    assert Counting.reads < 200
    stored = sum(file.stat().st_size for file in (tmp_path / "records").iterdir())
    assert stored < 6 * 300 * 1000  # and they take a small multiple of what is recorded


def test_a_number_is_given_to_one(tmp_path):
    one, two = Ledger(FolderPlace(tmp_path), "w", "one"), Ledger(FolderPlace(tmp_path), "w", "two")

    assert one.reserve(1)
    assert not two.reserve(1)
    assert two.reserve(2)
