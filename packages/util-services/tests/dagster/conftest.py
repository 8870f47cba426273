import os

import dagster as dg
import pytest


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory):
    """A home of its own: ephemeral instances otherwise write below HOME, with telemetry on."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        environment.setenv("HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def instance(dagster_home):
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        yield instance


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("DATA_SERVICES_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", str(tmp_path / "sensors.sqlite"))
