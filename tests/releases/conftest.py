"""A deployment that releases."""

import dagster as dg
import pytest
from releasing_deployment import Deployment


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.fixture
def deployment(tmp_path, clean_environment, monkeypatch, instance):
    made = Deployment(tmp_path, instance)
    monkeypatch.setenv("DAGSTER_HOME", instance.root_directory)
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(made.root))
    monkeypatch.setenv("DATA_SERVICES_TRUST", str(made.trust))
    monkeypatch.setenv("DATA_SERVICES_APPROVALS", str(tmp_path / "approvals"))
    monkeypatch.setenv("DATA_SERVICES_RELEASE_KEY", str(made.key))
    monkeypatch.setenv("DATA_SERVICES_RELEASES_DIR", str(tmp_path / "register"))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(made.audit))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    return made
