"""A release is checked where it arrives, with nothing but the public key of who made it."""

import hashlib
import json
from pathlib import Path

import pytest

from util_services.errors import StorageError
from util_services.keys.key_pairs import KeyPair
from util_services.releases.envelope import STATEMENT_TYPE, Envelope
from util_services.releases.errors import UnsoundReleaseError
from util_services.releases.policy import POLICY_TYPE
from util_services.releases.statement import Statement, expiry
from util_services.releases.verifying import check_release, statement_file

RELEASED = "2026-05-04T08:00:00Z"
FILES = {"out.csv": b"a,b\n1,2\n", "out.csv.report.json": b"{}", "parts/part-0.parquet": b"PAR1"}


@pytest.fixture
def arrived(tmp_path, clinic, ada):
    """Return a function that lays a release out in a folder and signs it."""

    def lay_out(pair=clinic, subjects=None, **predicate):
        for name, content in FILES.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
        policy = Envelope.sealed(POLICY_TYPE, b"purpose: research", ada)
        statement = Statement(
            digests if subjects is None else subjects,
            {
                "released": RELEASED,
                "expires": expiry(RELEASED, 10),
                "purpose": "research",
                "policy": policy.to_json().decode(),
                "rules": [],
            }
            | predicate,
        )
        envelope = Envelope.sealed(STATEMENT_TYPE, statement.to_json(), pair)
        (tmp_path / "out.csv.release.json").write_bytes(envelope.to_json())
        return tmp_path / "out.csv"

    return lay_out


@pytest.fixture
def check(clinic):
    def checked(path, keys=None, policy_keys=(), now="2026-05-05T00:00:00Z"):
        return check_release(path, [clinic.public] if keys is None else keys, policy_keys, now)

    return checked


def test_a_release_that_arrived_as_it_was_signed_is_sound(arrived, check, clinic):
    found = check(arrived())

    assert found.is_sound
    assert found.faults() == []
    assert found.owner == "Clinic A"
    assert dict(found.files) == dict.fromkeys(FILES, "as signed")
    assert found.to_dict()["statement"]["purpose"] == "research"


def test_the_statement_itself_may_be_named_too(arrived, check):
    path = arrived()

    assert check(statement_file(path)).is_sound


@pytest.mark.parametrize("name", list(FILES))
def test_every_changed_file_is_noticed(arrived, check, name):
    path = arrived()
    changed = path.parent / name
    changed.write_bytes(bytes([changed.read_bytes()[0] ^ 1, *FILES[name][1:]]))

    found = check(path)

    assert not found.is_sound
    assert found.faults() == [f"'{name}' is not what was signed."]


@pytest.mark.parametrize("name", list(FILES))
def test_every_missing_file_is_noticed(arrived, check, name):
    path = arrived()
    (path.parent / name).unlink()

    assert check(path).faults() == [f"'{name}' is missing."]


def test_a_link_is_not_followed_to_the_right_bytes_elsewhere(arrived, check, tmp_path):
    path = arrived()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")

    assert check(path).faults() == ["'out.csv' is missing."]


def test_a_release_expires(arrived, check):
    path = arrived()

    assert check(path, now="2026-05-14T07:59:59Z").is_sound
    assert check(path, now="2026-05-14T08:00:00Z").faults() == [
        "The release expired at 2026-05-14T08:00:00Z."
    ]


def test_a_release_of_a_stranger_is_refused(arrived, check):
    with pytest.raises(UnsoundReleaseError, match="signed with none of the keys given"):
        check(arrived(pair=KeyPair.generate("release", "Clinic A")))


def test_no_part_of_the_statement_can_be_edited(arrived, check):
    path = arrived()
    file = statement_file(path)
    envelope = Envelope.from_json(file.read_bytes(), STATEMENT_TYPE)
    statement = json.loads(envelope.payload)
    statement["predicate"]["expires"] = "2099-01-01T00:00:00Z"
    edited = Envelope(
        STATEMENT_TYPE, json.dumps(statement).encode(), envelope.key, envelope.signature
    )
    file.write_bytes(edited.to_json())

    with pytest.raises(UnsoundReleaseError, match="signed with none of the keys given"):
        check(path)


def test_the_signer_of_the_policy_is_checked_where_their_key_is_given(arrived, check, ada):
    path = arrived()
    stranger = KeyPair.generate("approval", "Ada Lovelace")

    assert check(path).policy_signer is None
    assert check(path, policy_keys=[ada.public]).policy_signer == "Ada Lovelace"
    with pytest.raises(UnsoundReleaseError, match="policy of the release"):
        check(path, policy_keys=[stranger.public])
    with pytest.raises(UnsoundReleaseError, match="policy of the release"):
        check(arrived(policy="none"), policy_keys=[ada.public])


@pytest.mark.parametrize(
    "name", ["../out.csv", "/etc/passwd", "a/../../b", "", "a//b", "a\\b", "a\0b", "./a"]
)
def test_a_statement_never_names_a_file_outside_of_its_folder(arrived, check, name):
    with pytest.raises(UnsoundReleaseError, match="names what cannot be part of a release"):
        check(arrived(subjects={name: "0" * 64}))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1", b"\xff"], ids=["empty", "object", "cut", "no text"]
)
def test_what_is_no_statement_is_refused(arrived, check, content):
    path = arrived()
    statement_file(path).write_bytes(content)

    with pytest.raises(UnsoundReleaseError, match="no signed statement on a release"):
        check(path)


def test_a_signed_text_that_is_no_statement_is_refused(arrived, check, clinic):
    path = arrived()
    for payload in (b"{}", b'{"_type": "x"}', b"[]"):
        envelope = Envelope.sealed(STATEMENT_TYPE, payload, clinic)
        statement_file(path).write_bytes(envelope.to_json())

        with pytest.raises(UnsoundReleaseError, match="no statement on a release"):
            check(path)


@pytest.mark.parametrize("name", ["out.csv.visits.table.parquet", "parts/sub/part-9.parquet"])
def test_a_file_that_would_be_read_as_a_part_and_was_not_signed_makes_it_unsound(
    arrived, check, name
):
    path = arrived()
    if name.startswith("parts"):  # a release of a folder
        statement_file(path).rename(path.with_name("parts.release.json"))
        path = path.with_name("parts")
    assert check(path).is_sound
    stranger = path.parent / name
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"PAR1")
    (stranger.parent / ".hidden").write_bytes(b"")  # which no reader of a folder takes for data

    found = check(path)

    assert not found.is_sound
    assert [one for one, state in found.files.items() if state == "not signed"] == [name]
    assert found.faults() == [f"'{name}' is no part of the release; move it away."]


def test_a_release_of_very_many_parts_is_checked(arrived, check):
    digests = {f"parts/part-{n:05}.parquet": "0" * 64 for n in range(9_000)}

    path = arrived(subjects=digests)

    assert statement_file(path).stat().st_size > 1 << 20
    assert list(check(path).files) == list(digests)


def test_the_folder_of_a_release_may_be_where_its_reader_stands(arrived, check, monkeypatch):
    path = arrived()
    statement_file(path).rename(path.with_name("parts.release.json"))
    monkeypatch.chdir(path.with_name("parts"))

    assert check(Path()).id == check(path.with_name("parts")).id
    with pytest.raises(StorageError, match="'/' is no dataset; name its file or its folder"):
        check(Path("/"))
