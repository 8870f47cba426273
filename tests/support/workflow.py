"""Run the steps of a job of a workflow, as a runner does: their commands, variables, conditions.

What `uses` an action is left to the caller, who has the checkout at hand.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SECRET = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")
IF_ONE_FAILED = re.compile(r"failure\(\) && steps\.(\w+)\.outcome != 'skipped'")
STEP_SECONDS = 900


@dataclass(frozen=True)
class Step:
    """What became of a step."""

    name: str
    outcome: str  # as GitHub's and Gitea's contexts have it
    said: str


@dataclass(frozen=True)
class Job:
    """A job of a workflow, and what a runner would give it.

    Args:
        root: the checkout.
        workflow: the name of the workflow's file.
        name: of the job.
        secrets: those of the repository, by name; others are empty, as on a server.
        environment: what the runner's own environment holds.
    """

    root: Path
    workflow: str
    name: str
    secrets: Mapping[str, str]
    environment: Mapping[str, str]

    def run(self, after: Callable[[Step], None] = lambda _: None) -> list[Step]:
        """Run the steps in order and return what became of them; the caller hears of each."""
        file = self.root / ".gitea/workflows" / self.workflow
        job = yaml.safe_load(file.read_text())["jobs"][self.name]
        done: list[Step] = []
        outcomes: dict[str, str] = {}
        for step in (one for one in job["steps"] if "run" in one):
            is_meant = self._is_meant(step.get("if"), done, outcomes)
            given = {**job.get("env", {}), **step.get("env", {})}
            found = self._run(step, given) if is_meant else Step(step["name"], "skipped", "")
            outcomes[step.get("id", "")] = found.outcome
            done.append(found)
            after(found)
        return done

    def _is_meant(
        self, condition: str | None, done: list[Step], outcomes: Mapping[str, str]
    ) -> bool:
        has_failed = any(step.outcome == "failure" for step in done)
        if condition is None:
            return not has_failed
        match = IF_ONE_FAILED.fullmatch(condition)
        assert match, f"this runner does not know the condition {condition}"
        return has_failed and outcomes[match[1]] != "skipped"

    def _run(self, step: Mapping[str, str], given: Mapping[str, str]) -> Step:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.root,
            env={**self.environment, **dict(self._filled(given))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        return Step(step["name"], "failure" if done.returncode else "success", done.stdout)

    def _filled(self, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for name, text in given.items():
            yield name, SECRET.sub(lambda match: self.secrets.get(match[1], ""), text)


def runner_environment(folder: Path, given: Mapping[str, str], uv: str) -> dict[str, str]:
    """Return the environment of a runner that has uv and knows nothing of this test run."""
    foreign = ("DATA_SERVICES_", "UV", "VIRTUAL_ENV", "DAGSTER_", "PYTEST_")
    kept = {name: text for name, text in given.items() if not name.startswith(foreign)}
    path = os.pathsep.join((os.path.dirname(uv), kept["PATH"]))  # noqa: PTH120 - a text
    return kept | {"PATH": path, "GITHUB_PATH": str(folder / "path")}
