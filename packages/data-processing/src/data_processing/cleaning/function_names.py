"""What the functions are called that make one value of a group's; imports nothing heavy."""

from __future__ import annotations

from typing import Literal

Function = Literal[
    "count",
    "count_distinct",
    "count_missing",
    "sum",
    "mean",
    "median",
    "std",
    "min",
    "max",
    "first",
    "last",
    "any",
]
GroupFunction = Literal[Function, "only"]  # the last refuses a group of several values
