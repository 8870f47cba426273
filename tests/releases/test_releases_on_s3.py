"""The twin of the release gate does in a bucket what the gate does in a folder."""

import pytest
from releasing_deployment import POLICY, TOKEN

from util_services.releases.jobs import RELEASE_JOBS
from util_services.releases.places import is_on_this_machine
from util_services.releases.register import Register
from util_services.releases.verifying import check_release
from util_services.storage import S3Settings, S3Storage

PERSONS = [f"{TOKEN[:-1]}{n:02}" for n in range(20)]
MAIN = "person,sex,diagnosis,ward\n" + "".join(
    f"{person},{'mf'[n % 2]},{'EI'[n // 2 % 2]}10.0,A\n" for n, person in enumerate(PERSONS)
)
VISITS = "person,month\n" + "".join(
    f"{person},2024-0{1 + n % 2}\n" for n, person in enumerate(PERSONS)
)
WITH_EARLIER = POLICY | {
    "dataset": "stays",
    "checks": POLICY["checks"] | {"earlier_releases": {"k": 2}},
}
WITH_TABLES = WITH_EARLIER | {
    "checks": WITH_EARLIER["checks"] | {"joined_view": {"k": 5}},
    "tables": {
        "visits": {
            "columns": {"person": "pseudonym", "month": "quasi_identifier"},
            "references": {"person": "person"},
            "checks": {"pseudonyms": {}, "privacy_models": {"k": 5}},
        }
    },
}


class Bucket:
    """A bucket in which a deployment releases."""

    def __init__(self, deployment, name):
        self.deployment, self.name = deployment, name
        self.storage = S3Storage(S3Settings.from_environment("selfS3"))

    def put(self, key, text):
        """Put a text there."""
        self.storage.client.put_object(Bucket=self.name, Key=key, Body=text)

    def sign(self, policy):
        """Put a policy and its signature there."""
        self.deployment.sign(policy)
        for name in ("policy.yaml", "policy.yaml.signature.json"):
            self.put(name, (self.deployment.root / name).read_bytes())

    def release(self, out, path="in.csv", **gate):
        """Run the twin, and return how it went."""
        ops = {
            "read_dataset": {"config": {"path": path}},
            "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob", **gate}},
            "write_dataset": {"config": {"path": out}},
        }
        return RELEASE_JOBS[1].execute_in_process(
            {"ops": ops},
            instance=self.deployment.instance,
            resources={"s3": self.storage},
            raise_on_error=False,
        )

    def refusal(self, *given, **gate):
        """Run the twin, which must fail, and return the sentence that says why."""
        result = self.release(*given, **gate)
        assert not result.success
        failed = [event for event in result.all_events if event.is_step_failure]
        return failed[0].event_specific_data.error.message

    def keys(self, prefix):
        """Return the keys below a prefix."""
        found = self.storage.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def bring(self, prefix, folder):
        """Bring what is below a prefix to a folder."""
        for key in self.keys(prefix):
            body = self.storage.client.get_object(Bucket=self.name, Key=key)["Body"].read()
            (folder / key.removeprefix(prefix)).write_bytes(body)


@pytest.fixture
def bucket(deployment, s3_bucket):
    """A bucket with patients and their visits."""
    made = Bucket(deployment, s3_bucket)
    made.put("in.csv", MAIN)
    made.put("prepared/visits.csv", VISITS)
    return made


TABLES = {"visits": "prepared/visits.csv"}
OUT = [
    "out/a.csv",
    "out/a.csv.release.json",
    "out/a.csv.report.html",
    "out/a.csv.report.json",
    "out/a.csv.visits.table.parquet",
]


def test_several_tables_appear_in_a_bucket_under_one_statement(bucket, tmp_path):
    bucket.sign(WITH_TABLES)

    assert bucket.release("out/a.csv", tables=TABLES).success

    assert bucket.keys("out/") == OUT
    there = tmp_path / "there"
    there.mkdir()
    bucket.bring("out/", there)
    found = check_release(there / "a.csv", [bucket.deployment.clinic.public])
    assert found.is_sound
    assert len(found.files) == 4
    (standing,) = Register().standings()
    assert standing.is_out
    addresses = [table.address for table in standing.release.tables.values()]
    assert addresses == [f"s3://{bucket.name}/out/a.csv{end}" for end in ("", OUT[4][9:])]


def test_tables_in_a_bucket_appear_together_or_not_at_all(bucket, monkeypatch):
    bucket.sign(WITH_TABLES)
    bucket.put("prepared/visits.csv", VISITS + f"{TOKEN},2024-01\n")
    assert "(1 rows have none)" in bucket.refusal("out/a.csv", tables=TABLES)
    bucket.put("prepared/visits.csv", VISITS)
    monkeypatch.setattr(Register, "announce", lambda *_: 1 / 0)

    bucket.refusal("out/a.csv", tables=TABLES)

    assert [key for key in bucket.keys("out/") if ".failed." not in key] == []


def test_earlier_releases_in_a_bucket_are_compared(bucket):
    bucket.sign(WITH_TABLES)
    assert bucket.release("out/a.csv", tables=TABLES).success
    bucket.put("fewer.csv", "".join(MAIN.splitlines(keepends=True)[:-1]))
    bucket.put("prepared/visits.csv", "".join(VISITS.splitlines(keepends=True)[:-1]))

    sentence = bucket.refusal("out/b.csv", "fewer.csv", tables=TABLES)

    (standing,) = Register().standings()
    told = f"together with the release '{standing.release.id}'"
    assert f"{told}: joined classes of 2 persons at least" in sentence
    assert f"{told}, table 'visits': joined classes of 2 persons at least" in sentence
    assert "its bytes can be read" not in sentence


def test_an_earlier_release_that_left_its_place_in_a_bucket_is_known_by_its_digest(bucket):
    bucket.sign(WITH_EARLIER)
    assert bucket.release("out/a.csv").success
    client = bucket.storage.client
    client.copy_object(
        Bucket=bucket.name, Key="moved.csv", CopySource={"Bucket": bucket.name, "Key": "out/a.csv"}
    )
    client.delete_object(Bucket=bucket.name, Key="out/a.csv")
    bucket.put("other.csv", MAIN.replace(",A\n", ",B\n"))

    assert "its bytes can be read" in bucket.refusal("out/b.csv", "other.csv")
    assert bucket.release("out/b.csv", "other.csv", earlier=["moved.csv"]).success


def test_what_a_killed_run_announced_in_a_bucket_is_settled_by_the_next_one(bucket, monkeypatch):
    """Only who can see into the bucket can tell; `release list` says nothing of it until then."""
    bucket.sign(WITH_EARLIER)
    with monkeypatch.context() as patched:
        patched.setattr(Register, "confirm", lambda *_: None)  # as of a run killed before it
        assert bucket.release("out/a.csv").success
    register = Register()
    monkeypatch.setattr("util_services.storage.processes.Process.is_gone", lambda _: True)
    assert [one.is_out for one in register.settle(is_on_this_machine)] == [False]

    assert bucket.release("out/b.csv").success

    assert [one.is_out for one in register.standings()] == [True, True]
