"""Metrics: what files of results say of a run, so that a snapshot remembers it."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

from workspace_core.store.identity import parse_id
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.store.session import Session

RESULTS_FILE, MOST_RESULTS_BYTES = "results.json", 16 << 20

_reports = logging.getLogger(__name__)


def metrics_of(session: Session, roots: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the metrics in results, by resource if several have some.

    Args:
        session: where the results are read.
        roots: the ids of their trees by the names of their resources.
    """
    found = {}
    for name, root in roots.items():
        try:
            record = results_in(session, root)
        except ValueError:
            _reports.warning(
                "%s of '%s' is no JSON, so the snapshot has no metrics.", RESULTS_FILE, name
            )
            continue
        metrics = record.get("metrics") if record else None
        if metrics and isinstance(metrics, dict):
            found[name] = metrics
    return next(iter(found.values())) if len(found) == 1 else found or None


def results_in(session: Session, root: str) -> dict[str, Any] | None:
    """Return the record of results in a tree, None where there is none.

    Raises:
        ValueError: if it is no JSON.
    """
    entry = Trees(session).find(parse_id(root), RESULTS_FILE.encode())
    if entry is None or not entry.is_file or entry.size > MOST_RESULTS_BYTES:
        return None
    record = read_results(session.read(entry.id))
    return record if isinstance(record, dict) else None


def read_results(content: bytes) -> Any:
    """Return the JSON that a file of results holds.

    What Python writes of numbers that are none, and JSON does not know, are texts: ``"NaN"``,
    ``"Infinity"`` and ``"-Infinity"``.

    Raises:
        ValueError: if it is no JSON, or nested too deeply to be read.
    """
    try:
        return with_finite_numbers(json.loads(content))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def with_finite_numbers(value: Any) -> Any:
    """Return a record in which numbers that JSON does not know are texts."""
    if isinstance(value, dict):
        return {key: with_finite_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_finite_numbers(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
