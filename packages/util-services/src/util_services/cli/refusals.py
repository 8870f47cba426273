"""How a command that runs or checks a job tells that it refuses to."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED = 2


@contextmanager
def refusals(job: str, *, as_json: bool) -> Iterator[None]:
    """Turn an expected error of the block into exit status 2: none of the rows was read.

    The sentence goes to stderr, and to stdout as JSON where that was asked for.
    """
    try:
        yield
    except DataServicesError as error:
        click.echo(f"error: {error}", err=True)
        if as_json:
            refusal = {"schema": 1, "status": "REFUSED", "reason": str(error), "job": job}
            click.echo(json.dumps(refusal, indent=2, sort_keys=True))
        sys.exit(REFUSED)
