"""The resource ``s3`` in Dagster, in the guide's form and in today's."""

import secrets

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from util_services.resources import S3StorageResource, s3_resource

FORMS = {
    "guide": s3_resource.configured({"resource_name": "selfS3"}),
    "today": S3StorageResource(resource_name="selfS3"),
}
OTHER_SET = {"resources": {"s3": {"config": {"resource_name": "other"}}}}


class PutConfig(dg.Config):
    bucket: str
    key: str = "made/by-an-op.txt"


@dg.op(required_resource_keys={"s3"})
def put(context: dg.OpExecutionContext, config: PutConfig) -> str:
    context.resources.s3.Object(config.bucket, config.key).put(Body=b"of an op")
    listed = context.resources.s3.client.list_objects_v2(Bucket=config.bucket)
    context.log.info(f"{context.resources.s3} holds {listed['KeyCount']}")
    return context.resources.s3.settings.name


@dg.job
def put_job():
    put()


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def defs(request):
    return dg.Definitions(jobs=[put_job], resources={"s3": request.param})


@pytest.fixture
def secret(monkeypatch, s3_bucket):
    """A secret in the environment, which moto takes for a right one."""
    made = secrets.token_hex(16)
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", made)
    return made


def execute(defs, instance, bucket, **more):
    config = {"ops": {"put": {"config": {"bucket": bucket, **more}}}}
    job = defs.resolve_job_def("put_job")
    return job.execute_in_process(run_config=config, instance=instance, raise_on_error=False)


def test_an_op_of_ones_own_uses_the_bucket(defs, instance, s3_bucket, secret):
    result = execute(defs, instance, s3_bucket)

    assert result.success
    assert result.output_for_node("put") == "selfS3"
    assert secret not in repr(instance.all_logs(result.run_id))


def test_an_op_of_ones_own_does_not_leave_the_allow_list(defs, instance, s3_bucket, secret):
    result = execute(defs, instance, "another-bucket")

    assert not result.success
    error = result.failure_data_for_node("put").error
    assert "The bucket 'another-bucket' is not allowed here" in error.cause.message
    assert secret not in repr(instance.all_logs(result.run_id))


def test_run_config_chooses_no_other_credential_set(defs, instance, s3_bucket, monkeypatch):
    monkeypatch.setenv("OTHER_S3_BUCKET", "bucket-of-somebody-else")
    config = OTHER_SET | {"ops": {"put": {"config": {"bucket": s3_bucket}}}}

    result = defs.resolve_job_def("put_job").execute_in_process(
        run_config=config, instance=instance
    )

    assert result.output_for_node("put") == "selfS3"


@pytest.mark.parametrize("form", [s3_resource, S3StorageResource.configure_at_launch()])
def test_a_resource_that_is_left_open_takes_a_name_and_no_key(form, instance, s3_bucket):
    job = dg.Definitions(jobs=[put_job], resources={"s3": form}).resolve_job_def("put_job")
    ops = {"ops": {"put": {"config": {"bucket": s3_bucket}}}}
    named = {"resources": {"s3": {"config": {"resource_name": "selfS3"}}}}
    keyed = {"resources": {"s3": {"config": {"access_key": "AKIA"}}}}

    assert job.execute_in_process(run_config=ops | named, instance=instance).success
    with pytest.raises(dg.DagsterInvalidConfigError, match="access_key"):
        dg.validate_run_config(job, ops | keyed)


def test_what_dagster_shows_of_a_resource_holds_no_secret(defs, secret):
    shown = RepositorySnap.from_def(defs.get_repository_def())

    text = dg.serialize_value(shown)
    assert '"s3"' in text, "the search looks at what the page of the resource is made of"
    assert secret not in text
    assert secret not in repr(defs.resources)
