"""What goes wrong on Spark, as sentences that quote no cell.

Spark's messages quote values, expressions and paths, so none of them is passed on. Its error
conditions are names from a fixed list, which may be.
"""

from __future__ import annotations

import re

from util_services.engines.failures import EngineError, EngineResourceError, engine_failure
from util_services.engines.spark_batches import told_by_worker
from util_services.errors import CancelledError, DataServicesError

CONDITION = re.compile(r"[A-Z][A-Z0-9_]*(\.[A-Z][A-Z0-9_]*)*")
CANCELLED = ("SPARK_JOB_CANCELLED", "OPERATION_CANCELED", "cancelled job group", "JOB_CANCELLED")
SHARED_SENTENCE = (
    "The Spark workers cannot reach the staging or the source; put both on a folder that is shared "
    "under one path, and let the workers run as this user."
)
LOST_SENTENCE = "The Spark driver or master ended or can no longer be reached; start the run again."
REASONS = {
    ("java.lang.OutOfMemoryError", "UNABLE_TO_ACQUIRE_MEMORY", "exit code 137"): (
        "Spark lacks memory for the operation; give its executors or driver more, or use more of "
        "them."
    ),
    ("No space left on device",): (
        "No space is left on a disk of the Spark cluster or in the staging folder; free some."
    ),
    ("PYTHON_VERSION_MISMATCH",): (
        "The Spark workers run another version of Python than this process; set PYSPARK_PYTHON to "
        "one that both have."
    ),
    ("ModuleNotFoundError", "No module named"): (
        "The Spark workers lack a Python package of the operation; install there what is installed "
        "here."
    ),
    ("FILE_NOT_EXIST", "FileNotFoundException", "PATH_NOT_FOUND", "AccessDeniedException",
     "Permission denied", "Mkdirs failed"): SHARED_SENTENCE,
    ("ExecutorLostFailure", "MetadataFetchFailed", "CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND",
     "Checkpoint block"): (
        "The Spark cluster lost an executor at work; start the run again, with more memory if it "
        "happens again."
    ),
    ("UNAVAILABLE", "SESSION_CLOSED", "SparkContext was shut down", "stopped SparkContext"):
        LOST_SENTENCE,
}  # fmt: skip


def spark_failure(error: BaseException, mark: str) -> BaseException:
    """Return the error that says in a sentence what an error on Spark means."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    if isinstance(error, DataServicesError) or not isinstance(error, Exception):
        return error
    if isinstance(error, (Py4JNetworkError, ConnectionError, EOFError)):
        return EngineResourceError(LOST_SENTENCE)
    if not isinstance(error, (PySparkException, Py4JError)):
        return engine_failure(error)
    text = f"{_condition(error)} {error}"
    told = told_by_worker(text, mark)
    if told is not None:
        return told
    if any(word in text for word in CANCELLED):
        return CancelledError("The run was cancelled while the engine was at work.")
    for words, sentence in REASONS.items():
        if any(word in text for word in words):
            return EngineResourceError(sentence)
    return EngineError(
        f"The engine cannot process the data as it is ({_condition(error)}); check that the "
        "columns have the types that the operation needs."
    )


def _condition(error: Exception) -> str:
    """Return Spark's name for a kind of error, else the error's class."""
    condition = getattr(error, "getCondition", lambda: None)()
    if isinstance(condition, str) and CONDITION.fullmatch(condition):
        return condition
    return type(error).__name__
