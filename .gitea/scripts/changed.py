#!/usr/bin/env python3
"""Prints the members that a branch changes and all that need them, those that are needed first.

.gitea/scripts/changed.py origin/main
"""

import argparse
import json
import sys

from workspace import DeliveryError, changed_files, members, touched, with_dependants

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("base", help="what the branch is compared with, such as origin/main")
parser.add_argument("--direct", action="store_true", help="leave out those that only need them")
parser.add_argument("--json", action="store_true", help="print a JSON list")
given = parser.parse_args()
try:
    known = members()
    found = touched(changed_files(given.base), known)
    names = sorted(found) if given.direct else with_dependants(found, known)
except DeliveryError as error:
    sys.exit(f"changed: {error}")
print(json.dumps(names) if given.json else "\n".join(names))
