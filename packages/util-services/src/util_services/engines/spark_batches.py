"""What runs on Spark's workers: a pandas function on Arrow batches, and how its failures travel.

Whatever a worker raises comes back as text amid Spark's own, which may quote cells. So a worker
tells of an error in a message of its own, behind a mark that no cell can know.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from util_services.engines.failures import BatchContractError, EngineError, EngineResourceError
from util_services.errors import DataServicesError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from util_services.engines.protocol import BatchFunction

KINDS = (BatchContractError, DatasetError, EngineError, EngineResourceError)
TOLD = {kind.__name__: kind for kind in KINDS}


NOTE = "note"
TOLD_SCHEMA = pa.schema([(NOTE, pa.large_string())])


@dataclass(frozen=True, slots=True)
class Telling:
    """A function that tells a text of each batch, as one that returns it in a row."""

    function: Callable[[pd.DataFrame], str]

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return the text."""
        import pandas as pd

        told = pd.Series([self.function(batch)], dtype="string[pyarrow]")
        return pd.DataFrame({NOTE: told})


class WorkerError(Exception):
    """Raised on a worker; its text is a marked message."""


def batch_worker(
    function: BatchFunction,
    given: pa.Schema,
    wanted: pa.Schema,
    held: pa.Schema,
    mark: str,
    beside: Sequence[str] = (),
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what a worker does to the batches of a partition.

    Args:
        function: the pandas function.
        given: names and types that the function sees.
        wanted: names and types that it declares to return.
        held: how Spark holds these.
        mark: stands before a message.
        beside: columns that the function does not see, and that come back behind its own.
    """

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from util_services.engines.batches import apply_to_batch
        from util_services.engines.spark_types import cast_batch

        for batch in batches:
            if beside and not len(batch):
                continue
            try:
                result = apply_to_batch(cast_batch(batch, given), function, wanted, beside)
                changed = cast_batch(result, held)
            except Exception as error:  # noqa: BLE001 - any may quote a cell
                raise WorkerError(_message(error, mark)) from None
            yield changed

    return work


def told_by_worker(text: str, mark: str) -> DataServicesError | None:
    """Return the error of which a worker's message tells, None where there is no message."""
    found = re.search(re.escape(mark) + r"(\{.*?\})" + re.escape(mark), text)
    if found is None:
        return None
    message = json.loads(found[1])
    if message["text"] is not None:
        return TOLD.get(message["class"], DatasetError)(message["text"])
    return EngineError(
        f"The engine cannot process the data as it is ({message['class']}); check that the columns "
        "have the types that the operation needs."
    )


def _message(error: Exception, mark: str) -> str:
    text = str(error) if isinstance(error, DataServicesError) else None
    # only ASCII, so that nothing on the way back can change it
    return mark + json.dumps({"class": type(error).__name__, "text": text}) + mark
