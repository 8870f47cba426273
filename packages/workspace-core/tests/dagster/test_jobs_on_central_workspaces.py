"""The jobs on a workspace that lives in a place, which must lie in the storage, too."""

import dagster as dg
import pytest

from workspace_core import api
from workspace_core.jobs import snapshot_workspace_job


@pytest.fixture
def instance(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    for name in ("DAGSTER_HOME", "HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(home / "audit"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.mark.parametrize("where", ["root/central", "elsewhere"])
def test_a_snapshot_is_taken_where_the_place_lies_in_the_storage(
    tmp_path, instance, monkeypatch, where
):
    root = tmp_path / "root"
    (root / "work/raw").mkdir(parents=True)
    (root / "work/raw/a.csv").write_text("1")
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(root))
    api.init(str(root / "work"), hostname="lab", backend="central", at=str(tmp_path / where))
    api.add("local-files", "s", str(root / "work/raw"), str(root / "work"))
    config = {"ops": {"snapshot_workspace": {"config": {"workspace": "work", "tag": "first"}}}}

    done = snapshot_workspace_job.execute_in_process(
        run_config=config, instance=instance, raise_on_error=False
    )

    assert done.success == where.startswith("root")
    taken = [one.tags for one in api.get_snapshot_history(str(root / "work"))]
    assert taken == ([("first",)] if done.success else [])
