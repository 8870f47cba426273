import os
from datetime import timedelta

import dagster as dg
import pytest

from field_pseudonymisation.reidentification import KEYS_RESOURCE, reidentification_keys_resource
from util_services.approvals import ApprovalRequest, Approver, approve
from util_services.approvals.trust import add_approver
from util_services.audit.writer import writer
from util_services.keys import Keyset
from util_services.keys.key_pairs import KeyPair
from util_services.keys.providers.choice import key_provider


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance of its own for a module; ephemeral ones write below HOME (DG-39, DG-43)."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        environment.setenv("HOME", str(home))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The storage root of local jobs, with keys, vaults, audit and trust of its own beside it."""
    for name in ("ROOT", "KEYS", "VAULTS", "AUDIT_DIR", "TRUST", "APPROVALS"):
        folder = tmp_path / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(folder))
    key_provider().create(Keyset.generate("clinic"))
    yield tmp_path / "root"
    writer().close()


@pytest.fixture
def run(instance, root):
    """Run a job with the config of its operation; a twin gets what its host provides."""

    def execute(job, source, target, resources=None, **config):
        name = job.name.removesuffix("_s3").removesuffix("_job")
        ops = {
            name: {"config": config},
            "read_dataset": {"config": {"path": source}},
            job.nodes_in_topological_order[-1].name: {"config": {"path": target}},
        }
        if resources:
            definitions = dg.Definitions(
                jobs=[job],
                resources={KEYS_RESOURCE: reidentification_keys_resource, **resources},
            )
            job = definitions.resolve_job_def(job.name)
        return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)

    return execute


@pytest.fixture
def reason():
    """Return the sentence of the step that failed."""

    def sentence(result):
        (failed,) = (event for event in result.all_events if event.is_step_failure)
        return failed.step_failure_data.user_failure_data.description

    return sentence


@pytest.fixture
def ada(root):
    """An approver whom the deployment trusts."""
    pair = KeyPair.generate("approval", "Ada Lovelace")
    add_approver(root.parent / "trust", Approver(pair.public, "Ada Lovelace"))
    return pair


@pytest.fixture
def approval(ada, root):
    """Write an approval for a dataset into the storage."""

    def sign(dataset, job="depseudonymise_structured_job", columns=None, rows=None):
        from util_services.approvals.records import digest_of_file

        request = ApprovalRequest(
            job=job,
            dataset=digest_of_file(root / dataset),
            purpose="complaint 17",
            requester="bob",
            columns=columns,
            rows=None if rows is None else digest_of_file(root / rows),
        )
        (root / "approval.token").write_text(approve(request, ada, timedelta(hours=1)))
        return "approval.token"

    assert os.environ["DATA_SERVICES_TRUST"]
    return sign
