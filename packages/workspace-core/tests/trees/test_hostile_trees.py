import os

import pytest

from workspace_core.errors import HostileTreeError, RestoreError
from workspace_core.store.identity import content_id
from workspace_core.trees.directory import (
    DIRECTORY,
    FILE,
    LINK,
    MAGIC,
    Entry,
    decode,
    encode,
    link_entry,
)

NOWHERE = content_id(b"evil")


def file(name, permissions=0o644, size=4):
    return Entry(name, FILE, permissions, size, NOWHERE)


@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ([file(b"..")], "leads out of its directory"),
        ([file(b".")], "leads out of its directory"),
        ([file(b"")], "leads out of its directory"),
        ([file(b"../../etc/passwd")], "leads out of its directory"),
        ([file(b"/etc/passwd")], "leads out of its directory"),
        ([file(b"a\0b")], "leads out of its directory"),
        ([file(b".git")], "is reserved"),
        ([file(b".dataworkspace")], "is reserved"),
        ([file(b".dws-restore")], "is reserved"),
        ([file(b"n" * 256)], "no file system takes"),
        ([file(b"b"), file(b"a")], "sorted and unique"),
        ([file(b"a"), file(b"a")], "sorted and unique"),
        (
            [link_entry(b"a", b"/etc"), Entry(b"a", DIRECTORY, 0o755, 0, NOWHERE)],
            "sorted and unique",
        ),
        ([file(b"a", 0o4755)], "more than permission bits"),
        ([Entry(b"a", 9, 0o644, 4, NOWHERE)], "kind is unknown"),
        ([Entry(b"a", LINK, 0o777, 4, NOWHERE, b"else")], "does not fit its id"),
        ([Entry(b"a", LINK, 0o777, 0, content_id(b""), b"")], "does not fit its id"),
    ],
)
def test_a_directory_that_leads_anywhere_else_is_refused_before_any_write(
    store, folder, restored, content, entries, rule
):
    (folder / "mine").write_text("mine")
    before = content(folder.parent)
    with store.session() as session:
        session.put(b"evil")
        root = session.put(encode(entries))
        session.flush()

    with pytest.raises(HostileTreeError, match=rule):
        restored(folder, root, force=True)

    after = content(folder.parent)
    assert {k: v for k, v in after.items() if not k.startswith(b"store")} == {
        k: v for k, v in before.items() if not k.startswith(b"store")
    }


def test_a_directory_that_is_cut_off_within_an_entry_is_refused():
    entries = [file(b"a"), link_entry(b"b", b"target")]
    whole = encode(entries)
    borders = {len(encode(entries[:count])) for count in range(3)}

    for length in set(range(len(whole))) - borders:
        with pytest.raises(HostileTreeError):
            decode(whole[:length])


def test_a_directory_of_another_format_is_refused():
    with pytest.raises(HostileTreeError, match="known format"):
        decode(MAGIC[:-1] + b"\x02")


def test_nothing_is_written_through_a_link_that_stands_where_a_directory_was(
    tmp_path, folder, taken, restored, content
):
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("inside")
    root = taken(folder).root
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    (folder / "sub" / "file").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(outside)

    restored(folder, root, force=True)

    assert (outside / "file").read_text() == "outside"
    assert not (folder / "sub").is_symlink()
    assert (folder / "sub" / "file").read_text() == "inside"


def test_links_are_restored_as_links_wherever_they_lead(tmp_path, folder, taken, restored, content):
    os.symlink("../..", folder / "up")
    os.symlink("/etc/passwd", folder / "absolute")
    os.symlink("loop", folder / "loop")
    os.symlink(b"\xff\n", os.fsencode(folder) + b"/odd")
    expected = content(folder)
    root = taken(folder).root
    for name in os.listdir(folder):
        (folder / name).unlink()

    restored(folder, root, force=True)

    assert content(folder) == expected


def test_a_link_in_place_of_the_staging_area_is_not_followed(tmp_path, folder, taken, restored):
    (folder / "file").write_text("old")
    root = taken(folder).root
    (folder / "file").write_text("new")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (folder / ".dws-restore").symlink_to(elsewhere)

    with pytest.raises(RestoreError, match="exists"):
        restored(folder, root, force=True)

    assert (elsewhere / "precious").exists()
    assert (folder / "file").read_text() == "new"
