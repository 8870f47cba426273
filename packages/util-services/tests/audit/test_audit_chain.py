"""Lines and their MACs, checked with other implementations of HMAC than ours."""

import hashlib
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from hypothesis import given
from hypothesis import strategies as st

from util_services.audit.chain import Link, authentic, sealed
from util_services.audit.errors import AuditError
from util_services.audit.key import AuditKey
from util_services.encryption.secret import Secret
from util_services.keys.leaks import is_shown

SUBKEY = bytes(range(32))
KEY = AuditKey("00a1b2c3", Secret(SUBKEY), Secret(bytes(32)))
CHAIN = "host-0123456789ab-0123456789ab"


def line(sequence=1, previous="", **fields):
    body = {"time": "2026-01-01T00:00:00.000Z", "kind": "work"} | fields
    made, _ = sealed(CHAIN, sequence, previous, body, KEY)
    return made.removesuffix(b"\n")


def other_hmac(key, content):
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(content)
    return made.finalize()


def test_the_mac_is_an_hmac_of_the_bytes_before_it():
    written = line(note="Zoë")

    body, _, mac = written.rpartition(b',"mac":"')

    assert mac == other_hmac(SUBKEY, body + b"}").hex().encode() + b'"}'
    assert json.loads(written)["note"] == "Zoë"


def test_openssl_comes_to_the_same_mac():
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    body, _, mac = line().rpartition(b',"mac":"')

    def digest(key, content):
        command = [program, "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}"]
        shown = subprocess.run(command, input=content, capture_output=True, check=True).stdout
        return bytes.fromhex(shown.decode().rpartition("= ")[2])

    assert digest(SUBKEY, body + b"}").hex().encode() + b'"}' == mac


@given(st.data())
def test_no_byte_of_a_line_can_change_unnoticed(data):
    written = bytearray(line(note="of a kind", number=12))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))

    assert authentic(bytes(written), KEY) is None


@given(st.binary(max_size=300))
def test_bytes_of_somebody_without_the_key_are_no_record(content):
    assert authentic(content, KEY) is None
    body = content + b',"mac":"' + hashlib.sha256(content).hexdigest().encode() + b'"}'
    assert authentic(body, KEY) is None


def test_a_record_of_another_key_is_none():
    other = AuditKey(KEY.id, Secret(bytes(32)), Secret(SUBKEY))
    assert authentic(line(), other) is None
    assert authentic(line(), KEY).link.sequence == 1


def test_a_record_of_a_newer_form_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr("util_services.audit.chain.AUDIT_SCHEMA", 2)
    written = line()
    monkeypatch.undo()

    with pytest.raises(AuditError, match=r"records of form 2, and this version .* knows form 1"):
        authentic(written, KEY)


def test_a_record_that_is_too_long_is_refused():
    with pytest.raises(AuditError, match="too long; 65536 are the most"):
        line(note="x" * 70_000)


def test_a_link_is_one_word_and_comes_back():
    link = Link(CHAIN, 7, "ab" * 32)

    assert Link.parse(str(link)) == link
    assert [Link.parse(text) for text in ("", "a:0:" + "ab" * 32, f"{link} ")] == [None] * 3


def test_the_key_is_shown_nowhere():
    assert not is_shown(Secret(SUBKEY), repr(KEY))
    assert KEY.id in repr(KEY)
