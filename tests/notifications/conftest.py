"""A machine whose runs are told: a Dagster instance, real sinks, and files with marked values."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster_processes import DagsterProcesses
from http_sink import HttpSink
from smtp_sink import SmtpSink

PROGRAM = Path(sys.executable).with_name("data-services")
CANARIES = ("Zsofia-Kanari-Example", "canary@example.org", "4711081542233")
HEADER = b"id,name,mail,number\n"
ROW = ",".join(CANARIES).encode()
INPUTS = {
    "good.csv": HEADER + b"1," + ROW + b"\n2," + ROW + b"\n1," + ROW + b"\n",
    "ragged.csv": HEADER + b"1," + ROW + b"\n2," + ROW + b",surplus\n",
}


class Machine:
    """What an operator has: a Dagster home, a root with files, sinks, and the program."""

    def __init__(self, folder, dagster_yaml, **variables):
        self.folder, self.home, self.root = folder, folder / "home", folder / "root"
        for place in (self.home, self.root):
            place.mkdir()
        (self.home / "dagster.yaml").write_text(dagster_yaml)
        for name, content in INPUTS.items():
            (self.root / name).write_bytes(content)
        self.web, self.mail, self.file = HttpSink(), SmtpSink(), folder / "told.jsonl"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATA_SERVICES_", "S3_")) and "_S3_" not in name
        }
        self.environment = {
            **kept,
            "DAGSTER_HOME": str(self.home),
            "HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "DATA_SERVICES_ROOT": str(self.root),
            "DATA_SERVICES_NOTIFY_FILE": str(self.file),
            "DATA_SERVICES_NOTIFY_WEBHOOK_URL": self.web.url,
            "DATA_SERVICES_NOTIFY_WEBHOOK_SECRET": secrets.token_hex(16),
            "DATA_SERVICES_NOTIFY_SMTP_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "DATA_SERVICES_NOTIFY_SMTP_FROM": "runs@example.org",
            "DATA_SERVICES_NOTIFY_SMTP_TO": "operator@example.org",
            **variables,
        }
        self.processes = DagsterProcesses(folder, self.environment)

    def command(self, *arguments):
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, source, *more):
        """Run a job on a file and return the run's id."""
        output = f"out/{time.monotonic_ns()}.csv"
        answer = self.command(
            *("run", "remove_duplicates_job", "--json"),
            *("--set", f"read_dataset.path={source}", "--set", f"write_dataset.path={output}"),
            *("--set", "remove_duplicates.subset=[id]", *more),
        )
        return json.loads(answer.stdout)["run_id"]

    def cancelled_run(self):
        """Report a run of the code location as cancelled, as the UI does; return its id."""
        from data_processing.jobs import remove_duplicates_job
        from util_services.runs.execute import _origin

        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            run = instance.create_run_for_job(
                remove_duplicates_job, remote_job_origin=_origin("remove_duplicates_job")
            )
            instance.report_run_canceling(run)
            instance.report_run_canceled(run)
            return run.run_id

    def told_by_file(self):
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line)["idempotency_key"] for line in lines]

    def told_by_web(self):
        return [headers["Idempotency-Key"] for headers, _ in self.web.received]

    def told_by_mail(self):
        return [mail["X-Data-Services-Idempotency-Key"] for _, mail in self.mail.received]

    def listed(self, *options):
        answer = self.command("notifications", "list", "--json", *options)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def wait_until(self, is_true, seconds=300):
        deadline = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < deadline, self.processes.log("code")[-4000:]
            time.sleep(0.2)

    def stop(self):
        self.processes.stop()
        self.web.stop()


SQLITE = """
telemetry: {enabled: false}
run_queue: {max_concurrent_runs: 4}
"""


@pytest.fixture
def short_folder():
    """A folder with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="notify-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_machine(short_folder):
    """Return a function that makes the machine of the test, with a configuration of Dagster."""
    made = []

    def make(dagster_yaml, **variables):
        made.append(Machine(short_folder, dagster_yaml, **variables))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def machine(make_machine):
    return make_machine(SQLITE)


@pytest.fixture
def canaries():
    return CANARIES
