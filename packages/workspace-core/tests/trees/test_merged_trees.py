"""Merging trees: against a model in which trees are dictionaries of paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.store.store import Store
from workspace_core.trees.capture import capture
from workspace_core.trees.directory import DIRECTORY, FILE, Entry, encode
from workspace_core.trees.merge import merge
from workspace_core.trees.prune import prune
from workspace_core.trees.tree import Trees

PATHS = [b"a", b"b", b"d/a", b"d/b", b"d/e/a", b"d/e/b", b"f/a", b"f/g/h"]
contents = st.sampled_from([b"1", b"2", b"3"])
trees_of_paths = st.dictionaries(st.sampled_from(PATHS), contents)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with Store.create(tmp_path_factory.mktemp("merging") / "store").session() as session:
        yield session


def tree_of(session, files):
    """Return the id of a tree whose files are these; no directory is empty."""
    entries, below = [], {}
    for path, content in files.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = content
        else:
            entries.append(Entry(name, FILE, 0o644, len(content), session.put(content)))
    for name, inside in below.items():
        found = tree_of(session, inside)
        entries.append(Entry(name, DIRECTORY, 0o755, sum(map(len, inside.values())), found))
    return session.put(encode(sorted(entries, key=lambda one: one.name)), DIRECTORIES)


def merged_model(base, ours, theirs, choice):
    """Return what three dictionaries become, and the names that two of them have changed."""
    found, conflicts = {}, set()
    for path in {*base, *ours, *theirs}:
        before, left, right = base.get(path), ours.get(path), theirs.get(path)
        if left == right or right == before:
            value = left
        elif left == before:
            value = right
        else:
            conflicts.add(path)
            value = left if choice == "ours" else right
        if value is not None:
            found[path] = value
    return found, conflicts


def files_of(session, root):
    return {path: session.read(one.id) for path, one in Trees(session).walk(root) if one.is_file}


def is_above(conflict, path):
    return path == conflict or path.startswith(conflict + b"/")


@given(trees_of_paths, trees_of_paths, trees_of_paths, st.sampled_from(["ours", "theirs"]))
def test_a_merge_is_that_of_the_model(session, base, ours, theirs, choice):
    roots = [tree_of(session, one) for one in (base, ours, theirs)]

    found = merge(session, Trees(session), *roots, choice)
    expected, conflicts = merged_model(base, ours, theirs, choice)

    if not found.conflicts:
        assert files_of(session, found.root) == expected
    for path in conflicts:
        assert any(is_above(one, path) for one in found.conflicts)
    # A folder that one side has removed while the other changed something in it is a conflict, too.
    for path, content in files_of(session, found.root).items():
        assert content in (ours.get(path), theirs.get(path))
        if not any(is_above(one, path) for one in found.conflicts):
            assert content == expected[path]


@given(trees_of_paths, st.data())
def test_disjoint_edits_never_conflict(session, base, data):
    """Each side changes files of its own, in folders that both have."""
    mine = data.draw(st.sets(st.sampled_from(PATHS)))
    ours, theirs = (
        {path: data.draw(contents) if path in own else content for path, content in base.items()}
        for own in (mine, set(PATHS) - mine)
    )
    ours |= {path + b".ours": b"new" for path in base if path in mine}
    theirs |= {path + b".theirs": b"new" for path in base if path not in mine}
    roots = [tree_of(session, one) for one in (base, ours, theirs)]

    found = merge(session, Trees(session), *roots)

    assert found.conflicts == ()
    expected, _ = merged_model(base, ours, theirs, "ours")
    assert found.root == tree_of(session, expected)


def test_modes_and_links_of_both_sides_are_merged(session, folder):
    (folder / "tool").write_text("1")
    (folder / "other").write_text("1")
    (folder / "deep").mkdir()
    (folder / "deep/link").symlink_to("a")
    base = capture(session, folder).root
    (folder / "tool").chmod(0o755)
    ours = capture(session, folder).root
    (folder / "tool").chmod(0o644)
    (folder / "tool").write_text("2")
    (folder / "deep/link").unlink()
    (folder / "deep/link").symlink_to("elsewhere")
    theirs = capture(session, folder).root
    (folder / "tool").chmod(0o755)
    both = capture(session, folder).root

    found = merge(session, Trees(session), base, ours, theirs)

    assert found.conflicts == ()
    assert found.root == both


@given(trees_of_paths, st.lists(st.sampled_from([*PATHS, b"d", b"d/e", b"f/g", b"none"])))
def test_a_pruned_tree_has_the_paths_alone(session, files, paths):
    found = prune(session, Trees(session), tree_of(session, files), paths)

    assert files_of(session, found) == {
        path: content
        for path, content in files.items()
        if any(is_above(one, path) for one in paths)
    }
