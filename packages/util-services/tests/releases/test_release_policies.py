"""Policies count only as somebody who is trusted has signed them."""

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from util_services.approvals import Trust
from util_services.approvals.trust import revoke_approver
from util_services.keys.key_pairs import KeyPair
from util_services.releases.checks import ReleaseCheck
from util_services.releases.envelope import Envelope
from util_services.releases.errors import ReleasePolicyError
from util_services.releases.policy import POLICY_TYPE, SignedPolicy, sign_policy

POLICY = {
    "purpose": "research on stays",
    "released_by": ["bob"],
    "columns": {"ward": "insensitive", "stay": "quasi_identifier"},
    "checks": {"classes": {"k": 5}},
}


class Classes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    k: int


KNOWN = {"classes": ReleaseCheck("classes", Classes, print, frozenset({"quasi_identifier"}))}


def written(**changed):
    return yaml.safe_dump(POLICY | changed).encode()


@pytest.fixture
def read(trust, ada):
    """Return a function that reads a policy which Ada has signed."""

    def read_signed(content, signature=None):
        if signature is None:
            signature = Envelope.sealed(POLICY_TYPE, content, ada).to_json()
        return SignedPolicy.read("policy.yaml", content, signature, trust, KNOWN)

    return read_signed


def test_a_signed_policy_says_who_signed_it_and_what_is_checked(read):
    found = read(written())

    assert found.signer == "Ada Lovelace"
    assert found.checks == {"classes": Classes(k=5)}
    assert found.policy.approval == "required"
    assert found.policy.valid_days == 365
    assert found.policy.columns_of("quasi_identifier") == ["stay"]


def test_a_policy_that_was_changed_after_it_was_signed_is_refused(read, ada):
    signature = sign_policy("policy.yaml", written(), ada).to_json()

    with pytest.raises(ReleasePolicyError, match="was changed after 'Ada Lovelace' signed it"):
        read(written(checks={"classes": {"k": 2}}), signature)


def test_a_policy_signed_by_a_stranger_is_refused(read):
    stranger = KeyPair.generate("approval", "Ada Lovelace")

    with pytest.raises(ReleasePolicyError, match="Nobody whom this deployment trusts"):
        read(written(), sign_policy("policy.yaml", written(), stranger).to_json())


def test_a_policy_under_a_key_that_is_trusted_no_longer_is_refused(tmp_path, trust, ada):
    revoke_approver(tmp_path / "trust", ada.public.fingerprint)
    signature = sign_policy("policy.yaml", written(), ada).to_json()

    with pytest.raises(ReleasePolicyError, match="not trusted since"):
        SignedPolicy.read(
            "policy.yaml", written(), signature, Trust.load(tmp_path / "trust"), KNOWN
        )


def test_a_signature_with_the_key_of_a_deployment_is_none(read, clinic):
    with pytest.raises(ReleasePolicyError, match="Nobody whom this deployment trusts"):
        read(written(), Envelope.sealed(POLICY_TYPE, written(), clinic).to_json())


def test_a_statement_on_a_release_is_no_signature_of_a_policy(read, ada):
    content = Envelope.sealed("application/vnd.in-toto+json", written(), ada).to_json()

    with pytest.raises(ReleasePolicyError, match="no signature of a release policy"):
        read(written(), content)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"purpos": "x"}, "unknown key 'purpos'. Did you mean 'purpose'"),
        ({"released_by": []}, "released_by"),
        ({"valid_days": 0}, "valid_days: input should be greater than or equal to 1"),
        ({"columns": {"ward": "secret"}}, "columns.ward"),
        ({"checks": {"clases": {}}}, "wants the check 'clases', which no installed package"),
        ({"checks": {"classes": {"k": "many"}}}, "checks.classes.k: must be a whole number"),
        ({"checks": {"classes": {"k": 5, "m": 1}}}, "checks.classes: unknown key 'm'"),
        ({"checks": {}}, "calls the column 'stay' 'quasi_identifier', .* add 'classes'"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_policy_that_cannot_be_checked_is_refused_in_a_sentence(read, changed, sentence):
    with pytest.raises(ReleasePolicyError, match=sentence) as refused:
        read(written(**changed))

    assert "'policy.yaml'" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"a: 1\na: 2\n", b"a: ["])
def test_what_is_no_policy_is_refused(read, content):
    with pytest.raises(ReleasePolicyError, match=r"The release policy 'policy\.yaml'"):
        read(content)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"purpose": "stays\nand more"}, ".purpose: must be words in one line."),
        ({"purpose": "\x1b[2Jstays"}, ".purpose: must be words in one line."),
        ({"purpose": "  "}, ".purpose: must be words in one line."),
        ({"dataset": "a\nb"}, ".dataset: must be words in one line."),
        ({"released_by": []}, ".released_by: names nobody; name one who may ask for a release."),
        ({"released_by": "bob"}, ".released_by: must be a list, such as [NAME]."),
        ({"released_by": ["bob\n"]}, ".released_by.0: must be words in one line."),
        ({"minimum_rows": True}, ".minimum_rows: must be a number."),
        ({"valid_days": "soon"}, ".valid_days: must be a whole number."),
        ({"checks": {"classes": {"k": True}}}, ", checks.classes.k: must be a number."),
    ],
)
def test_a_value_that_no_policy_may_have_is_refused_in_one_sentence(read, values, sentence):
    with pytest.raises(ReleasePolicyError) as refused:
        read(written(**values))

    assert str(refused.value) == f"The release policy 'policy.yaml'{sentence}"


@pytest.mark.parametrize("content", [b"", b"- a", b"words"])
def test_what_is_no_mapping_is_no_policy(read, content):
    with pytest.raises(ReleasePolicyError, match="is no mapping; write 'purpose', 'released_by'"):
        read(content)
