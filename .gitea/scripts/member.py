#!/usr/bin/env python3
"""Prints a fact about a member: .gitea/scripts/member.py data-processing folder."""

import argparse
import sys

from workspace import DeliveryError, member

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("name", help="the member")
parser.add_argument("fact", choices=["folder", "package", "version"])
given = parser.parse_args()
try:
    print(getattr(member(given.name), given.fact))
except DeliveryError as error:
    sys.exit(f"member: {error}")
