"""Checks what a built wheel says of itself and carries: wheel.py FILE.whl."""

from __future__ import annotations

import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from workspace import members

BOUNDED = re.compile(r">=\d+\.\d+(\.\d+)?,<\d+(\.\d+)?$|<\d+(\.\d+)?,>=\d+\.\d+(\.\d+)?$")


def faults_of(file: Path) -> list[str]:
    """Return what is wrong with a wheel, in sentences."""
    known = members()
    name, version = file.name.split("-")[:2]
    member = known.get(name.replace("_", "-"))
    if member is None:
        return [f"{file.name} is of no member of the workspace."]
    with zipfile.ZipFile(file) as wheel:
        names = wheel.namelist()
        inside = f"{name}-{version}.dist-info"
        facts = Parser().parsestr(wheel.read(f"{inside}/METADATA").decode())
        entry_points = f"{inside}/entry_points.txt"
        plugs = wheel.read(entry_points).decode() if entry_points in names else ""
    faults = []
    if version != member.version:
        faults.append(f"Its version is {version}, the project's {member.version}.")
    if f"{member.package}/py.typed" not in names:
        faults.append("It carries no py.typed.")
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        faults.append("It carries no licence.")
    if "[data_services]" not in plugs:
        faults.append("It registers no plugin in the group 'data_services'.")
    if not (facts.get_payload() or "").strip().startswith(f"# {member.name}"):
        faults.append("Its description is not its README.")
    if any(part == "tests" for name in names for part in name.split("/")):
        faults.append("It carries tests.")
    for line in facts.get_all("Requires-Dist") or []:
        sibling = re.split(r"[<>=!~;\s\[]", line)[0]
        bounds = line.partition(";")[0].removeprefix(sibling).strip()
        if sibling in known and not BOUNDED.fullmatch(re.sub(r"^\[[^]]*\]", "", bounds).strip()):
            faults.append(f"It needs '{line}' without a lower and an upper bound.")
    return faults


def main() -> int:
    """Check the wheels that the command line names."""
    found = [f"{file}: {fault}" for file in sys.argv[1:] for fault in faults_of(Path(file))]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
