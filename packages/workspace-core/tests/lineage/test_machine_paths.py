"""Texts lose the paths of the machine, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace_core.lineage.exports.machine_paths import without_machine_paths

CASES = {
    "/usr/bin/python3": "…/python3",
    "raw/a.csv": "raw/a.csv",
    "../up/x": "../up/x",
    "1/2": "1/2",
    "sed s/a/b/": "sed s/a/b/",
    "s3://bucket/key": "s3://bucket/key",
    "see https://x.org/a/b and /etc/passwd": "see https://x.org/a/b and …/passwd",
    "--out=/home/jane/x.csv": "--out=…/x.csv",
    "-I/usr/include": "-I…/include",
    "gcc -I/usr/include x.c": "gcc -I…/include x.c",
    "/home/jane doe/my file": "…/my file",
    "sort /home/jane/a.csv > out/b": "sort …/a.csv > out/b",
    "cat /home/jane\\ doe/x": "cat …/x",
    "'/home/jane doe/x' -y": "'…/x' -y",
    '{"p": "/home/jane/x"}': '{"p": "…/x"}',
    "PATH=/usr/bin:/home/jane/bin": "PATH=…/bin:…/bin",
    "file:///home/jane/x": "…/x",
    "~/x/y": "…/y",
    "~jane/secret/x": "…/x",
    "C:\\Users\\jane\\x.csv": "…/x.csv",
    r"\\server\share\x.csv": "…/x.csv",
    "/": "/",
    "": "",
}


@pytest.mark.parametrize(("text", "told"), CASES.items())
def test_the_last_name_of_a_path_is_told(text, told):
    assert without_machine_paths(text) == told


def test_plain_data_keep_their_shape():
    value = {"a": ["/home/jane/x", 1, None, {"/home/jane/k": True}], "b": 1.5}

    assert without_machine_paths(value) == {"a": ["…/x", 1, None, {"…/k": True}], "b": 1.5}


NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


@given(
    folders=st.lists(NAMES, min_size=1, max_size=4),
    last=NAMES,
    around=st.sampled_from(["{}", "x {} y", "--out={}", "a >{}", "'{}'", '"{}" z', "a,{}", "({})"]),
)
def test_no_folder_of_an_absolute_path_is_ever_told(folders, last, around):
    marked = [f"Q{one}Q" for one in folders]

    found = without_machine_paths(around.format("/" + "/".join([*marked, last])))

    assert not [one for one in marked if one in found]
    assert last in found
