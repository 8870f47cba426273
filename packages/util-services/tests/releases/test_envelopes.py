"""Signed envelopes, against the protocol's own example and its reference implementation."""

import base64
import json

import pytest
from securesystemslib.dsse import Envelope as ReferenceEnvelope
from securesystemslib.signer import SSlibKey

from util_services.keys.key_pairs import KeyPair
from util_services.releases.envelope import Envelope, pre_authentication_encoding
from util_services.releases.errors import EnvelopeError

TYPE = "application/vnd.example+json"


def test_what_is_signed_is_what_the_protocol_says():
    # https://github.com/secure-systems-lab/dsse, protocol.md, "Test Vectors"
    found = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")

    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_reference_implementation_reads_and_verifies_an_envelope(clinic):
    envelope = Envelope.sealed(TYPE, b'{"a": 1}', clinic)
    record = json.loads(envelope.to_json())
    fingerprint = clinic.public.fingerprint
    key = SSlibKey(fingerprint, "ed25519", "ed25519", {"public": clinic.public.content.hex()})

    read = ReferenceEnvelope.from_dict(record)

    assert read.payload == b'{"a": 1}'
    assert read.verify([key], 1).keys() == {fingerprint}


def test_an_envelope_comes_back_from_its_file(clinic):
    envelope = Envelope.sealed(TYPE, b"content", clinic)

    assert Envelope.from_json(envelope.to_json(), TYPE) == envelope
    assert envelope.is_signed_by(clinic.public)


@pytest.mark.parametrize("changed", ["payload", "type", "signature", "key"])
def test_a_changed_envelope_is_signed_by_nobody(clinic, changed):
    other = KeyPair.generate("release", "Clinic A")
    envelope = Envelope.sealed(TYPE, b"content", clinic)
    flipped = bytes([envelope.signature[0] ^ 1, *envelope.signature[1:]])
    forged = {
        "payload": Envelope(TYPE, b"contents", envelope.key, envelope.signature),
        "type": Envelope(TYPE + "x", b"content", envelope.key, envelope.signature),
        "signature": Envelope(TYPE, b"content", envelope.key, flipped),
        "key": Envelope(TYPE, b"content", other.public.fingerprint, envelope.signature),
    }[changed]

    assert not forged.is_signed_by(clinic.public)
    assert not forged.is_signed_by(other.public)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"payloadType": "application/vnd.example+json", "payload": "", "signatures": []}',
        b'{"payloadType": "application/vnd.example+json", "payload": "?", "signatures": '
        b'[{"keyid": "a", "sig": ""}]}',
        json.dumps(
            {
                "payloadType": TYPE,
                "payload": base64.b64encode(b"a").decode(),
                "signatures": [{"keyid": "a", "sig": ""}, {"keyid": "b", "sig": ""}],
            }
        ).encode(),
    ],
    ids=["empty", "no text", "list", "deep", "unsigned", "no base64", "two signatures"],
)
def test_what_is_no_envelope_is_refused(content):
    with pytest.raises(EnvelopeError, match="no envelope"):
        Envelope.from_json(content, TYPE)


def test_an_envelope_of_another_type_is_refused(clinic):
    content = Envelope.sealed(TYPE, b"content", clinic).to_json()

    with pytest.raises(EnvelopeError, match="of the type 'other'"):
        Envelope.from_json(content, "other")
