"""What an engine offers to operations: lazy frames of narwhals, and the few verbs it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd
    import pyarrow as pa

    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.datasets.formats import Format
    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.errors import DatasetError

T = TypeVar("T")
BatchFunction = Callable[["pd.DataFrame"], "pd.DataFrame"]
Progress = Callable[[float], None]  # is told the share done of the query at work, 0 to 1


class Engine(Protocol):
    """Computes on datasets that may be larger than memory.

    Frames are lazy: nothing is computed before ``materialise``, ``rows`` or ``write``. All three
    end at once when the run is cancelled.
    """

    @property
    def name(self) -> str:
        """The engine's name in settings and reports."""

    @property
    def scans(self) -> frozenset[Format]:
        """The formats that the engine scans where they are; all others are staged as Parquet."""

    def damage(self, dataset: StagedDataset) -> DatasetError | None:
        """Return what is wrong with files that could not be scanned, None if nothing is found."""

    def scan(self, dataset: StagedDataset, row_number: str | None = None) -> nw.LazyFrame[Any]:
        """Return the rows of a dataset, with their numbers from 0 in a column if one is named."""

    def select(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Return columns, whatever they are called, each under the new name that maps to it."""

    def row_hash(
        self, frame: nw.LazyFrame[Any], columns: Sequence[str], name: str
    ) -> nw.LazyFrame[Any]:
        """Add a 64-bit hash of some columns; equal values (missing ones too) hash equally."""

    shares_memory: bool  # whether functions on batches are called in this process

    def map_batches(
        self,
        frame: nw.LazyFrame[Any],
        function: BatchFunction,
        schema: pa.Schema,
        beside: Sequence[str] = (),
        *,
        at_once: bool = False,
        is_secret: bool = False,
    ) -> nw.LazyFrame[Any]:
        """Apply a pandas function to batches of Arrow-backed rows, keeping their order.

        Args:
            frame: the rows.
            function: gets a frame of some rows and returns one; it must not depend on where
                batches begin and end.
            schema: the columns that come back.
            beside: columns of the frame that the function is not given, and that come back behind
                its own as they are; it returns as many rows as it gets.
            at_once: whether the function may be called for several batches at the same time; if
                not, an engine on one machine calls it for one after the other.
            is_secret: whether the function refers to keysets, keys or secrets; to another process
                it then travels sealed, and where it does not say so it is refused.

        Raises:
            BatchContractError: if a batch comes back with other columns or types.
        """

    def tell_batches(
        self,
        frame: nw.LazyFrame[Any],
        columns: Sequence[str],
        function: Callable[[pd.DataFrame], str],
    ) -> list[str]:
        """Return what a function tells of each batch of Arrow-backed rows, which must be little.

        Args:
            frame: the rows.
            columns: the columns that the function is given.
            function: gets a frame of some rows and returns a text; it may be called for several
                batches at the same time.
        """

    def materialise(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame that is used more than once, and return one that scans the result."""

    drops_while_scanning: bool  # whether ``drop_rows`` costs hardly more than a scan

    def drop_rows(
        self, frame: nw.LazyFrame[Any], row_number: str, losers: nw.LazyFrame[Any]
    ) -> nw.LazyFrame[Any]:
        """Leave out the rows whose number is in the only column of ``losers``; keep the order."""

    def number_rows(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Add a column that numbers the rows from 0, in the order in which they stand."""

    def unpivot(
        self, frame: nw.LazyFrame[Any], columns: Mapping[str, str], name: str, value: str
    ) -> nw.LazyFrame[Any]:
        """Make a row of each of some columns, which are of one type; keep the order.

        Args:
            frame: the rows.
            columns: the columns, in order, by the texts that tell their values apart.
            name: the new column of these texts, behind all columns that are left.
            value: the new column of the values, missing ones too.
        """

    def arrow_schema(self, frame: nw.LazyFrame[Any]) -> pa.Schema:
        """Return names and Arrow types of a frame's columns."""

    def rows(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Return a small result, such as counts, as plain values."""

    def consume(self, frame: nw.LazyFrame[Any], function: Callable[[pa.RecordBatchReader], T]) -> T:
        """Give a function the batches of a frame in its order, and return what it returns.

        They are gone once the function has returned.
        """

    def write(
        self,
        frame: nw.LazyFrame[Any],
        file: AnyPath,
        format: Format,
        dialect: CsvDialect | None = None,
        fields: pa.Schema | None = None,
    ) -> int:
        """Write a frame to a file in its order, and return the number of rows.

        Args:
            frame: the rows.
            file: where they go.
            format: how they are written.
            dialect: how CSV is written.
            fields: types and nullability of the columns in a Parquet file; by default what the
                engine makes of them.
        """
