"""The dataset flow without Dagster: a folder as storage, an engine, and a run's staging."""

import os

import pytest

from util_services.datasets.codecs import CodecOptions
from util_services.datasets.compression import Bounds
from util_services.engines.local import LocalEngine
from util_services.flow.encode import Target
from util_services.flow.operate import Dataset, Outcome, operate
from util_services.flow.plan import (
    ReadOptions,
    WriteOptions,
    plan_read,
    plan_report,
    plan_write,
)
from util_services.flow.publish import publish_dataset
from util_services.flow.publish_report import publish_report
from util_services.flow.read import read_dataset
from util_services.flow.report_plan import ReportOptions
from util_services.flow.staging import Staging
from util_services.reports.record import RunFacts
from util_services.storage import LocalStorage

RUN = RunFacts("run-1", "keep_job", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", {})


class Flow:
    """Runs the flow step by step as the ops do, on files below a root."""

    def __init__(self, folder, engine_class=LocalEngine, key=None):
        self.storage = LocalStorage(folder / "root")
        self.storage.root.mkdir(exist_ok=True)
        self.base = folder / "staging"
        self.engine_class = engine_class
        self.options = {}
        self.key = key

    def put(self, name, content):
        (self.storage.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.storage.root / name).write_bytes(content)
        return name

    @staticmethod
    def codec(max_ratio=1000, **options):
        """Return the options of formats that libraries read."""
        return CodecOptions(bounds=Bounds(max_ratio), **options)

    def get(self, name):
        return (self.storage.root / name).read_bytes()

    def read(self, name, **options):
        """Return a dataset and the rows of its staged form."""
        plan = plan_read(self.storage, ReadOptions(name, **options))
        staging = Staging.create(self.base, "read", self.key)
        try:
            with self.engine_class(staging.scratch(), **self.options) as engine:
                dataset = read_dataset(plan, staging, engine)
                columns = [tuple(row.values()) for row in engine.rows(engine.scan(dataset))]
            return dataset, columns
        finally:
            staging.remove()

    def run(
        self,
        source,
        output,
        function=None,
        reading=None,
        may_publish=lambda: None,
        is_direct=False,
        **writing,
    ):
        """Read, operate and publish; the operation keeps all rows unless another is given."""
        read = plan_read(self.storage, ReadOptions(source, **(reading or {})))
        write = plan_write(
            self.storage, WriteOptions(output, **writing), read.origin, run_id="run-1"
        )
        staging = Staging.create(self.base, "run-1", self.key)
        try:
            with self.engine_class(staging.scratch(), **self.options) as engine:
                dataset = read_dataset(read, staging, engine, is_direct=is_direct)
                target = Target.of(write, staging)
                keep = function or (lambda given: Outcome(given.scan()))
                result = operate("keep", keep, Dataset(engine, dataset), target, {})
            return publish_dataset(result, write, staging, RUN, may_publish)
        finally:
            staging.remove()

    def report(
        self,
        source,
        output,
        function=None,
        reading=None,
        may_publish=lambda: None,
        failure=None,
        **writing,
    ):
        """Read, look and publish what was found, as of a failed run where a failure is told."""
        read = plan_read(self.storage, ReadOptions(source, **(reading or {})))
        plan = plan_report(
            self.storage, ReportOptions(output, **writing), read.origin, run_id="run-1"
        )
        staging = Staging.create(self.base, "run-1", self.key)
        look = function or (lambda given: Outcome(None, facts={"rows": given.staged.rows}))
        try:
            with self.engine_class(staging.scratch(), **self.options) as engine:
                dataset = read_dataset(read, staging, engine)
                target = Target.of(plan, staging)
                result = operate("look", look, Dataset(engine, dataset), target, {})
            place = plan if failure is None else plan.failed
            return publish_report(result, place, staging, RUN, may_publish, failure=failure)
        finally:
            staging.remove()


@pytest.fixture
def make_flow(tmp_path, clean_environment):
    """Return a function that makes a flow in a folder of its own."""
    numbers = iter(range(10_000))

    def make(**options):
        folder = tmp_path / f"flow-{next(numbers)}"
        folder.mkdir()
        return Flow(folder, **options)

    return make


@pytest.fixture
def flow(make_flow):
    return make_flow()


@pytest.fixture(autouse=True)
def _umask():
    former = os.umask(0o022)
    yield
    os.umask(former)
