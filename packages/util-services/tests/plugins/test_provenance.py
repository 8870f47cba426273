import json
import subprocess

import pytest

from util_services.plugins.provenance import commit_of


@pytest.fixture
def record_origin(tmp_path, monkeypatch):
    """Return a function that installs a distribution with a record of where it came from."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("DATA_SERVICES_COMMIT", raising=False)
    commit_of.cache_clear()

    def record(name, origin):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
        if origin:
            (info / "direct_url.json").write_text(json.dumps(origin))

    yield record
    commit_of.cache_clear()


def editable(folder):
    return {"url": folder.as_uri(), "dir_info": {"editable": True}}


def test_what_was_installed_from_a_repository_has_the_commit_of_its_record(
    record_origin, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_COMMIT", "image")
    record_origin("dist", {"url": "https://git.example/r", "vcs_info": {"commit_id": "abc"}})

    assert commit_of("dist") == "abc"


def test_an_editable_install_has_the_commit_of_its_checkout(record_origin, tmp_path):
    checkout = tmp_path / "a checkout"
    git = ["git", "-C", checkout, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", checkout], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    record_origin("dist", editable(checkout))

    assert commit_of("dist") == head.stdout.strip()


def test_the_commit_of_the_build_wins_for_what_was_built_from_local_files(
    record_origin, monkeypatch, tmp_path
):
    monkeypatch.setenv("DATA_SERVICES_COMMIT", "image")
    record_origin("dist", {"url": tmp_path.as_uri(), "dir_info": {}})

    assert commit_of("dist") == "image"


@pytest.mark.parametrize(
    "origin", [None, {"url": "file:///nowhere", "dir_info": {"editable": True}}]
)
def test_what_nobody_recorded_is_unknown(record_origin, origin):
    record_origin("dist", origin)

    assert commit_of("dist") is None


def test_the_commit_of_the_build_is_not_claimed_for_a_package_from_an_index(
    record_origin, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_COMMIT", "image")
    record_origin("dist", None)

    assert commit_of("dist") is None
