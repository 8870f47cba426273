"""A folder as storage, and what a deployment that releases trusts and signs with."""

import hashlib
import json
from datetime import timedelta

import yaml

from util_services.approvals import ApprovalRequest, Approver, approve
from util_services.approvals.trust import add_approver
from util_services.keys.key_files import write_key_pair
from util_services.keys.key_pairs import KeyPair
from util_services.releases.envelope import Envelope
from util_services.releases.jobs import RELEASE_JOBS
from util_services.releases.policy import POLICY_TYPE, SIGNATURE_ENDING

TOKEN = "mac1.00a1b2c3.AAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - a pseudonym's form
ROWS = "".join(
    f"{TOKEN}{n % 10},{'mf'[n % 2]},{'EI'[n // 2 % 2]}1{n // 4 % 2}.0,A\n" for n in range(20)
)
CSV = f"person,sex,diagnosis,ward\n{ROWS}"
POLICY = {
    "purpose": "research on stays",
    "released_by": ["bob"],
    "approval": "none",
    "columns": {
        "person": "pseudonym",
        "sex": "quasi_identifier",
        "diagnosis": "sensitive",
        "ward": "insensitive",
    },
    "checks": {"privacy_models": {"k": 5, "l": 2}, "pseudonyms": {}, "personal_data": {}},
}


class Deployment:
    """A folder as storage, and what a deployment trusts and signs with."""

    def __init__(self, folder, instance):
        self.root, self.instance = folder / "root", instance
        self.trust, self.key, self.audit = folder / "trust", folder / "release.key", folder / "log"
        self.ada = KeyPair.generate("approval", "Ada Lovelace")
        self.clinic = KeyPair.generate("release", "Clinic A")
        self.root.mkdir()
        add_approver(self.trust, Approver(self.ada.public, "Ada Lovelace", ("ada",)))
        write_key_pair(self.clinic, self.key, None)
        (self.root / "in.csv").write_text(CSV)
        self.sign(POLICY)

    def sign(self, policy):
        """Write a policy and its signature."""
        content = yaml.safe_dump(policy).encode()
        (self.root / "policy.yaml").write_bytes(content)
        envelope = Envelope.sealed(POLICY_TYPE, content, self.ada)
        (self.root / f"policy.yaml{SIGNATURE_ENDING}").write_bytes(envelope.to_json())

    def approve(self, content=CSV, *, single_use=True, **changed):
        """Write an approval of the release of a content."""
        asked = {
            "job": "release_gate_job",
            "dataset": hashlib.sha256(content.encode()).hexdigest(),
            "purpose": POLICY["purpose"],
            "requester": "bob",
        }
        request = ApprovalRequest(**{**asked, **changed})
        token = approve(request, self.ada, timedelta(hours=1), single_use=single_use)
        (self.root / "approval.token").write_text(token)

    def release(self, out="out.csv", job=RELEASE_JOBS[0], reading=None, writing=None, **gate):
        """Run the job, and return how it went."""
        ops = {
            "read_dataset": {"config": {"path": "in.csv", **(reading or {})}},
            "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob", **gate}},
            "write_dataset": {"config": {"path": out, **(writing or {})}},
        }
        return job.execute_in_process({"ops": ops}, instance=self.instance, raise_on_error=False)

    def refusal(self, **given):
        """Run the job, which must fail, and return the sentence that says why."""
        result = self.release(**given)
        assert not result.success
        failed = [event for event in result.all_events if event.is_step_failure]
        return failed[0].event_specific_data.error.message

    def outputs(self):
        """Return what lies in the storage beside what was put there."""
        given = {"in.csv", "policy.yaml", f"policy.yaml{SIGNATURE_ENDING}", "approval.token"}
        found = {path.name for path in self.root.iterdir() if not path.name.startswith(".")}
        return sorted(found - given)

    def decisions(self):
        """Return what the audit says of releases."""
        return self.records("release")

    def records(self, action):
        """Return what the audit says of work of a kind."""
        lines = (file.read_text().splitlines() for file in sorted(self.audit.glob("*.jsonl")))
        records = [json.loads(line) for found in lines for line in found]
        return [one for one in records if one.get("action") == action]
