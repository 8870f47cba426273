#!/usr/bin/env python3
"""Checks that each member admits the versions that its siblings have here.

Within the workspace uv takes a sibling as it is, whatever the bounds say; a wheel that shuts out
the sibling which it was tested with could not be installed beside it.

    .gitea/scripts/siblings.py
"""

import argparse
import re
import sys

from workspace import DeliveryError, members

NEEDED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(?P<bounds>[^;]*)")
BOUND = re.compile(r"^\s*(?P<sign>>=|<=|==|<|>)\s*(?P<version>\d+(?:\.\d+)*)\s*$")
ADMITS = {
    ">=": lambda ours, bound: ours >= bound,
    "<=": lambda ours, bound: ours <= bound,
    "==": lambda ours, bound: ours == bound,
    ">": lambda ours, bound: ours > bound,
    "<": lambda ours, bound: ours < bound,
}
NUMBERS = 4  # of a version that are compared


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; what is no release counts as the release after it."""
    found = [int(number) for number in re.findall(r"\d+", re.split(r"[a-z+-]", version)[0])]
    return tuple((found + [0] * NUMBERS)[:NUMBERS])


def admits(bounds: str, version: str) -> bool:
    """Tell whether bounds such as '>=0.1,<0.2' admit a version; those of other forms do."""
    found = [match for bound in bounds.split(",") if (match := BOUND.match(bound))]
    return all(ADMITS[one["sign"]](numbers(version), numbers(one["version"])) for one in found)


argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
try:
    known = members()
except DeliveryError as error:
    sys.exit(f"siblings: {error}")
faults = []
for member in known.values():
    for line in member.requirements:
        needed = NEEDED.match(line)
        sibling = known.get(re.sub(r"[-_.]+", "-", needed["name"]).lower()) if needed else None
        if sibling and not admits(needed["bounds"], sibling.version):
            faults.append(
                f"{member.name}: it needs '{line}', and {sibling.name} is {sibling.version} here; "
                f"widen the bound in {member.folder}/pyproject.toml."
            )
print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
sys.exit(1 if faults else 0)
