"""What a run may do with an approval, and each reason why not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.approvals import ApprovalRequest, Approver, Trust, approve, check, require
from util_services.approvals import errors as refusals
from util_services.approvals.check import LONGEST, SKEW
from util_services.approvals.records import digest_of_file
from util_services.approvals.token import sign as sign_claims
from util_services.approvals.trust import add_approver, revoke_approver
from util_services.approvals.uses import FolderUses
from util_services.errors import RefusedError
from util_services.keys.key_pairs import KeyPair

COLUMNS = st.sets(st.sampled_from("abcdef"), min_size=1).map(lambda names: tuple(sorted(names)))


def refused(kind, token, request, trust, now):
    """Return the sentence with which a request is refused."""
    with pytest.raises(kind) as caught:
        check(token, request, trust=trust, now=now)
    assert type(caught.value) is kind
    assert isinstance(caught.value, RefusedError)
    shown = caught.value.to_dict()
    assert shown["sentence"] == str(caught.value)
    prefix = f"The approval {shown['approval']} is refused: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_an_approval_that_covers_a_request_is_a_record_for_the_audit(
    sign, trust, request_, ada, now
):
    approval = require(sign(), request_, run_id="run-1", trust=trust, now=now)

    record = approval.to_dict()
    assert record["claims"] == approval.claims.to_dict()
    assert record["claims"]["approver"] == "Ada Lovelace"
    assert record["claims"]["dataset"] == "sha256:" + "ab" * 32
    assert (record["key"], record["checked"]) == (ada.public.fingerprint, "2026-05-04T08:00:00Z")
    assert len(record["token_sha256"]) == 64
    assert record["use_recorded"] is False


OTHERS = {
    "job": (
        refusals.OtherJobError,
        {"job": "k_anonymity_job"},
        "it is for the job 'depseudonymise_structured_job' and not for 'k_anonymity_job'; ask for "
        "one that fits, or correct the run.",
    ),
    "dataset": (
        refusals.OtherDatasetError,
        {"dataset": "cd" * 32},
        "it is for a dataset with the digest sha256:abababababab… and the input has "
        "sha256:cdcdcdcdcdcd…; ask for one for this state of the data.",
    ),
    "purpose": (
        refusals.OtherPurposeError,
        {"purpose": "complaint 18"},
        "it is for the purpose 'complaint 17' and not for 'complaint 18'; ask for one that fits, "
        "or correct the run.",
    ),
    "requester": (
        refusals.OtherRequesterError,
        {"requester": "eve"},
        "it is for the requester 'bob' and not for 'eve'; ask for one that fits, or correct the "
        "run.",
    ),
    "columns": (
        refusals.ColumnScopeError,
        {"columns": ("email", "name", "born")},
        "it does not cover 'born', 'name'; leave them out, or ask for one that does.",
    ),
    "all columns": (
        refusals.ColumnScopeError,
        {"columns": None},
        "it does not cover all columns; leave them out, or ask for one that does.",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_run_that_wants_something_else_is_refused_in_one_sentence(
    sign, trust, request_, now, other
):
    kind, changes, sentence = OTHERS[other]

    assert refused(kind, sign(), replace(request_, **changes), trust, now) == sentence


def test_each_refusal_has_a_word_of_its_own_for_audits():
    kinds = [
        kind
        for kind in vars(refusals).values()
        if isinstance(kind, type)
        and issubclass(kind, refusals.ApprovalRefusedError)
        and kind.__module__ == refusals.__name__
        and not kind.__name__.startswith("_")
    ]

    assert len({kind.reason for kind in kinds}) == len(kinds)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(approved=st.none() | COLUMNS, asked=st.none() | COLUMNS)
def test_columns_are_covered_exactly_if_all_of_them_were_approved(
    sign, trust, request_, now, approved, asked
):
    token = sign(replace(request_, columns=approved))
    covers = approved is None or (asked is not None and set(asked) <= set(approved))

    try:
        check(token, replace(request_, columns=asked), trust=trust, now=now)
    except refusals.ColumnScopeError:
        assert not covers
    else:
        assert covers


def test_rows_are_those_of_the_file_that_was_approved(sign, trust, request_, now, tmp_path):
    rows = tmp_path / "rows.txt"
    rows.write_text("17\n")
    approved = replace(request_, rows=digest_of_file(rows))
    token = sign(approved)
    sentence = (
        "it covers the rows of one file, and the run wants all rows or those of another file; give "
        "that file, or ask for one that fits."
    )

    assert check(token, approved, trust=trust, now=now)
    for rows_asked in (None, "sha256:" + "00" * 32):
        other = replace(request_, rows=rows_asked)
        assert refused(refusals.RowScopeError, token, other, trust, now) == sentence
    assert check(sign(), approved, trust=trust, now=now)  # fewer rows than approved


def test_an_approval_lasts_from_its_signing_to_its_end_and_a_minute_around(
    sign, trust, request_, now
):
    token, end = sign(), now + timedelta(hours=8)

    for moment in (now - SKEW, now, end, end + SKEW):
        assert check(token, request_, trust=trust, now=moment)
    late = end + SKEW + timedelta(seconds=1)
    assert refused(refusals.ExpiredApprovalError, token, request_, trust, late) == (
        "it expired at 2026-05-04T16:00:00Z; ask for a new one."
    )
    early = now - SKEW - timedelta(seconds=1)
    assert refused(refusals.EarlyApprovalError, token, request_, trust, early) == (
        "it was signed at 2026-05-04T08:00:00Z, which is still to come; compare the clocks."
    )


def test_an_approval_that_would_last_too_long_is_neither_signed_nor_accepted(
    sign, ada, trust, request_, now
):
    for length in (LONGEST + timedelta(seconds=1), timedelta(0), -timedelta(hours=1)):
        with pytest.raises(refusals.UnfitApprovalError, match="lasts for 90 days at most"):
            sign(valid_for=length)

    claims = check(sign(), request_, trust=trust, now=now).claims
    by_hand = sign_claims(replace(claims, expires="2026-08-02T08:00:01Z"), ada)

    assert refused(refusals.LifetimeError, by_hand, request_, trust, now) == (
        "it would last for more than 90 days; ask for a shorter one."
    )


def test_the_key_of_a_stranger_approves_nothing(sign, trust, request_, now):
    stranger = KeyPair.generate("approval", "Ada Lovelace")  # the right name is not enough

    sentence = refused(refusals.UntrustedApproverError, sign(pair=stranger), request_, trust, now)

    assert sentence == (
        f"it names the key '{stranger.public.fingerprint}', which is none of an approver of this "
        "deployment; have the key registered with 'data-services approve trust add'."
    )


def test_a_stranger_cannot_sign_under_the_name_of_a_trusted_key(sign, trust, request_, now, ada):
    stranger = KeyPair(ada.public, KeyPair.generate("approval", "Eve")._private)

    sentence = refused(refusals.ForgedApprovalError, sign(pair=stranger), request_, trust, now)

    assert sentence == (
        "its signature does not fit, so it was changed or forged; ask for a new one."
    )


def test_a_key_that_is_revoked_or_past_its_time_approves_nothing_not_even_before(
    trust_folder, sign, trust, request_, now, ada
):
    token = sign()
    ended = Trust([Approver(ada.public, "Ada Lovelace", until="2026-05-04T07:00:00Z")])
    sentence = (
        "the key of 'Ada Lovelace' that signed it is not trusted since 2026-05-04T07:00:00Z; ask "
        "an approver with a valid key."
    )
    assert refused(refusals.RevokedApproverError, token, request_, ended, now) == sentence

    revoke_approver(trust_folder, ada.public.fingerprint)

    refused(refusals.RevokedApproverError, token, request_, Trust.load(trust_folder), now)


def test_the_deployment_says_whose_a_key_is_and_not_the_token(sign, request_, now, ada):
    trust = Trust([Approver(ada.public, "Ada King")])

    sentence = refused(refusals.OtherApproverError, sign(), request_, trust, now)

    assert sentence == (
        "it names 'Ada Lovelace' as the approver, and its key belongs to 'Ada King'; ask for one "
        "with the right name."
    )


@pytest.mark.parametrize(
    "name", ["Ada Lovelace", "ada lovelace", "ADA", "A. LOVELACE", "\uff21da", "ada  lovelace"]
)
def test_nobody_approves_a_request_of_their_own_under_any_of_their_names(
    sign, trust, request_, now, ada, name
):
    claims = check(sign(), request_, trust=trust, now=now).claims
    token = sign_claims(replace(claims, requester=name), ada)

    sentence = refused(
        refusals.SelfApprovalError, token, replace(request_, requester=name), trust, now
    )

    assert sentence == ("'Ada Lovelace' would approve a request of their own; ask a second person.")


def test_a_name_that_was_given_with_another_key_of_a_person_counts_too(sign, request_, now, ada):
    older = KeyPair.generate("approval", "Ada Lovelace")
    trust = Trust([
        Approver(ada.public, "Ada Lovelace"), Approver(older.public, "ada lovelace", ("countess",))
    ])  # fmt: skip
    own = replace(request_, requester="Countess")

    refused(refusals.SelfApprovalError, sign(own), own, trust, now)
    assert check(sign(), request_, trust=trust, now=now)


def test_an_approval_of_ones_own_request_is_not_even_signed(ada, request_):
    own = replace(request_, requester="ADA  lovelace")

    with pytest.raises(refusals.UnfitApprovalError, match="a request of their own"):
        approve(own, ada, timedelta(hours=1))


def test_before_the_data_are_read_all_but_their_digest_is_checked(sign, trust, request_, now):
    not_yet_known = replace(request_, dataset=None)

    assert check(sign(), not_yet_known, trust=trust, now=now)
    other = replace(not_yet_known, purpose="curiosity")
    refused(refusals.OtherPurposeError, sign(), other, trust, now)
    with pytest.raises(TypeError, match="with the digest of its input alone"):
        require(sign(), not_yet_known, run_id="run-1", trust=trust, now=now)
    with pytest.raises(TypeError, match="is for one dataset"):
        sign(not_yet_known)


def test_the_environment_says_whom_to_trust(sign, trust, request_, now, monkeypatch):
    assert check(sign(), request_, now=now)

    monkeypatch.delenv("DATA_SERVICES_TRUST")
    with pytest.raises(refusals.TrustError) as stopped:
        check(sign(), request_, now=now)
    assert str(stopped.value) == (
        "Nobody is trusted to approve anything here; set DATA_SERVICES_TRUST to the folder with "
        "the approvers of this deployment."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "abc"},
        {"dataset": "md5:" + "ab" * 16},
        {"job": ""},
        {"purpose": "a\nb"},
        {"requester": "bob "},
        {"columns": ()},
        {"columns": ("x" * 1001,)},
        {"rows": "rows.txt"},
    ],
)
def test_a_request_that_could_never_be_approved_is_one_sentence(request_, changes):
    with pytest.raises(refusals.UnfitApprovalError, match="This cannot be approved: "):
        replace(request_, **changes)


def test_columns_with_odd_names_are_approved_and_shown_on_one_line(sign, trust, request_, now):
    odd = ("a\nb", "c\x1b[31m", "\ud800", "é", " ")
    wanted = replace(request_, columns=odd)

    assert check(sign(wanted), wanted, trust=trust, now=now).claims.columns == tuple(sorted(odd))
    more = replace(request_, columns=(*odd, "d\x1be"))
    sentence = refused(refusals.ColumnScopeError, sign(wanted), more, trust, now)
    assert sentence == r"it does not cover 'd\x1be'; leave them out, or ask for one that does."


def test_digests_are_taken_with_and_without_their_algorithm(request_):
    assert replace(request_, dataset="sha256:" + "ab" * 32) == request_


def test_an_approver_is_found_by_key_among_many(tmp_path, ada, sign, request_, now):
    others = [KeyPair.generate("approval", f"Approver {n}") for n in range(3)]
    for pair in (*others, ada):
        add_approver(tmp_path / "trust", Approver(pair.public, pair.public.owner))

    trust = Trust.load(tmp_path / "trust")

    for pair in (*others, ada):
        approval = check(sign(pair=pair), request_, trust=trust, now=now)
        assert approval.claims.approver == pair.public.owner
    assert [one.owner for one in trust.approvers][:2] == ["Ada Lovelace", "Approver 0"]


def test_the_use_of_an_approval_is_recorded_if_one_asks_for_it(
    sign, trust, request_, now, tmp_path
):
    uses = FolderUses(tmp_path / "used")
    token = sign()

    assert require(token, request_, run_id="1", trust=trust, uses=uses, now=now)
    assert not (tmp_path / "used").exists()
    used = require(token, request_, run_id="1", single_use=True, trust=trust, uses=uses, now=now)

    assert used.use_recorded
    with pytest.raises(refusals.UsedApprovalError):
        require(token, request_, run_id="2", single_use=True, trust=trust, uses=uses, now=now)


def test_what_is_asked_for_is_a_frozen_record():
    request = ApprovalRequest("job", "ab" * 32, "p", "bob", ("b", "a", "b"))

    assert request.columns == ("a", "b")
    with pytest.raises(AttributeError):
        request.job = "other"
