"""What a deployment asks Dagster's web server: which code is loaded, load it anew, run a job."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.deployment.image import tag_of
from util_services.errors import (
    ConfigurationError,
    DataServicesError,
    RefusedError,
    quoted,
    quoted_name,
)
from util_services.graphql import (
    PYTHON_ERROR,
    AwayError,
    GraphQL,
    LoadError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
PATIENCE_SECONDS = 30.0  # with a web server that is away; it may be deployed at the same time
POLL_SECONDS = 2.0
RELOAD_SECONDS = 120.0  # the web server answers once the code server has loaded its code again
REPORT_JOB = "plugin_report_job"  # whose metadata hold the report on the plugins of its location
REPORT = "data_services/plugins"
HEALTH = "health"  # what the checks of health_check_job found, in the metadata of its op

ENTRY = f"""
  name loadStatus displayMetadata {{ key value }}
  locationOrLoadError {{ __typename
    ... on RepositoryLocation {{ repositories {{ name }} }} ... on PythonError {{ {PYTHON_ERROR} }}
  }}
"""
ENTRIES = f"""
query {{ workspaceOrError {{ __typename ... on Workspace {{ locationEntries {{ {ENTRY} }} }} }} }}
"""
RELOAD = f"""
mutation ($name: String!) {{ reloadRepositoryLocation(repositoryLocationName: $name) {{ __typename
  ... on WorkspaceLocationEntry {{ {ENTRY} }} ... on PythonError {{ {PYTHON_ERROR} }}
}} }}
"""
JOBS = """
query ($selector: RepositorySelector!) { repositoryOrError(repositorySelector: $selector) {
  ... on Repository { jobs { name } } } }
"""
JOB_METADATA = """
query ($selector: PipelineSelector!) { pipelineOrError(params: $selector) { ... on Pipeline {
  metadataEntries { label ... on JsonMetadataEntry { jsonString } } } } }
"""
DEFAULT_CONFIG = """
query ($selector: PipelineSelector!) { runConfigSchemaOrError(selector: $selector) {
  ... on RunConfigSchema { rootDefaultYaml } } }
"""
LAUNCH = """
mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { reason path: stack { entries {
    ... on EvaluationStackPathEntry { fieldName } } } } }
} }
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
FAILURES = """
query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey error { className } failureMetadata { description } }
} } } }
"""
METADATA = """
query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on ExecutionStepOutputEvent { found: metadataEntries { ...named } }
  ... on ExecutionStepFailureEvent { failureMetadata { found: metadataEntries { ...named } } }
} } } }
fragment named on MetadataEntry { label ... on JsonMetadataEntry { jsonString } }
"""
TERMINATE = """
mutation ($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) {
  __typename
} }
"""


class PlatformError(DataServicesError):
    """Raised when the platform does not do what it is asked to."""


