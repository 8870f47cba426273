"""The form of an approval: what other libraries make of it, and what nobody may make of it."""

import base64
import json
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.approvals import check
from util_services.approvals import token as tokens
from util_services.approvals.errors import (
    ApprovalRefusedError,
    ForgedApprovalError,
    MalformedApprovalError,
    UntrustedApproverError,
)
from util_services.keys.fields import canonical
from util_services.keys.key_pairs import PublicKey, to_base64url


def part(token, number):
    piece = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))


def forged(token, number, record):
    """Return a token with another part and the signature that it had."""
    parts = token.split(".")
    parts[number] = to_base64url(record if isinstance(record, bytes) else canonical(record))
    return ".".join(parts)


def signed_by(pair, header, claims):
    """Return a token that a key pair has really signed, whatever is in it."""
    signed = ".".join(to_base64url(canonical(record)) for record in (header, claims))
    return f"{signed}.{to_base64url(pair.sign(signed.encode()))}"


def test_an_approval_has_the_documented_form(sign, ada):
    token = sign(single_use=True)

    assert part(token, 0) == {
        "alg": "Ed25519",
        "kid": ada.public.fingerprint,
        "typ": "data-services-approval-1",
    }
    claims = part(token, 1)
    assert len(claims.pop("id")) == 32
    assert claims == {
        "job": "depseudonymise_structured_job",
        "dataset": "sha256:" + "ab" * 32,
        "purpose": "complaint 17",
        "requester": "bob",
        "approver": "Ada Lovelace",
        "columns": ["email", "iban"],
        "rows": None,
        "issued": "2026-05-04T08:00:00Z",
        "expires": "2026-05-04T16:00:00Z",
        "single_use": True,
    }


def test_another_library_reads_and_verifies_an_approval(sign, ada):
    from joserfc import jws
    from joserfc.jwk import OKPKey

    jwk = {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(ada.public.content)}
    token = sign()

    read = jws.deserialize_compact(token, OKPKey.import_key(jwk), algorithms=["Ed25519"])

    assert OKPKey.import_key(jwk).thumbprint() == ada.public.fingerprint
    assert json.loads(read.payload) == part(token, 1)


def test_an_approval_that_another_library_signed_is_accepted(sign, ada, trust, request_, now):
    from joserfc import jws
    from joserfc.jwk import OKPKey

    halves = {"x": ada.public.content, "d": ada._private.reveal()}
    jwk = {"kty": "OKP", "crv": "Ed25519", **{n: to_base64url(c) for n, c in halves.items()}}
    token = sign()
    header, claims = part(token, 0), json.dumps(part(token, 1))

    made = jws.serialize_compact(header, claims, OKPKey.import_key(jwk), algorithms=["Ed25519"])

    assert check(made, request_, trust=trust, now=now).claims.requester == "bob"


