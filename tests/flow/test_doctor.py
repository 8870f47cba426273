"""What is here, what is absent and how to get it, and what is wrong: looked at, never touched."""

import json
import secrets

import pytest

PACKAGES = {"util-services", "field-pseudonymisation", "workspace-core"}


@pytest.fixture
def doctor(machine):
    """Return a function that asks, and gives the exit status and each status with its reason."""

    def ask(**environment):
        answer = machine.run("doctor", "--json", **{k: str(v) for k, v in environment.items()})
        assert answer.stderr == ""
        found = json.loads(answer.stdout)["found"]
        assert {row["source"] for row in found} == PACKAGES
        return answer.returncode, {row["name"]: (row["status"], row["reason"]) for row in found}

    return ask


def test_what_is_absent_comes_with_its_use_and_its_cure(doctor, machine):
    before = machine.outputs()

    status, found = doctor(PATH="/nowhere")

    assert status == 0
    for name, cure in {
        "s3": "S3_ENDPOINT_URL",
        "keysets": "data-services keys create",
        "release_key": "data-services release key",
        "notifications": "DATA_SERVICES_NOTIFY_",
        "git": "install git",
    }.items():
        assert found[name][0] == "absent"
        assert found[name][1].startswith(("For ", "To "))
        assert cure in found[name][1]
    assert machine.outputs() == before


def test_what_is_here_is_told_with_its_version_or_place(doctor, machine):
    machine.run("keys", "create", "demo", "--purpose", "pseudonymisation")

    status, found = doctor(
        S3_BUCKET="data", S3_ACCESS_KEY="somebody", S3_SECRET_KEY=secrets.token_hex(20)
    )

    assert status == 0
    # That of the audit, where the making was recorded, is the other one.
    assert found["keysets"][0] == "ok"
    assert found["keysets"][1].startswith("2 at the key provider 'file'")
    assert found["s3"] == ("ok", "The bucket 'data' at Amazon.")
    assert {found[name][0] for name in ("python", "avro", "git", "dagster_home")} == {"ok"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [('openjdk version "17.0.15" 2025-04-15', "ok"), ('java version "1.8.0_411"', "wrong")],
)
def test_a_java_that_is_too_old_for_spark_is_wrong(doctor, tmp_path, said, expected):
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)

    status, found = doctor(JAVA_HOME=tmp_path / "jdk")

    assert found["spark"][0] == expected
    assert status == (expected == "wrong")


def test_settings_that_cannot_work_are_named_and_hold_no_secret(doctor, tmp_path):
    shared = tmp_path / "release.key"
    shared.write_text("no key")
    secret = secrets.token_hex(20)

    status, found = doctor(
        S3_ENDPOINT_URL="http://127.0.0.1:1",
        S3_SECRET_KEY=secret,
        DATA_SERVICES_RELEASE_KEY=shared,
        DATA_SERVICES_ROOT=shared,
        DATA_SERVICES_KEY_PROVIDER="nobody",
    )

    wrong = {name for name, (verdict, _) in found.items() if verdict == "wrong"}
    assert status == 1
    assert wrong == {"s3", "release_key", "working_folder", "keysets"}
    assert found["s3"][1].endswith("lack S3_BUCKET and S3_ACCESS_KEY; set them.")
    assert secret not in json.dumps(found)


def test_the_page_for_people_says_the_same(machine):
    answer = machine.run("doctor")

    assert answer.returncode == 0
    lines = answer.stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"ok", "absent"}
    assert any(line.startswith("absent  s3 ") for line in lines)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_a_script_that_completes_commands(machine, shell):
    script = machine.run("completion", shell).stdout

    assert "_DATA_SERVICES_COMPLETE" in script
    words = {"COMP_WORDS": "data-services doc", "COMP_CWORD": "1"}
    if shell == "bash":
        completed = machine.run(_DATA_SERVICES_COMPLETE="bash_complete", **words)
        assert completed.stdout == "plain,doctor\n"