@dataclass(frozen=True, slots=True)
class LoadedLocation:
    """A code location as the web server sees it.

    Args:
        name: of the location.
        image: what its code server says it runs, None where it says nothing.
        repository: the name of its repository, None where it is not loaded.
        error: why it is not loaded.
        is_loading: whether the web server is still at it.
    """

    name: str
    image: str | None
    repository: str | None
    error: LoadError | None
    is_loading: bool

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Return the record of an answer with the fields of ``ENTRY``."""
        shown = {item["key"]: item["value"] for item in entry["displayMetadata"]}
        found = entry["locationOrLoadError"] or {}
        repositories = found.get("repositories") or [{}]
        return cls(
            entry["name"],
            shown.get("image"),
            repositories[0].get("name"),
            LoadError.of(found) if "message" in found else None,
            entry["loadStatus"] != "LOADED" or not found,
        )

    @property
    def tag(self) -> str | None:
        """The tag of the image."""
        return tag_of(self.image) if self.image else None


class Platform:
    """A web server, and the code location of data-services in its workspace."""

    def __init__(self, url: str, location: str, token: str | None = None) -> None:
        self._graphql = GraphQL(url, token)
        self._patient = GraphQL(url, token, timeout_seconds=RELOAD_SECONDS)
        self.url, self.location = self._graphql.url, location

    def locations(self) -> list[LoadedLocation]:
        """Return all code locations of the workspace.

        Raises:
            UnreachableError: if what answers is no web server of Dagster's.
            PlatformError: if Dagster cannot tell.
        """
        answer = self._graphql.ask(ENTRIES)
        try:
            workspace = answer["workspaceOrError"]
            if workspace["__typename"] == "Workspace":
                return [LoadedLocation.of(entry) for entry in workspace["locationEntries"]]
        except (AttributeError, IndexError, KeyError, TypeError):
            raise UnreachableError(
                "What answers is no Dagster web server, or not one of Dagster 1.13; check the "
                "address."
            ) from None
        raise PlatformError("Dagster cannot read its own workspace; look into its log.")

    def loaded(self, patience_seconds: float = 0.0) -> LoadedLocation:
        """Return our code location; the first thing to be asked.

        Args:
            patience_seconds: how long to wait for a web server that is away.

        Raises:
            RefusedError: if the web server does not answer, or has no location of this name.
        """
        locations = self._patiently(patience_seconds)
        for found in locations:
            if found.name == self.location:
                return found
        raise ConfigurationError(
            f"The platform has no code location {quoted_name(self.location)}, but "
            f"{quoted([found.name for found in locations]) or 'none at all'}; name one with "
            "'--location'."
        )

    def _patiently(self, seconds: float) -> list[LoadedLocation]:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.locations()
            except UnreachableError as error:
                if not isinstance(error, AwayError) or time.monotonic() >= deadline:
                    raise RefusedError(str(error)) from None
            time.sleep(POLL_SECONDS)

    def reload(self) -> LoadedLocation:
        """Have our code location loaded anew and return it as it is then."""
        answer = self._patient.ask(RELOAD, name=self.location)["reloadRepositoryLocation"]
        match answer["__typename"]:
            case "WorkspaceLocationEntry":
                return LoadedLocation.of(answer)
            case "RepositoryLocationNotFound":
                return self.loaded()  # raises, and names those that there are
            case "PythonError":
                raise PlatformError(
                    f"Dagster could not reload the code location: {LoadError.of(answer).sentence}"
                )
            case kind:
                raise PlatformError(
                    f"Dagster did not reload the code location ({kind}); check the rights of the "
                    "token."
                )

    def jobs(self, loaded: LoadedLocation) -> list[str]:
        """Return the names of the jobs of a loaded location."""
        selector = {
            "repositoryLocationName": loaded.name,
            "repositoryName": loaded.repository,
        }
        answer = self._graphql.ask(JOBS, selector=selector)["repositoryOrError"]
        return [job["name"] for job in answer.get("jobs", [])]

    def plugin_report(self, loaded: LoadedLocation) -> dict[str, Any] | None:
        """Return the report on the plugins of a loaded location, None where it has none."""
        selector = _selector(loaded, "pipelineName", REPORT_JOB)
        answer = self._graphql.ask(JOB_METADATA, selector=selector)["pipelineOrError"]
        for entry in answer.get("metadataEntries", []):
            if entry["label"] == REPORT:
                report: dict[str, Any] = json.loads(entry["jsonString"])
                return report
        return None

    def default_config(self, loaded: LoadedLocation, job: str) -> str:
        """Return the run config that the launchpad proposes for a job, as YAML."""
        selector = _selector(loaded, "pipelineName", job)
        answer = self._graphql.ask(DEFAULT_CONFIG, selector=selector)["runConfigSchemaOrError"]
        return str(answer.get("rootDefaultYaml", "{}"))

    def launch(
        self,
        loaded: LoadedLocation,
        job: str,
        run_config: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> str:
        """Launch a run and return its id.

        Raises:
            PlatformError: if Dagster does not launch it.
        """
        parameters = {
            "selector": _selector(loaded, "jobName", job),
            "runConfigData": run_config,
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        answer = self._graphql.ask(LAUNCH, parameters=parameters)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            wrong = answer["errors"][0]["reason"] if answer.get("errors") else ""
            reason = f"{answer['__typename']}{f', {wrong}' if wrong else ''}"
            raise PlatformError(
                f"Dagster did not launch {quoted_name(job)} ({reason}); check its run config."
            )
        return str(answer["run"]["runId"])

    def status(self, run: str) -> str:
        """Return the status of a run."""
        return str(self._graphql.ask(STATUS, run=run)["runOrError"].get("status", "UNKNOWN"))

    def why_failed(self, run: str) -> str | None:
        """Return the sentence with which a run's first failed step ended.

        A text that is none of ours could quote a value: of such an error only the class is told.
        """
        events = self._graphql.ask(FAILURES, run=run)["logsForRun"].get("events", [])
        for event in filter(None, events):
            told = (event["failureMetadata"] or {}).get("description")
            kind = (event["error"] or {}).get("className")
            return f"step {event['stepKey']}: {told or kind or 'no reason is given'}"
        return None

    def health(self, run: str) -> list[dict[str, Any]]:
        """Return what the health checks of a run found, nothing where it has made none."""
        events = self._graphql.ask(METADATA, run=run)["logsForRun"].get("events", [])
        for event in filter(None, events):
            for entry in (event.get("failureMetadata") or event).get("found", []):
                if entry["label"] == HEALTH and "jsonString" in entry:
                    checks: list[dict[str, Any]] = json.loads(entry["jsonString"])["checks"]
                    return checks
        return []

    def terminate(self, run: str) -> None:
        """Ask a run to end."""
        self._graphql.ask(TERMINATE, run=run)


def _selector(loaded: LoadedLocation, kind: str, job: str) -> dict[str, str | None]:
    return {
        "repositoryLocationName": loaded.name,
        "repositoryName": loaded.repository,
        kind: job,
    }
