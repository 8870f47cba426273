"""The pages for those who look inside say what stands: rooms, and the numbers of formats."""

import re

import pytest

from data_processing.steps.states import STATE_SCHEMA
from field_pseudonymisation.recipe import SCHEMA as RECIPE
from util_services.approvals.trust import SCHEMA as TRUST
from util_services.audit.chain import AUDIT_SCHEMA
from util_services.datasets.manifest import MANIFEST_SCHEMA
from util_services.flow.quarantine import QUARANTINE_SCHEMA
from util_services.keys.backup import SCHEMA as BACKUP
from util_services.keys.document import SCHEMA as KEYSET
from util_services.plugins.markers import CONTRACT_VERSION
from util_services.reports.record import REPORT_SCHEMA
from workspace_core.lineage.model import SCHEMA as LINEAGE
from workspace_core.snapshots.metadata import SCHEMA as SNAPSHOT
from workspace_core.store.store import SCHEMA as STORE

FORMATS = {
    "plugin contract": CONTRACT_VERSION,
    "reports of runs": REPORT_SCHEMA,
    "manifests of part files": MANIFEST_SCHEMA,
    "files of quarantine": QUARANTINE_SCHEMA,
    "audit": AUDIT_SCHEMA,
    "keysets": KEYSET,
    "backups of keysets": BACKUP,
    "trusted approvers": TRUST,
    "recipes of pseudonymised datasets": RECIPE,
    "states of steps": STATE_SCHEMA,
    "store of workspaces": STORE,
    "snapshots": SNAPSHOT,
    "lineage of files": LINEAGE,
}


def test_the_numbers_of_formats_are_those_of_the_code(workspace):
    page = (workspace / "docs/stability.md").read_text()

    rows = re.findall(r"^\| ([^|]+) \| (\d+) \|", page, re.MULTILINE)

    assert {name: int(number) for name, number in rows} == FORMATS


def test_every_room_of_the_ground_floor_has_a_row(workspace):
    page = (workspace / "docs/architecture.md").read_text()
    inside = workspace / "packages/util-services/src/util_services"
    rooms = [folder.parent.name for folder in inside.glob("*/__init__.py")]

    assert len(rooms) > 25
    assert [room for room in rooms if not re.search(rf"^\|.*`{room}/`", page, re.MULTILINE)] == []


@pytest.mark.parametrize("page", ["docs/stability.md", "SECURITY.md", "docs/architecture.md"])
def test_the_front_page_leads_there(workspace, page):
    assert f"]({page})" in (workspace / "README.md").read_text()
