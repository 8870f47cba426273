"""The text page of metrics, in Prometheus' exposition format."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from util_services import __version__
from util_services.metrics.tally import BUCKETS_SECONDS, Durations, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.flow.staging import Leftovers

PREFIX = "data_services_"
COUNTS = {
    "read": ("rows_read", "Rows read by successful runs."),
    "published": ("rows_published", "Rows published."),
    "dropped": ("rows_dropped", "Rows dropped by steps of successful runs."),
    "quarantined": ("rows_quarantined", "Records that could not be read and were set aside."),
    "bytes": ("published_bytes", "Bytes published."),
}


def render_page(tally: Tally, leftovers: Leftovers) -> str:
    """Return the page; all but the build information is a gauge, for old runs may be deleted."""
    from prometheus_client import generate_latest
    from prometheus_client.registry import Collector

    class Families(Collector):
        def collect(self) -> Iterator[Any]:
            yield from _families(tally, leftovers)

    return generate_latest(Families()).decode()


def _families(tally: Tally, leftovers: Leftovers) -> Iterator[Any]:
    from prometheus_client.core import HistogramMetricFamily, InfoMetricFamily

    yield InfoMetricFamily(
        f"{PREFIX}build", "The version of util-services.", {"version": __version__}
    )
    runs = "Runs on record, by job and status."
    yield _gauge("runs", runs, tally.runs, ("job", "status"))
    durations = HistogramMetricFamily(
        f"{PREFIX}run_duration_seconds",
        "From start to end of finished runs on record.",
        labels=("job", "status"),
    )
    for place, found in sorted(tally.durations.items()):
        durations.add_metric(place, _buckets(found), found.seconds)
    yield durations
    success = "End of the last successful run, seconds since 1970."
    yield _gauge("last_success_timestamp_seconds", success, _by_job(tally.last_success))
    for key, (name, help_text) in COUNTS.items():
        yield _gauge(name, help_text, {(j,): counts[key] for j, counts in tally.counts.items()})
    left = "Folders of ended runs in the staging of this machine, which the next run removes."
    yield _gauge("staging_leftovers", left, {(): leftovers.folders}, ())
    yield _gauge("staging_leftover_bytes", "Bytes in these folders.", {(): leftovers.bytes}, ())


def _gauge(
    name: str,
    help_text: str,
    values: Mapping[Any, float],  # by the values of the labels
    labels: tuple[str, ...] = ("job",),
) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"{PREFIX}{name}", help_text, labels=labels)
    for place, value in sorted(values.items()):
        family.add_metric(place, value)
    return family


def _by_job(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(job,): value for job, value in values.items()}


def _buckets(found: Durations) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in BUCKETS_SECONDS), "+Inf"]
    return list(zip(bounds, accumulate(found.counts), strict=True))
