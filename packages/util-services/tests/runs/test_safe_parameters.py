"""Options that can hold a value or a key stay out of records that travel."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

from util_services.runs.safe_parameters import WITHHELD, safe_parameters


class Side(Enum):
    LEFT = "left"


class Rule(BaseModel):
    kind: Literal["mask", "round"]
    widths: list[int] = []
    secret: str = ""


class Config(BaseModel):
    k: int = 5
    share: float = 0.5
    is_strict: bool = True
    nothing: int | None = None
    how: Literal["fast", "slow"] | None = None
    columns: list[str] = []
    rules: dict[str, Rule] = {}
    mapping: dict[str, str] = {}
    rows: list[list[str]] = []
    keyset: str = ""
    side: Side = Side.LEFT
    steps: list[dict[str, object]] = []
    bound: Any = None
    pair: tuple[int, ...] = ()
    limit: Annotated[int, "of rows"] | None = None
    cells: list[Any] = []
    mixed: list[int | str] = []
    fills: dict[str, Any] = {}
    shares: dict[str, float] = {}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"k": 7, "share": 0.25, "is_strict": False}, {"k": 7, "share": 0.25, "is_strict": False}),
        ({"how": "slow", "nothing": None}, {"how": "slow", "nothing": None}),
        ({"columns": ["age", "Jane Roe"]}, {"columns": ["age", WITHHELD]}),
        (
            {"rules": {"age": {"kind": "mask", "widths": [5], "secret": "s3cr3t"}}},
            {"rules": {"age": {"kind": "mask", "widths": [5], "secret": WITHHELD}}},
        ),
        ({"rules": {"Jane Roe": {"kind": "mask"}}}, {"rules": WITHHELD}),
        ({"mapping": {"Jane Roe": "J"}}, {"mapping": WITHHELD}),
        ({"mapping": {"age": "Jane Roe"}}, {"mapping": {"age": WITHHELD}}),
        ({"rows": [["Jane Roe", "*"]]}, {"rows": [[WITHHELD, WITHHELD]]}),
        ({"keyset": "demo"}, {"keyset": WITHHELD}),
        ({"steps": [{"kind": "mask", "k": 3}]}, {"steps": [{"kind": "mask", "k": WITHHELD}]}),
        ({"bound": 4711, "limit": 3}, {"bound": WITHHELD, "limit": 3}),
        ({"cells": [4711, 0.5, True]}, {"cells": [WITHHELD, WITHHELD, True]}),
        ({"mixed": [4711, "age"]}, {"mixed": [WITHHELD, "age"]}),
        ({"fills": {"age": 4711}}, {"fills": {"age": WITHHELD}}),
        ({"pair": (1, 2)}, {"pair": [1, 2]}),
        ({"shares": {"age": 0.5}}, {"shares": {"age": 0.5}}),
        ({"steps": [{"find": "Jane Roe"}]}, {"steps": [WITHHELD]}),
    ],
)
def test_of_options_only_what_holds_no_value_is_kept(given, kept):
    found = safe_parameters(Config(**given), ["age", "sex"])

    assert {name: found[name] for name in kept} == kept
