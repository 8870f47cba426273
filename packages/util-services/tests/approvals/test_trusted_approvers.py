"""Whom a deployment trusts: the folder, its files, and who may change them."""

import json

import pytest

from util_services.approvals import Approver, Trust
from util_services.approvals.errors import TrustError, UnfitApprovalError
from util_services.approvals.trust import add_approver, revoke_approver
from util_services.keys.key_pairs import KeyPair


def file_of(folder, pair):
    return folder / f"{pair.public.fingerprint}.json"


def test_an_approver_comes_back_from_the_folder(trust_folder, ada):
    approver = Approver(ada.public, "Ada Lovelace", ("ada",), until="2027-01-01T00:00:00Z")

    file = add_approver(trust_folder, approver)

    found = Trust.from_environment().find(ada.public.fingerprint)
    assert file == file_of(trust_folder, ada)
    assert file.stat().st_mode & 0o777 == 0o644
    assert (found.owner, found.aliases, found.until) == (
        "Ada Lovelace", ("ada",), "2027-01-01T00:00:00Z",
    )  # fmt: skip
    assert found.key == ada.public
    assert found.added


def test_a_key_is_registered_once(trust_folder, trust, ada):
    with pytest.raises(UnfitApprovalError) as refused:
        add_approver(trust_folder, Approver(ada.public, "Eve"))

    assert str(refused.value) == (
        f"The key {ada.public.fingerprint} is registered for 'Ada Lovelace' already."
    )


def test_a_person_may_have_several_keys(trust_folder, trust, ada):
    newer = KeyPair.generate("approval", "Ada Lovelace")

    add_approver(trust_folder, Approver(newer.public, "Ada Lovelace"))
    revoke_approver(trust_folder, ada.public.fingerprint)

    states = {
        one.key.fingerprint: one.revoked is None for one in Trust.load(trust_folder).approvers
    }
    assert states == {ada.public.fingerprint: False, newer.public.fingerprint: True}


def test_a_key_is_revoked_once_and_for_all(trust_folder, trust, ada):
    first = revoke_approver(trust_folder, ada.public.fingerprint)

    assert revoke_approver(trust_folder, ada.public.fingerprint) == first
    with pytest.raises(UnfitApprovalError, match="There is no approver with the key 'nobody'"):
        revoke_approver(trust_folder, "nobody")


@pytest.mark.parametrize("owner", ["", " Ada", "A\nB", "a" * 201])
def test_a_name_that_cannot_be_shown_is_refused(trust_folder, ada, owner):
    with pytest.raises(UnfitApprovalError, match="The approver cannot be registered: "):
        add_approver(trust_folder, Approver(ada.public, owner))
    with pytest.raises(UnfitApprovalError, match="The approver cannot be registered: "):
        add_approver(trust_folder, Approver(ada.public, "Ada", (owner,)))
    assert not trust_folder.exists()


def test_a_folder_or_a_file_that_others_can_change_is_trusted_in_nothing(trust_folder, trust, ada):
    file_of(trust_folder, ada).chmod(0o664)
    with pytest.raises(TrustError, match="can be changed by others \\(mode 0664\\)"):
        Trust.from_environment()

    file_of(trust_folder, ada).chmod(0o644)
    trust_folder.chmod(0o777)
    with pytest.raises(TrustError, match="can be changed by others \\(mode 0777\\)"):
        Trust.from_environment()


def test_a_folder_that_is_not_there_is_one_sentence(trust_folder):
    with pytest.raises(TrustError, match="cannot be read \\(No such file or directory\\)"):
        Trust.from_environment()


def test_files_may_be_links_as_an_orchestrator_mounts_them(trust_folder, trust, ada):
    data = trust_folder / "..2026_05_04"
    data.mkdir()
    file = file_of(trust_folder, ada)
    file.rename(data / file.name)
    (trust_folder / "..data").symlink_to(data.name)
    file.symlink_to(f"..data/{file.name}")

    assert Trust.from_environment().find(ada.public.fingerprint) is not None


DAMAGES = {
    "an unknown schema": ({"schema": 2}, "its schema number is 2"),
    "another kind": ({"kind": "data-services/public-key"}, "it calls itself"),
    "a field too many": ({"admin": True}, "an approver has the unknown field 'admin'"),
    "another fingerprint": ({"fingerprint": "x"}, "its fingerprint is that of another key"),
    "an owner of nothing": ({"owner": ""}, "'owner' is empty, or has spaces around it"),
    "aliases that are a text": ({"aliases": "ada"}, "'aliases' is no list"),
    "a time of no form": ({"revoked": "yesterday"}, "'revoked' is no time such as"),
    "a key of no form": ({"key": {}}, "a public key lacks 'created'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_damaged_file_stops_all_trust_in_one_sentence(trust_folder, trust, ada, damage):
    changes, reason = DAMAGES[damage]
    file = file_of(trust_folder, ada)
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    with pytest.raises(TrustError) as stopped:
        Trust.from_environment()

    assert str(stopped.value).startswith(f"'{file}' is no file of an approver: {reason}")
    assert str(stopped.value).endswith("Put it right, or take it away.")


def test_a_file_is_called_after_its_key(trust_folder, trust, ada):
    file = file_of(trust_folder, ada)
    file.rename(trust_folder / "ada.json")

    with pytest.raises(TrustError, match=f"it must be called '{file.name}' after its key"):
        Trust.from_environment()


def test_a_recovery_key_is_no_approver(trust_folder):
    pair = KeyPair.generate("recovery", "Ada")

    with pytest.raises(UnfitApprovalError, match="is for 'recovery' and not for 'approval'"):
        add_approver(trust_folder, Approver(pair.public, "Ada"))
