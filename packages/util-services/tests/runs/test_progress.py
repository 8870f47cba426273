"""How far a long operation is: in the log, with rate and remaining time, and on a terminal."""

import io

import narwhals as nw
import pyarrow as pa
import pytest

from util_services.cli.progress_bar import progress_bar
from util_services.engines.local import LocalEngine
from util_services.runs import progress
from util_services.runs.progress import Stage, lasting, listening
from util_services.runs.progress_log import ProgressLog


class Clock:
    """Seconds that a test lets pass."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_log_tells_share_rows_rate_and_remaining_time_every_half_minute(clock):
    told = []
    log = ProgressLog(Stage("k_anonymity", 4_000_000), told.append, clock=clock)

    for seconds in range(0, 100, 10):
        clock.now = 100.0 + seconds
        log(seconds / 200)

    assert told == [
        "k_anonymity, pass 1: 15%, about 600.0 k of 4.0 M rows, 20.0 k rows/s, about "
        "2 min 50 s left.",
        "k_anonymity, pass 1: 30%, about 1.2 M of 4.0 M rows, 20.0 k rows/s, about "
        "2 min 20 s left.",
        "k_anonymity, pass 1: 45%, about 1.8 M of 4.0 M rows, 20.0 k rows/s, about "
        "1 min 50 s left.",
    ]


def test_the_rate_is_that_of_the_pass_at_work(clock):
    told = []
    log = ProgressLog(Stage("clean_data", 1000), told.append, clock=clock)
    for now, share in ((100, 0.0), (120, 1.0), (121, 0.0), (131, 0.1)):
        clock.now = float(now)
        log(share)

    assert told == [
        "clean_data, pass 2: 10%, about 100 of 1.0 k rows, 10 rows/s, about 1 min 30 s left."
    ]


def test_what_takes_less_than_half_a_minute_is_not_told_in_the_log_but_to_listeners(clock):
    told, heard = [], []
    log = ProgressLog(Stage("read in.csv"), told.append, clock=clock)

    with listening(lambda stage, share: heard.append((stage.name, share))):
        clock.now += 29
        log(0.5)

    assert (told, heard) == ([], [("read in.csv", 0.5)])


def test_the_bar_tells_the_remaining_time(clock, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(progress.Pace.__init__, "__defaults__", (clock,))
    with progress_bar(screen := Terminal()):
        progress.tell(Stage("k_anonymity", 1000), 0.0)
        clock.now += 10
        progress.tell(Stage("k_anonymity", 1000), 0.25)

    assert " 25%  ≈250 of 1.0 k rows, 25/s, 30 s left" in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3700, "1 h 1 min")]
)
def test_times_are_told_in_their_largest_units(seconds, shown):
    assert lasting(seconds) == shown


def test_batches_of_rows_in_memory_are_progress_too(tmp_path):
    """They are no query of the database, which would tell how far it is."""
    import time

    shares = []
    rows = pa.table({"n": pa.array(range(400), pa.int64())})

    def patient(batch):
        while shares[-1:] != [batch["n"].iloc[0] / 400]:  # until it has been told
            time.sleep(0.01)
        return batch

    with LocalEngine(tmp_path, batch_rows=100, progress=shares.append) as engine:
        first = engine.map_batches(engine.from_arrow(rows), lambda batch: batch, rows.schema)
        second = engine.map_batches(first, patient, rows.schema)
        assert engine.rows(second.select(nw.col("n").sum())) == [{"n": 79800}]

    assert [share for share in dict.fromkeys(shares) if share < 1] == [0.0, 0.25, 0.5, 0.75]
