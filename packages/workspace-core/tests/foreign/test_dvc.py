"""Data of DVC become resources, and resources become data of DVC."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml

from workspace_core import api
from workspace_core.errors import ConfigurationError
from workspace_core.foreign.errors import ForeignFormatError

# What ``dvc add data`` of DVC 3.67.1 has written for data/a.csv ("1\n") and data/sub/b.csv ("2\n").
LIST = (
    b'[{"md5": "b026324c6904b2a9cb4b88d6d61c81d1", "relpath": "a.csv"}, '
    b'{"md5": "26ab0db90d72e28ad0ba1e22ee510510", "relpath": "sub/b.csv"}]'
)
FOLDER = """outs:
- md5: f1178421c1f9e2ff1052caa9866bc1c0.dir
  size: 4
  nfiles: 2
  hash: md5
  path: data
"""
MODEL = """outs:
- md5: 6d7fce9fee471194aa8b5b6e47267f03
  size: 2
  hash: md5
  path: model.bin
"""


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def keep(cache, content, ending=""):
    identity = md5(content) + ending
    place = cache / identity[:2] / identity[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def work(tmp_path):
    api.init(str(tmp_path / "work"), hostname="lab")
    return tmp_path / "work"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text(
        "[core]\n    no_scm = True\n['remote \"x\"']\n    url = /x\n"
    )
    cache = folder / ".dvc/cache/files/md5"
    for content in (b"1\n", b"2\n", b"3\n"):
        keep(cache, content)
    keep(cache, LIST, ".dir")
    (folder / "data.dvc").write_text(FOLDER)
    (folder / "model.bin.dvc").write_text(MODEL)
    return folder


def files(folder):
    """Contents by path, but for the records of a workspace."""
    found = {}
    for above, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one not in (".dataworkspace", ".git")]
        for name in names:
            file = Path(above, name)
            found[os.path.relpath(file, folder)] = file.read_bytes()
    return found


def test_a_folder_of_dvc_becomes_a_resource(work, project):
    added = api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert (added.name, added.role, added.resource_type) == ("data", "source-data", "file")
    assert files(work / "data") == {"a.csv": b"1\n", "sub/b.csv": b"2\n"}
    api.take_snapshot(str(work), "first")
    assert api.verify(str(work)).is_sound


def test_a_file_of_dvc_becomes_a_folder_with_it(work, project):
    added = api.import_dvc(str(project / "model.bin.dvc"), "i", str(work), name="model-of-dvc")

    assert added.name == "model-of-dvc"
    assert files(work / "model") == {"model.bin": b"3\n"}


def test_what_is_beside_the_file_will_do_if_the_cache_lacks_it(work, project):
    (project / ".dvc/cache/files/md5/b0/26324c6904b2a9cb4b88d6d61c81d1").unlink()
    (project / "data").mkdir()
    (project / "data/a.csv").write_text("1\n")

    api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert files(work / "data")["a.csv"] == b"1\n"


def test_a_cache_elsewhere_is_found_by_the_configuration(work, project, tmp_path):
    (project / ".dvc/cache").rename(tmp_path / "shared")
    (project / ".dvc/config.local").write_text("[cache]\n    dir = ../../shared\n")

    api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert len(files(work / "data")) == 2


def test_texts_of_releases_before_3_are_known_by_their_lines(work, project):
    text = b"a\r\nb\r\n" + b"\r" * 10
    identity = md5(text.replace(b"\r\n", b"\n"))
    place = project / ".dvc/cache" / identity[:2] / identity[2:]
    place.parent.mkdir(parents=True)
    place.write_bytes(text)
    (project / "t.txt.dvc").write_text(f"outs:\n- md5: {identity}\n  path: t.txt\n")

    api.import_dvc(str(project / "t.txt.dvc"), "s", str(work))

    assert files(work / "t") == {"t.txt": text}


@pytest.mark.parametrize("damage", [b"X\n", b"", b"1\n\n"])
def test_a_content_that_does_not_fit_its_md5_is_refused(work, project, damage):
    (project / ".dvc/cache/files/md5/26/ab0db90d72e28ad0ba1e22ee510510").write_bytes(damage)
    before = sorted(os.listdir(work))

    with pytest.raises(ForeignFormatError, match="its MD5 is not 26ab0db90d72e28ad0ba1e22ee510510"):
        api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert sorted(os.listdir(work)) == before
    assert api.get_resource_info(str(work)) == []


def listing(project, *entries):
    content = json.dumps(list(entries)).encode()
    keep(project / ".dvc/cache/files/md5", content, ".dir")
    (project / "data.dvc").write_text(FOLDER.replace(md5(LIST), md5(content)))


ONE = md5(b"1\n")


@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ([{"md5": ONE, "relpath": "../x"}], "leads elsewhere"),
        ([{"md5": ONE, "relpath": "/etc/x"}], "leads elsewhere"),
        ([{"md5": ONE, "relpath": "a/./x"}], "leads elsewhere"),
        ([{"md5": ONE, "relpath": ".git/hooks/x"}], "leads elsewhere"),
        ([{"md5": ONE, "relpath": "\ud800"}], "leads elsewhere"),
        ([{"md5": "../../x", "relpath": "x"}], "leads elsewhere"),
        ([{"md5": ONE, "relpath": "x"}, {"md5": ONE, "relpath": "x"}], "names a file twice"),
        ([{"md5": ONE, "relpath": "x"}, {"md5": ONE, "relpath": "x/y"}], "something below it"),
        ([{"relpath": "x"}], "is no list of files"),
        (["x"], "is no list of files"),
        ([{"md5": md5(b"nowhere"), "relpath": "x"}], "'dvc pull'"),
    ],
)
def test_a_hostile_list_of_files_is_refused(work, project, tmp_path, entries, rule):
    listing(project, *entries)
    before = files(tmp_path)

    with pytest.raises(ForeignFormatError, match=rule):
        api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert files(tmp_path) == before
    assert api.get_resource_info(str(work)) == []


def test_a_file_that_is_not_there_is_not_said_to_be_of_another_kind(work, tmp_path):
    with pytest.raises(ForeignFormatError, match="there is no such file"):
        api.import_dvc(str(tmp_path / "nosuch.dvc"), "source-data", str(work))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[", "is no file of DVC"),
        ("x", "is no file of DVC"),
        ("outs: []", "does not have one output"),
        ("outs: [{path: a}]", "names no MD5"),
        ("outs: [{path: a, md5: xyz}]", "names no MD5"),
        (f"outs: [{{path: .., md5: {ONE}}}]", "does not lie beside it"),
        (f"wdir: /etc\nouts: [{{path: a, md5: {ONE}}}]", "does not lie beside it"),
        ("!!python/object/apply:os.system [true]", "is no file of DVC"),
    ],
)
def test_what_is_no_file_of_dvc_is_refused(work, project, text, rule):
    (project / "x.dvc").write_text(text)

    with pytest.raises(ForeignFormatError, match=rule):
        api.import_dvc(str(project / "x.dvc"), "s", str(work))


def test_nothing_is_written_over(work, project):
    (work / "data").mkdir()
    (work / "data/mine").write_text("x")

    with pytest.raises(ConfigurationError, match="There is something at"):
        api.import_dvc(str(project / "data.dvc"), "s", str(work))

    assert files(work / "data") == {"mine": b"x"}


def test_a_snapshot_becomes_a_project_that_dvc_itself_has_written(work, project, tmp_path):
    """The list of files and its MD5 are those of DVC 3.67.1, byte for byte."""
    api.import_dvc(str(project / "data.dvc"), "s", str(work))
    api.take_snapshot(str(work), "first")
    (work / "data/a.csv").write_text("changed since")

    done = api.export_dvc(str(tmp_path / "out"), "first", str(work))

    assert done.resources == {"data": 2}
    assert yaml.safe_load((tmp_path / "out/data.dvc").read_text()) == yaml.safe_load(FOLDER)
    cache = tmp_path / "out/.dvc/cache/files/md5"
    assert files(cache) == {
        os.path.join(name[:2], name[2:]): content
        for name, content in (
            (md5(LIST) + ".dir", LIST),
            (md5(b"1\n"), b"1\n"),
            (md5(b"2\n"), b"2\n"),
        )
    }
    assert sorted(os.listdir(tmp_path / "out")) == [".dvc", "data.dvc"]


def test_what_was_exported_can_be_imported(work, tmp_path):
    data = work / "data"
    (data / "deep/er").mkdir(parents=True)
    for path, content in (("a", b""), ("deep/er/größe", b"\r\n"), ("deep/b", os.urandom(3 << 20))):
        (data / path).write_bytes(content)
    (data / "link").symlink_to("a")
    with open(os.path.join(os.fsencode(data), b"\xff"), "wb") as file:
        file.write(b"x")
    api.add("local-files", "s", str(data), str(work))
    api.take_snapshot(str(work), "first")

    done = api.export_dvc(str(tmp_path / "out"), None, str(work))
    api.init(str(tmp_path / "other"), hostname="lab")
    api.import_dvc(str(tmp_path / "out/data.dvc"), "s", str(tmp_path / "other"))

    assert sorted(done.left["data"]) == [b"link", b"\xff"]
    (data / "link").unlink()
    os.unlink(os.path.join(os.fsencode(data), b"\xff"))
    assert files(tmp_path / "other/data") == files(data)


def test_an_export_writes_over_nothing(work, tmp_path):
    api.take_snapshot(str(work), "first")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("x")

    with pytest.raises(ConfigurationError, match="There is something at"):
        api.export_dvc(str(tmp_path / "out"), "first", str(work))
    with pytest.raises(ConfigurationError, match="keeps no resource 'raw'"):
        api.export_dvc(str(tmp_path / "new"), "first", str(work), only=["raw"])

    assert sorted(os.listdir(tmp_path)) == ["out", "work"]
