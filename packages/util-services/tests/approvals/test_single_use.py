"""Approvals for a single use: one run gets through, whoever asks at once and however often."""

import json
import os
import subprocess
import sys

import pytest

from util_services.approvals import check, require
from util_services.approvals.errors import UsedApprovalError, UsesError
from util_services.approvals.uses import FolderUses, configured_uses
from util_services.errors import ConfigurationError

CLAIM = """
import datetime, sys
from util_services.approvals import ApprovalRequest, require
from util_services.approvals.errors import UsedApprovalError
token, run_id = sys.argv[1:]
request = ApprovalRequest(
    "depseudonymise_structured_job", "ab" * 32, "complaint 17", "bob", ("iban", "email")
)
now = datetime.datetime(2026, 5, 4, 8, tzinfo=datetime.UTC)
try:
    require(token, request, run_id=run_id, now=now)
except UsedApprovalError:
    sys.exit(7)
"""


def through(token, request, run_id, trust, now):
    """Return whether a run gets through."""
    try:
        return require(token, request, run_id=run_id, trust=trust, now=now).use_recorded
    except UsedApprovalError:
        return False


@pytest.fixture
def used(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_APPROVALS", str(tmp_path / "used"))
    return tmp_path / "used"


@pytest.fixture
def used_in_s3(s3_bucket, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_APPROVALS", f"s3://{s3_bucket}/approvals/used")
    monkeypatch.setenv("DATA_SERVICES_APPROVALS_RESOURCE", "selfS3")
    return s3_bucket


@pytest.mark.parametrize("place", ["used", "used_in_s3"])
def test_another_run_is_refused_and_the_same_run_may_come_again(
    sign, trust, request_, now, request, place
):
    request.getfixturevalue(place)
    token, other = sign(single_use=True), sign(single_use=True)

    assert through(token, request_, "run-1", trust, now)
    assert not through(token, request_, "run-2", trust, now)
    assert through(token, request_, "run-1", trust, now)
    assert through(other, request_, "run-2", trust, now)


@pytest.mark.parametrize("place", ["used", "used_in_s3"])
def test_of_eight_runs_that_come_at_once_one_gets_through(
    sign, trust, request_, now, request, place
):
    request.getfixturevalue(place)
    token = sign(single_use=True)

    runs = [
        subprocess.Popen([sys.executable, "-c", CLAIM, token, f"run-{number}"])
        for number in range(8)
    ]

    assert sorted(run.wait(120) for run in runs) == [0, *[7] * 7]


def test_the_second_run_is_told_in_one_sentence(sign, trust, request_, now, used):
    token = sign(single_use=True)
    through(token, request_, "run-1", trust, now)

    with pytest.raises(UsedApprovalError) as refused:
        require(token, request_, run_id="run-2", trust=trust, now=now)

    assert str(refused.value) == (
        f"The approval {refused.value.approval_id} is refused: it is for a single use, and another "
        "run has used it; ask for a new one."
    )


def test_a_use_is_recorded_with_the_run_and_what_was_approved(sign, trust, request_, now, used):
    token = sign(single_use=True)

    through(token, request_, "run-1", trust, now)

    (file,) = used.iterdir()
    record = json.loads(file.read_text())
    assert (record["kind"], record["schema"]) == ("data-services/used-approval", 1)
    assert (record["run_id"], record["claims"]["id"]) == ("run-1", file.stem)


@pytest.mark.parametrize("damage", ["", "{}", "[", "a directory"])
def test_a_record_that_cannot_be_read_lets_nobody_through(sign, trust, request_, now, used, damage):
    token = sign(single_use=True)
    through(token, request_, "run-1", trust, now)
    (file,) = used.iterdir()
    file.unlink()
    if damage == "a directory":
        file.mkdir()
    else:
        file.write_text(damage)
        file.chmod(0o600)

    assert not through(token, request_, "run-1", trust, now)


def test_a_store_that_ignores_conditions_lets_nobody_through(
    sign, trust, request_, now, rclone_bucket, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_APPROVALS", f"s3://{rclone_bucket}")
    monkeypatch.setenv("DATA_SERVICES_APPROVALS_RESOURCE", "selfS3")
    token = sign(single_use=True)

    for _ in range(2):
        with pytest.raises(UsesError, match="ignores conditional writes"):
            require(token, request_, run_id="run-1", trust=trust, now=now)


def test_without_a_place_for_records_there_is_no_single_use(
    sign, trust, request_, now, monkeypatch
):
    assert require(sign(), request_, run_id="run-1", trust=trust, now=now)
    with pytest.raises(UsesError) as stopped:
        require(sign(single_use=True), request_, run_id="run-1", trust=trust, now=now)

    assert str(stopped.value) == (
        "An approval for a single use needs a place where its use is recorded for all runs; set "
        "DATA_SERVICES_APPROVALS to a folder, or to 's3://bucket/prefix'."
    )


def test_a_place_that_cannot_be_used_lets_nobody_through(sign, trust, request_, now, used):
    used.write_text("a file where a folder should be")

    with pytest.raises(UsesError, match="is no folder"):
        require(sign(single_use=True), request_, run_id="run-1", trust=trust, now=now)
    used.unlink()
    used.mkdir()
    used.chmod(0o777)
    with pytest.raises(UsesError, match="can be changed by anybody \\(mode 0777\\)"):
        require(sign(single_use=True), request_, run_id="run-1", trust=trust, now=now)


def test_a_bucket_that_cannot_be_reached_lets_nobody_through(
    sign, trust, request_, now, used_in_s3, monkeypatch
):
    monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SELFS3_S3_ATTEMPTS", "1")

    with pytest.raises(UsesError, match="cannot be reached"):
        require(sign(single_use=True), request_, run_id="run-1", trust=trust, now=now)


def test_a_place_that_is_no_bucket_is_refused(clean_environment, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_APPROVALS", "s3://B!")

    with pytest.raises(ConfigurationError, match="DATA_SERVICES_APPROVALS names no bucket"):
        configured_uses()


def test_a_folder_is_made_for_its_owner_alone(sign, trust, request_, now, tmp_path):
    uses = FolderUses(tmp_path / "deep" / "used")

    require(sign(single_use=True), request_, run_id="run-1", trust=trust, uses=uses, now=now)

    assert (tmp_path / "deep" / "used").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", ["used", "used_in_s3"])
def test_a_check_tells_of_a_use_and_is_none_itself(sign, trust, request_, now, request, place):
    request.getfixturevalue(place)
    token = sign(single_use=True)

    assert check(token, request_, trust=trust, now=now)
    assert check(token, request_, trust=trust, now=now)
    assert through(token, request_, "run-1", trust, now)

    with pytest.raises(UsedApprovalError):
        check(token, request_, trust=trust, now=now)


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o770, 0o2770])
def test_the_accounts_of_a_deployment_may_share_the_folder_through_a_group(
    sign, trust, request_, now, used, mode
):
    used.mkdir()
    used.chmod(mode)
    if os.geteuid() == 0:
        os.chown(used, 12345 if mode & 0o020 else -1, -1)
    token = sign(single_use=True)

    assert through(token, request_, "run-1", trust, now)

    (file,) = used.iterdir()
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_a_stranger_lets_nobody_through(sign, trust, request_, now, used):
    used.mkdir(mode=0o755)
    os.chown(used, 12345, 12345)

    with pytest.raises(UsesError, match="belongs to another user \\(uid 12345\\)"):
        require(sign(single_use=True), request_, run_id="run-1", trust=trust, now=now)
