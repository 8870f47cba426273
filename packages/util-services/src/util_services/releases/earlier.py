"""Earlier releases of the same data, and their rows where the very bytes can still be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.errors import DataServicesError, quoted_name
from util_services.flow.digests import digest_of
from util_services.flow.plan import ReadOptions
from util_services.flow.written import frames_of
from util_services.releases.errors import UnreachableReleaseError
from util_services.releases.places import holds
from util_services.releases.register import same_data
from util_services.releases.registered import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from util_services.flow.inputs import Inputs
    from util_services.releases.checks import Candidate
    from util_services.releases.registered import RegisteredRelease, RegisteredTable, Standing


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """A release of the same data that readers may have.

    Attributes:
        release: what the register says of it.
        copies: paths at which a copy of it may lie, beside the place where it was published.
    """

    release: RegisteredRelease
    copies: Sequence[str]
    inputs: Inputs

    @property
    def id(self) -> str:
        """The id by which the register knows it."""
        return self.release.id

    def frames(self, columns: Sequence[str], table: str = MAIN) -> Iterator[pd.DataFrame]:
        """Yield some columns of a table of it, in frames of bounded size.

        Raises:
            UnreachableReleaseError: if its very bytes are nowhere to be read.
        """
        from util_services.datasets.layout import Layout

        told = self.release.tables[table]
        options = ReadOptions(
            self._path(told),
            format=told.format,  # type: ignore[arg-type] # a format that was once written
            compression=told.compression or "auto",  # type: ignore[arg-type] # as above
            delimiter=told.delimiter,
        )
        return frames_of(self.inputs.files(options), Layout("parquet"), columns)

    def _path(self, table: RegisteredTable) -> str:
        for path in (table.address, *self.copies):
            try:
                if path.endswith("/") == table.path.endswith("/") and holds(
                    self.inputs.storage, path, table
                ):
                    return path
            except DataServicesError:  # a place out of reach is no place of this release
                continue
        raise UnreachableReleaseError(
            f"The release {quoted_name(self.id)} is not at {quoted_name(table.address)} as it was "
            "released; name a copy of it in 'earlier' of the gate."
        )


def earlier_releases(
    known: Sequence[Standing],
    inputs: Inputs,
    dataset: str | None,
    source: str,
    copies: Sequence[str],
) -> tuple[EarlierRelease, ...]:
    """Return the releases of the same data, withdrawn and expired ones too: somebody has them.

    Args:
        known: all releases on the register, settled.
        inputs: reads what is in the storage of the run.
        dataset: how the policy names the data.
        source: the SHA-256 of what was read.
        copies: paths at which copies may lie.
    """
    return tuple(
        EarlierRelease(one.release, copies, inputs) for one in same_data(known, dataset, source)
    )


def unlike(candidate: Candidate, earlier: Sequence[EarlierRelease]) -> tuple[EarlierRelease, ...]:
    """Return the earlier releases that hold other bytes: the very same ones tell nothing new."""
    if len(candidate.files) != 1:
        return tuple(earlier)
    digests = {MAIN: digest_of(candidate.files[0])}
    digests |= {name: digest_of(table.files[0]) for name, table in candidate.others.items()}
    return tuple(one for one in earlier if not _are_those_of(one.release.tables, digests))


def _are_those_of(tables: Mapping[str, RegisteredTable], digests: Mapping[str, str]) -> bool:
    """Return whether the tables of a release are those with these digests, by name."""
    return tables.keys() == digests.keys() and all(
        digests[name] in table.digests for name, table in tables.items()
    )
