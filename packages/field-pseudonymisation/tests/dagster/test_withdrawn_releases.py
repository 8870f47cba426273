"""Of a release that was withdrawn no originals are brought back, by whichever job."""

import hashlib

import pytest

from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    anonymise_pseudonymise_unstructured_job,
    depseudonymise_structured_job,
    depseudonymise_unstructured_job,
)
from util_services.releases.register import Register
from util_services.releases.registered import MAIN, RegisteredRelease, RegisteredTable

KEYS = {"keyset": "clinic", "domain": "clinic-a"}
ENCRYPT = {"technique": "encrypt"}
JOBS = {
    "structured": (
        anonymise_pseudonymise_structured_job,
        depseudonymise_structured_job,
        {"rules": {"note": ENCRYPT}},
    ),
    "unstructured": (
        anonymise_pseudonymise_unstructured_job,
        depseudonymise_unstructured_job,
        {"columns": ["note"], "entities": {"*": ENCRYPT}},
    ),
}


def release_of(file):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    table = RegisteredTable(
        "out.csv", str(file), "csv", None, ",", sha256, 1, {"note": "sensitive"}
    )
    return RegisteredRelease(
        id="0123456789abcdef",
        statement_sha256="0" * 64,
        dataset=None,
        purpose="complaint 17",
        requester="bob",
        approval=None,
        policy={"sha256": "0" * 64, "signed_by": "Ada Lovelace"},
        source={"path": "in.csv", "sha256": "1" * 64},
        run={"id": "0", "job": "release_gate_job"},
        checks={},
        released="2026-01-01T00:00:00Z",
        expires="2036-01-01T00:00:00Z",
        tables={MAIN: table},
    )


@pytest.mark.parametrize("kind", JOBS)
def test_no_originals_of_a_withdrawn_release_are_brought_back(
    run, root, approval, reason, kind, monkeypatch, tmp_path
):
    monkeypatch.setenv("DATA_SERVICES_RELEASES_DIR", str(tmp_path / "register"))
    there, back, config = JOBS[kind]
    (root / "in.csv").write_text("note\nann@example.org\n")
    assert run(there, "in.csv", "out.csv", **config, **KEYS).success
    register, release = Register(), release_of(root / "out.csv")
    register.announce(release, (), lambda link: link)
    register.confirm(release)
    asked = {"purpose": "complaint 17", "requester": "bob"}

    def brought(target):
        token = approval("out.csv", job=back.name)
        return run(back, "out.csv", target, approval=token, **asked)

    assert brought("before.csv").success
    register.withdraw(release.id, "ada", "consent was withdrawn", lambda link: link)

    refused = brought("after.csv")

    assert not refused.success
    assert "which was withdrawn at" in reason(refused)
    assert not (root / "after.csv").exists()
