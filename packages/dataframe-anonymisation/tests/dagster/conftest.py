import dagster as dg
import pytest


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
    """The storage root of local jobs."""
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    return tmp_path
