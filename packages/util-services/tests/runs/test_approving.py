"""What the audit says of approvals that runs hand over."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from util_services.approvals import Approver, approve
from util_services.approvals.records import ApprovalRequest
from util_services.approvals.trust import add_approver
from util_services.audit.writer import writer
from util_services.keys.key_pairs import KeyPair
from util_services.runs.approving import require_in_run

REQUEST = ApprovalRequest(
    job="reidentify_job", dataset="ab" * 32, purpose="complaint 17", requester="bob"
)


@pytest.fixture
def ada(tmp_path, clean_environment, monkeypatch):
    """An approver whom the deployment trusts."""
    for name in ("AUDIT_DIR", "TRUST", "APPROVALS", "ROOT"):
        (tmp_path / name.lower()).mkdir(mode=0o700)
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(tmp_path / name.lower()))
    pair = KeyPair.generate("approval", "Ada Lovelace")
    add_approver(tmp_path / "trust", Approver(pair.public, "Ada Lovelace"))
    yield pair
    writer().close()


@pytest.fixture
def told(tmp_path):
    """Return a function that returns the records on approvals."""

    def read():
        (chain,) = (tmp_path / "audit_dir").glob("*.jsonl")
        lines = map(json.loads, chain.read_text().splitlines())
        return [line for line in lines if line.get("action") == "approval"]

    return read


def run_with(token, request=REQUEST):
    @dg.op
    def reidentify(context: dg.OpExecutionContext):
        require_in_run(context, token, request, single_use=True)

    @dg.job
    def reidentify_job():
        reidentify()

    return reidentify_job.execute_in_process(raise_on_error=False)


def sign(pair, request=REQUEST):
    return approve(request, pair, timedelta(hours=1), now=datetime.now(UTC))


def test_an_approval_is_recorded_with_who_gave_it(ada, told):
    token = sign(ada)

    done = run_with(token)

    assert done.success
    (record,) = told()
    assert (record["outcome"], record["requester"], record["purpose"]) == (
        "success",
        "bob",
        "complaint 17",
    )
    assert record["run_id"] == done.run_id
    assert record["facts"]["approver"] == "Ada Lovelace"
    assert record["facts"]["key"] == ada.public.fingerprint
    assert record["facts"]["use_recorded"] is True
    assert record["facts"]["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
    assert len(record["approval"]) == 32
    assert token not in json.dumps(record)


def test_a_refusal_is_recorded_with_its_reason_and_ends_the_run(ada, told):
    token = sign(ada, ApprovalRequest("other_job", "ab" * 32, "complaint 17", "bob"))

    done = run_with(token)

    assert not done.success
    (record,) = told()
    assert (record["outcome"], record["facts"]) == ("refused", {"reason": "job"})


def test_a_second_run_with_the_same_approval_is_refused_on_record(ada, told):
    token = sign(ada)

    outcomes = [run_with(token).success, run_with(token).success]

    assert outcomes == [True, False]
    assert [record["outcome"] for record in told()] == ["success", "refused"]
    assert told()[-1]["facts"] == {"reason": "used"}
