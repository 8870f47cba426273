#!/usr/bin/env python3
"""Checks that every member whose code a branch changes says so in a change fragment.

A fragment is a file MEMBER/changelog.d/NAME.KIND.md with one sentence for users; what they cannot
notice is of the kind 'internal', which no changelog shows.

    .gitea/scripts/fragments.py origin/main
"""

import argparse
import re
import sys

from workspace import ROOT, DeliveryError, changed_files, members

KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security", "internal")
FRAGMENT = re.compile(rf"^[a-z0-9][a-z0-9-]*\.({'|'.join(KINDS)})\.md$")

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("base", help="what the branch is compared with, such as origin/main")
given = parser.parse_args()
faults = []
try:
    files = changed_files(given.base)
    known = members()
except DeliveryError as error:
    sys.exit(f"fragments: {error}")
for one in known.values():
    told = [name for name in files if name.startswith(f"{one.folder}/changelog.d/")]
    present = [name for name in told if (ROOT / name).is_file() and not name.endswith(".gitignore")]
    for name in present:
        if not FRAGMENT.match(name.rsplit("/", 1)[-1]):
            faults.append(f"{name}: call it NAME.KIND.md, KIND being one of {', '.join(KINDS)}.")
        elif not (ROOT / name).read_text(encoding="utf-8").strip():
            faults.append(f"{name}: say in one sentence what changes for a user.")
    code = (f"{one.folder}/src/", f"{one.folder}/pyproject.toml")
    is_released = any(name == f"{one.folder}/CHANGELOG.md" for name in files) and told
    if any(name.startswith(code) for name in files) and not present and not is_released:
        faults.append(
            f"{one.name}: its code changes, but nothing in {one.folder}/changelog.d/ says what "
            "for; add NAME.KIND.md, or NAME.internal.md where no user can notice."
        )
print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
sys.exit(1 if faults else 0)
