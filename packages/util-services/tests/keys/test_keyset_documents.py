"""The file format of keysets, which users and other programs rely on."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.encryption.secret import Secret
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.document import Document, Wrapped
from util_services.keys.errors import BrokenRecordError, DamagedKeysetError
from util_services.keys.keyset import check_of
from util_services.storage.private import write_whole

NOW = "2026-05-04T08:00:00Z"


def document_of(material, **changes):
    """A keyset as docs/keys.md describes its file."""
    content = base64.b64encode(material.reveal()).decode()
    return {
        "kind": "data-services/keyset",
        "schema": 1,
        "name": "demo",
        "purpose": "pseudonymisation",
        "created": NOW,
        "revision": 1,
        "keys": [
            {
                "id": "00a1b2c3",
                "state": "primary",
                "created": NOW,
                "changed": NOW,
                "check": check_of(material),
            }
        ],
        "history": [{"at": NOW, "action": "created", "key": "00a1b2c3", "by": "ada", "reason": ""}],
        "materials": {"00a1b2c3": {"wrapping": "plain", "content": content}},
    } | changes


@pytest.fixture
def put(files):
    """Return a function that puts the text of a file where the keyset ``demo`` is looked for."""
    files.create(Keyset.generate("other"))

    def write(text):
        write_whole(files.folder / "demo.json", Secret(text.encode()), replace=True)

    return write


def test_a_file_of_the_documented_form_is_a_keyset(put):
    material = Secret.random(32)

    put(json.dumps(document_of(material)))

    keyset = Keyset.load("demo")
    assert keyset.materials == {"00a1b2c3": material}
    assert keyset.primary.id == "00a1b2c3"


def test_files_are_sorted_and_indented_and_end_in_a_newline(files):
    files.create(Keyset.generate("demo"))

    text = (files.folder / "demo.json").read_text()

    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"


DAMAGES = {
    "an unknown schema number": (
        {"schema": 2},
        "its schema number is 2, and this release of util-services reads 1; install the one "
        "that wrote it",
    ),
    "no schema number": (
        {"schema": None},
        "its schema number is none, and this release of util-services reads 1; install the one "
        "that wrote it",
    ),
    "another kind": (
        {"kind": "data-services/keyset-backup"},
        "it calls itself 'data-services/keyset-backup' and should be 'data-services/keyset'",
    ),
    "a field too many": ({"more": 1}, "a keyset has the unknown field 'more'"),
    "another name": ({"name": "demo-two"}, "its name is 'demo-two'"),
    "no material": (
        {"materials": {}},
        "'materials' does not hold each key that is not destroyed",
    ),
    "material of another key": (
        {"materials": {"ffffffff": {"wrapping": "plain", "content": "AAAA"}}},
        "'materials' does not hold each key that is not destroyed",
    ),
    "no Base64": (
        {"materials": {"00a1b2c3": {"wrapping": "plain", "content": "?"}}},
        "the 'content' of a material is no Base64",
    ),
    "a key of zeros": (
        {"materials": {"00a1b2c3": {"wrapping": "plain", "content": "A" * 43 + "="}}},
        "the key '00a1b2c3' is no random one",
    ),
    "a short key": (
        {"materials": {"00a1b2c3": {"wrapping": "plain", "content": "AAAA"}}},
        "the key '00a1b2c3' does not have 32 bytes",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_as_it_must_be_is_one_sentence(put, files, damage):
    changes, reason = DAMAGES[damage]
    put(json.dumps(document_of(Secret.random(32), **changes)))

    with pytest.raises(DamagedKeysetError) as refused:
        Keyset.load("demo")

    assert str(refused.value) == (
        f"The keyset 'demo' in '{files.folder}' cannot be used: {reason}. Put it right, or restore "
        "it from a backup with 'data-services keys restore'."
    )


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"\xff"', b'{"a": NaN}', b"[" * 99_999]
)
def test_what_is_no_json_object_is_one_sentence(files, content):
    files.create(Keyset.generate("demo"))
    write_whole(files.folder / "demo.json", Secret(content), replace=True)

    with pytest.raises(DamagedKeysetError, match="it is no JSON"):
        Keyset.load("demo")


def test_a_key_that_stands_twice_in_json_is_refused(put):
    text = json.dumps(document_of(Secret.random(32)))

    put(text.replace('"schema": 1', '"schema": 1, "schema": 1'))

    with pytest.raises(DamagedKeysetError, match="it is no JSON"):
        Keyset.load("demo")


def test_two_keys_of_the_same_material_are_refused():
    keyset = Keyset.generate("demo").changed(KeysetInfo.rotated)
    same = Wrapped("plain", Secret.random(32))

    content = Document(keyset.info, dict.fromkeys(keyset.materials, same)).to_bytes()

    with pytest.raises(BrokenRecordError, match="two of its keys are the same"):
        Document.from_bytes(content)


def keyset_in(text):
    document = Document.from_bytes(Secret(text.encode()))
    return Keyset(document.info, {i: held.content for i, held in document.materials.items()})


@given(st.data())
def test_a_file_of_which_anything_is_lost_or_of_another_type_is_never_a_keyset(data):
    document = json.loads(json.dumps(document_of(Secret.random(32))))
    place = document
    while True:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(st.sampled_from([None, 0, True, [], {}, "\n"]))

    with pytest.raises(BrokenRecordError):
        keyset_in(json.dumps(document))