def test_the_signature_of_rfc_8037_appendix_a_4_fits():
    signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = (
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    content = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    key = PublicKey("approval", "RFC 8037", "2026-05-04T08:00:00Z", content)

    assert key.verifies(base64.urlsafe_b64decode(signature + "=="), signed.encode())


CHANGES = {
    "id": "0" * 32,
    "job": "depseudonymise_structured_job_s3",
    "dataset": "sha256:" + "cd" * 32,
    "purpose": "curiosity",
    "requester": "eve",
    "approver": "Eve",
    "columns": None,
    "rows": "sha256:" + "ef" * 32,
    "issued": "2026-05-04T08:00:01Z",
    "expires": "2026-05-05T08:00:00Z",
    "single_use": True,
}


@pytest.mark.parametrize("field", CHANGES)
def test_no_field_can_be_changed_after_signing(sign, trust, request_, now, field):
    token = sign()
    claims = part(token, 1)
    assert claims[field] != CHANGES[field]
    assert set(claims) == set(CHANGES)

    changed = forged(token, 1, {**claims, field: CHANGES[field]})

    with pytest.raises(ForgedApprovalError, match="changed or forged; ask for a new one"):
        check(changed, request_, trust=trust, now=now)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_no_character_of_an_approval_can_be_changed_moved_or_dropped(
    sign, trust, request_, now, data
):
    token = sign()
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABYZabyz0189-_.=+/ \n"))
    how = data.draw(st.sampled_from(["change", "drop", "insert"]))
    rest = token[place + 1 :] if how != "insert" else token[place:]
    changed = token[:place] + ("" if how == "drop" else letter) + rest

    if changed.strip() == token:
        return
    with pytest.raises(ApprovalRefusedError):
        check(changed, request_, trust=trust, now=now)


HEADERS = {
    "no algorithm": {"alg": "none"},
    "a MAC under the public key": {"alg": "HS256"},
    "the older name of all Edwards curves": {"alg": "EdDSA"},
    "another type": {"typ": "JWT"},
    "a later version": {"typ": "data-services-approval-2"},
    "a key of its own": {"jwk": {"kty": "OKP"}},
    "a critical extension": {"crit": ["exp"]},
    "a key id that is a path": {"kid": "../../etc/passwd"},
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_other_than_the_one_is_refused_even_when_it_is_signed(
    sign, ada, trust, request_, now, header
):
    token = sign()
    other = part(token, 0) | HEADERS[header]

    with pytest.raises(MalformedApprovalError):
        check(signed_by(ada, other, part(token, 1)), request_, trust=trust, now=now)


def test_an_approval_of_a_later_version_says_which_is_read(sign, ada):
    token = sign()
    later = part(token, 0) | {"typ": "data-services-approval-2"}

    with pytest.raises(MalformedApprovalError) as refused:
        tokens.read(signed_by(ada, later, part(token, 1)))

    assert str(refused.value) == (
        "The approval is refused: it is not of the type 'data-services-approval-1' with 'Ed25519', "
        "which is what this version reads; hand over the whole token as 'approve new' wrote it."
    )


CLAIMS = {
    "a field too many": {"admin": True},
    "no name of a job": {"job": ""},
    "a job on two lines": {"job": "a\nb"},
    "a digest without its algorithm": {"dataset": "ab" * 32},
    "no columns": {"columns": []},
    "columns twice": {"columns": ["a", "a"]},
    "columns out of order": {"columns": ["b", "a"]},
    "a column that is no text": {"columns": [1]},
    "columns that are one text": {"columns": "email"},
    "rows that are no digest": {"rows": "all"},
    "an end before the beginning": {"expires": "2026-05-04T07:59:59Z"},
    "a time without a zone": {"expires": "2026-05-04T16:00:00"},
    "a time that is a number": {"expires": 1_777_000_000},
    "a use that is neither": {"single_use": "no"},
    "a requester with spaces": {"requester": " bob"},
    "an id that is a path": {"id": "../../../../tmp/used/approval/aa"},
}


@pytest.mark.parametrize("claims", CLAIMS)
def test_claims_that_say_what_cannot_be_are_refused_even_when_they_are_signed(
    sign, ada, trust, request_, now, claims
):
    token = sign()
    other = part(token, 1) | CLAIMS[claims]

    with pytest.raises(MalformedApprovalError):
        check(signed_by(ada, part(token, 0), other), request_, trust=trust, now=now)


@pytest.mark.parametrize("field", CHANGES)
def test_claims_of_which_one_is_missing_are_refused_even_when_they_are_signed(sign, ada, field):
    token = sign()
    fewer = {name: value for name, value in part(token, 1).items() if name != field}

    with pytest.raises(MalformedApprovalError, match=f"the token lacks '{field}'"):
        tokens.read(signed_by(ada, part(token, 0), fewer))


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "a" * 100, "[]" * 9, "." * 99_999, "e30.e30.e30"],
)
def test_what_is_no_token_is_one_sentence(text):
    with pytest.raises(MalformedApprovalError) as refused:
        tokens.read(text)

    assert str(refused.value).startswith("The approval is refused: ")
    assert str(refused.value).endswith("hand over the whole token as 'approve new' wrote it.")
    assert refused.value.to_dict()["approval"] is None


def test_a_key_that_stands_twice_in_the_claims_is_refused(sign, ada):
    token = sign()
    text = json.dumps(part(token, 1))[:-1] + ', "requester": "eve"}'
    signed = f"{token.split('.')[0]}.{to_base64url(text.encode())}"

    with pytest.raises(MalformedApprovalError, match="it is no JSON"):
        tokens.read(f"{signed}.{to_base64url(ada.sign(signed.encode()))}")


def test_the_same_signature_in_another_spelling_is_refused(sign):
    token = sign()
    signature = token.rpartition(".")[2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = [
        letter
        for letter in alphabet.replace(signature[-1], "")
        if base64.urlsafe_b64decode(signature[:-1] + letter + "==")
        == base64.urlsafe_b64decode(signature + "==")
    ]

    assert len(same) == 15  # four bits of the last letter mean nothing
    for other in (*(token[:-1] + letter for letter in same), token + "==", token + "\x00"):
        with pytest.raises(MalformedApprovalError):
            tokens.read(other)


def test_a_refusal_survives_the_way_to_another_process(sign, trust, request_):
    for refusal in (MalformedApprovalError(None, "x"), UntrustedApproverError("ab", "cd")):
        copy = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - our own bytes

        assert (str(copy), copy.to_dict()) == (str(refusal), refusal.to_dict())
