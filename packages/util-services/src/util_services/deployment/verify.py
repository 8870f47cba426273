"""Prove that the platform runs what was deployed: image, commit, load, plugins, logs, a run."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from util_services.deployment.logs import search_log
from util_services.deployment.platform import (
    ENDED,
    PATIENCE_SECONDS,
    REPORT_JOB,
    PlatformError,
)
from util_services.errors import quoted, quoted_name
from util_services.graphql import UnreachableError
from util_services.plugins.discovery import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from util_services.deployment.platform import LoadedLocation, Platform

POLL_SECONDS = 1.0
QUEUED = "QUEUED"
VERIFICATION_TAG = "data_services/verification"  # on the health run, with the commit


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold.

    Args:
        commit: from which the code was built.
        tag: of the image.
        logs: files that must hold no errors of schemas or dependencies.
        job: the job that must run.
        run_config: what it is run with; None means its default.
        rows: how many rows it reads at most, where it reads a dataset by default.
        timeout_seconds: for the run.
    """

    commit: str
    tag: str
    logs: Sequence[Path]
    job: str
    run_config: Mapping[str, Any] | None
    rows: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: ``told`` is a sentence."""

    check: str
    is_ok: bool
    told: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    commit: str
    location: str
    findings: tuple[Finding, ...]

    @property
    def is_ok(self) -> bool:
        """Whether all of it holds."""
        return all(finding.is_ok for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the verification as a JSON object."""
        return {
            "schema": 1,
            "ok": self.is_ok,
            "commit": self.commit,
            "location": self.location,
            "checks": [asdict(finding) for finding in self.findings],
        }


def verify(platform: Platform, expected: Expectation) -> Verification:
    """Check all that can be checked, whatever is found to be wrong before.

    Raises:
        RefusedError: if the platform has no such location, or a log cannot be read.
        UnreachableError: if the web server stops answering.
    """
    logs = _logs(expected.logs)
    loaded = platform.loaded(min(PATIENCE_SECONDS, expected.timeout_seconds))
    findings = [_load(platform, loaded), _image(loaded, expected.tag), logs]
    if loaded.repository is not None:
        findings += _plugins(platform, loaded, expected.commit)
        try:
            findings.append(_health_run(platform, loaded, expected))
        except UnreachableError as error:
            findings.append(Finding("run", False, f"What became of it is not known: {error}"))
    return Verification(expected.commit, loaded.name, tuple(findings))


def _load(platform: Platform, loaded: LoadedLocation) -> Finding:
    others = [o.name for o in platform.locations() if o.error and o.name != loaded.name]
    aside = f" Other locations do not load: {quoted(others)}." if others else ""
    if loaded.error is not None:
        return Finding("load", False, f"It does not load: {loaded.error.sentence}{aside}")
    if loaded.repository is None:
        return Finding("load", False, f"It is not loaded yet; reload it.{aside}")
    return Finding("load", True, f"It is loaded without an error.{aside}")


def _image(loaded: LoadedLocation, tag: str) -> Finding:
    if loaded.tag == tag:
        return Finding("image", True, f"It runs {loaded.image}.")
    runs = f"It runs {loaded.image}" if loaded.image else "It does not say which image it runs"
    return Finding("image", False, f"{runs}, and the tag should be '{tag}'; deploy and reload it.")


def _logs(files: Sequence[Path]) -> Finding:
    found = [str(finding) for file in files for finding in search_log(file)]
    if found:
        return Finding("logs", False, f"There are errors in the logs: {', '.join(found)}.")
    if not files:
        return Finding("logs", True, "No logs are given; name them with '--log'.")
    return Finding("logs", True, f"Logs searched: {len(files)}; no error of schema or dependency.")


def _plugins(platform: Platform, loaded: LoadedLocation, commit: str) -> Iterator[Finding]:
    """Check the plugins, and by the report on them the commit that the code itself names."""
    report = platform.plugin_report(loaded)
    if report is None:
        yield Finding(
            "plugins",
            False,
            f"The job '{REPORT_JOB}' holds no report on plugins; the image is too old.",
        )
        return
    built = next((p["commit"] for p in report["plugins"] if p["distribution"] == HOST), None)
    is_right = built == commit
    told = f"Its code was built from {built or 'no commit that it names'}"
    yield Finding("commit", is_right, f"{told}." if is_right else f"{told}, not from {commit}.")
    left_out = [f"{failure['distribution']}: {failure['reason']}" for failure in report["failures"]]
    if left_out:
        yield Finding("plugins", False, f"Plugins are left out. {' '.join(left_out)}")
    else:
        names = [f"{plugin['distribution']} {plugin['version']}" for plugin in report["plugins"]]
        yield Finding("plugins", True, f"{len(names)} plugins are loaded: {', '.join(names)}.")


def _health_run(platform: Platform, loaded: LoadedLocation, expected: Expectation) -> Finding:
    job = expected.job
    if job not in platform.jobs(loaded):
        told = f"The location has no job {quoted_name(job)}; name another with '--job'."
        return Finding("run", False, told)
    given = expected.run_config
    run_config = _slice(platform.default_config(loaded, job), expected.rows)
    try:
        run = platform.launch(
            loaded, job, run_config if given is None else given, {VERIFICATION_TAG: expected.commit}
        )
    except PlatformError as error:
        return Finding("run", False, str(error))
    status = _await(platform, run, expected.timeout_seconds)
    where = f"The run of {job} ({platform.url}/runs/{run})"
    if status == "SUCCESS":
        return Finding("run", True, f"{where} ended in SUCCESS.{_health(platform.health(run))}")
    if status not in ENDED:
        platform.terminate(run)
        told = f"{where} was still {status} after {expected.timeout_seconds:.0f} seconds"
        hint = " Perhaps Dagster's daemon does not run." if status == QUEUED else ""
        return Finding("run", False, f"{told}, and is ended.{hint}")
    return Finding(
        "run", False, f"{where} ended in {status}; {platform.why_failed(run) or 'see there'}"
    )


def _health(checks: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence on health checks, none of which failed."""
    passed, skipped = (
        [str(check["name"]) for check in checks if check["status"] == status]
        for status in ("ok", "skipped")
    )
    told = f" Checks passed: {quoted(passed)}." if passed else ""
    return f"{told} Did not apply: {quoted(skipped)}." if skipped else told


def _slice(default_config: str, rows: int) -> dict[str, Any]:
    """Return a default config that reads so many rows, where it reads a dataset at all."""
    import yaml

    run_config: dict[str, Any] = yaml.safe_load(default_config) or {}
    read = run_config.get("ops", {}).get("read_dataset", {}).get("config")
    if read is not None:
        read["limit_rows"] = rows
    return run_config


def _await(platform: Platform, run: str, timeout_seconds: float) -> str:
    """Return the status of a run once it has ended, or the last one when the time is up.

    A web server that is away for a moment, as while it is replaced, says nothing of the run.

    Raises:
        UnreachableError: if it does not answer when the time is up.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        is_over = time.monotonic() >= deadline
        try:
            status = platform.status(run)
        except UnreachableError:
            if is_over:
                raise
        else:
            if status in ENDED or is_over:
                return status
        time.sleep(POLL_SECONDS)
