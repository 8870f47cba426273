"""Nothing of workspaces is imported until a run is to be recorded."""

import json
import os
import subprocess
import sys

PROGRAM = """
import json, sys
from util_services.plugins import PluginManager
(found,) = [
    one.value for one in PluginManager().named("register_recorders").values()
    if one.name == "workspace"
]
print(json.dumps([found.is_wanted(), list(sys.modules)]))
"""


def test_finding_the_recorder_imports_neither_blake3_nor_what_knows_workspaces():
    environment = {k: v for k, v in os.environ.items() if k != "DATA_SERVICES_WORKSPACE"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment
    )

    is_wanted, modules = json.loads(done.stdout)
    assert not is_wanted
    assert "workspace_core.recording" in modules
    heavy = ("workspace_core.backends", "workspace_core.lineage", "workspace_core.workspace")
    assert not {"blake3", "dagster", "pyarrow", *heavy} & set(modules)
