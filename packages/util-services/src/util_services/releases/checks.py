"""What packages check before data are released: one function, its config, and what it is told."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from pydantic import BaseModel

    from util_services.datasets.layout import Layout
    from util_services.encryption.paths import AnyPath
    from util_services.flow.operate import Dataset
    from util_services.releases.earlier import EarlierRelease
    from util_services.releases.policy import ReleasePolicy, Role

HOOK = "register_release_checks"
EARLIER = "earlier_releases"  # the check that compares with earlier releases of the same data


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a policy, what was found, and whether it holds.

    Args:
        rule: what must hold, such as "k-anonymity with k = 5".
        found: what was found, in counts and names; never a cell value.
        holds: whether it does.
        check: the name of the check; filled in by the gate.
    """

    rule: str
    found: str
    holds: bool
    check: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dataset that is about to be released: the very bytes that would be published.

    Attributes:
        files: the written files, in the layout that is published.
        layout: how they are laid out.
        given: the dataset as the gate was given it, with what was done to it in this run.
        policy: what must hold of it.
        table: its name, where it is a further table of a release.
        others: the further tables of the release, by name.
        earlier: the releases of the same data that came before and are not the very same bytes.
    """

    files: Sequence[AnyPath]
    layout: Layout
    given: Dataset
    policy: ReleasePolicy
    table: str = ""
    others: Mapping[str, Candidate] = field(default_factory=dict)
    earlier: Sequence[EarlierRelease] = ()

    def frames(self, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Yield some columns of what is written, in frames of bounded size.

        It is read anew, without the engine that wrote it.
        """
        from util_services.flow.written import frames_of

        return frames_of(self.files, self.layout, columns)

    @contextmanager
    def scanned(self) -> Iterator[Dataset]:
        """Give what is written as a dataset on an engine of its own.

        The cells of formats that know no types, such as CSV, are texts.
        """
        from util_services.engines.local import LocalEngine
        from util_services.flow.operate import Dataset

        inputs = self.given.inputs
        if inputs is None:
            raise AssertionError("an operation in a run has inputs")
        staged = inputs.written(self.files, self.layout, self.given.staged)
        with LocalEngine(inputs.scratch()) as engine:
            yield Dataset(engine, staged, inputs)

    def columns_of(self, role: Role) -> list[str]:
        """Return the columns that have a role in the policy."""
        return self.policy.columns_of(role)


@dataclass(frozen=True, slots=True)
class ReleaseCheck:
    """A check that policies may name.

    Args:
        name: the key below ``checks`` of a policy.
        config: the class of what stands under that key.
        check: is given the dataset and its config, and yields each rule with what was found. What
            it raises refuses the release.
        guards: roles of columns that no policy may give without naming this check.
        ready: is given the config and the policy of its table, before that is signed and before a
            row is read, and raises a ConfigurationError if they do not go together: a column that
            the policy does not have, or a demand that is about nothing in it.
    """

    name: str
    config: type[BaseModel]
    check: Callable[[Candidate, Any], Iterable[Rule]]
    guards: frozenset[Role] = field(default_factory=frozenset)
    ready: Callable[[Any, ReleasePolicy], None] | None = None


def require_columns(option: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Refuse columns that a policy does not have, or not in the role that is meant.

    Raises:
        ConfigurationError: with the nearest name.
    """
    strange = [name for name in names if name not in known]
    if strange:
        near = difflib.get_close_matches(strange[0], known, n=1)
        hint = f"did you mean {quoted_name(near[0])}?" if near else "correct it."
        there = quoted(list(known)) if known else "none"
        raise ConfigurationError(
            f"'{option}' names {quoted(strange)}; columns that it may name are {there}; {hint}"
        )


def release_checks() -> Mapping[str, ReleaseCheck]:
    """Return the checks of all installed packages, by name."""
    from util_services.plugins.manager import plugin_manager

    return {name: one.value for name, one in plugin_manager().named(HOOK).items()}
