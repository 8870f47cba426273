import os
import re
import shutil
import subprocess
import zipfile
from email.parser import Parser

import pytest

SIBLINGS = {
    "data-processing",
    "dataframe-anonymisation",
    "field-pseudonymisation",
    "util-services",
    "workspace-core",
}
MEMBERS = {*SIBLINGS, "data-services"}
BOUNDED = re.compile(r">=\d+\.\d+(\.\d+)?,<\d+(\.\d+)?$|<\d+(\.\d+)?,>=\d+\.\d+(\.\d+)?$")


@pytest.fixture(scope="module")
def wheels(workspace, tmp_path_factory):
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` names itself in UV
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    out = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [uv, "build", "--quiet", "--all-packages", "--wheel", "--out-dir", out],
        cwd=workspace,
        check=True,
    )
    return {
        path.name.split("-")[0].replace("_", "-"): zipfile.ZipFile(path)
        for path in out.glob("*.whl")
    }


def metadata(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_every_member_builds_a_wheel(wheels):
    assert set(wheels) == MEMBERS


@pytest.mark.parametrize("member", sorted(MEMBERS))
def test_a_wheel_bounds_its_siblings(wheels, member):
    requirements = metadata(wheels[member]).get_all("Requires-Dist") or []
    siblings = [line for line in requirements if re.split(r"[<>=!~;\s\[]", line)[0] in SIBLINGS]

    for line in siblings:
        without_extras = re.sub(r"^[a-z-]+(\[[^]]*\])?", "", line.partition(";")[0])
        assert BOUNDED.fullmatch(without_extras.strip()), line


@pytest.mark.parametrize("member", sorted(MEMBERS - {"util-services"}))
def test_every_member_needs_util_services(wheels, member):
    requirements = metadata(wheels[member]).get_all("Requires-Dist")

    assert any(line.startswith("util-services") for line in requirements)


@pytest.mark.parametrize("member", sorted(MEMBERS))
def test_a_wheel_is_complete(wheels, member):
    wheel, package = wheels[member], member.replace("-", "_")
    names = set(wheel.namelist())
    facts = metadata(wheel)

    assert f"{package}/py.typed" in names
    assert f"{package}/plugin.py" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert facts["License-Expression"] == "Apache-2.0"
    assert facts["Requires-Python"] == ">=3.11"
    assert facts.get_payload().strip().startswith(f"# {member}")


@pytest.mark.parametrize("member", sorted(MEMBERS))
def test_a_wheel_registers_its_plugin(wheels, member):
    wheel = wheels[member]
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert "[data_services]" in wheel.read(name).decode()


def test_the_wheel_of_util_services_carries_its_data(wheels):
    names = set(wheels["util-services"].namelist())

    assert {
        "util_services/samples/patients.csv",
        "util_services/new_plugin/template/gitea/workflows/checks.yml.jinja",
        "util_services/new_plugin/template/src/PACKAGE/py.typed.jinja",
        "util_services/reports/report.html.jinja",
        "util_services/schemas/audit_record.schema.json",
        "util_services/schemas/simpl_log.schema.json",
    } <= names
