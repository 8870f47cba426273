"""The hook that this plugin offers to others."""

from collections.abc import Iterable
from dataclasses import dataclass

from util_services.plugins import hookspec


@dataclass(frozen=True)
class Greeting:
    """A word that the command says."""

    name: str


@hookspec
def register_greetings() -> Iterable[Greeting]:
    """Return greetings."""
    raise NotImplementedError
