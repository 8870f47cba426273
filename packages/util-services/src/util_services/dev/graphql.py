"""The few questions that `dev_server` asks Dagster's web server; imports no Dagster."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 20.0
LAUNCHED_BY = ".dagster/grpc_info"  # Dagster's tag for the code server that a run belongs to
AT_WORK = ["STARTING", "STARTED", "CANCELING"]

LOAD_ERROR = """
query { workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  ... on PythonError { message className stack errorChain { error { message className stack } } }
} } } } }
"""
RUNS = """
query ($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { runId } } } }
"""
TERMINATE = """
mutation ($runs: [String!]!, $policy: TerminateRunPolicy) {
  terminateRuns(runIds: $runs, terminatePolicy: $policy) { __typename }
}
"""


class UnreachableError(DataServicesError):
    """Raised when the web server does not answer."""


@dataclass(frozen=True, slots=True)
class LoadError:
    """Why a code location does not load: the innermost error's sentence, and all of it."""

    sentence: str
    details: str


class DagsterGraphQL:
    """A client of one web server.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        # A proxy that the environment names is for other machines.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def is_ready(self) -> bool:
        """Tell whether the web server answers."""
        try:
            self._fetch("/server_info")
        except UnreachableError:
            return False
        return True

    def load_error(self, location: str) -> LoadError | None:
        """Return why a code location does not load; None where it does."""
        entries = self._ask(LOAD_ERROR)["workspaceOrError"]["locationEntries"]
        found = next(e["locationOrLoadError"] for e in entries if e["name"] == location)
        if "message" not in found:
            return None
        chain = [found, *(link["error"] for link in found["errorChain"])]
        details = "".join(f"{e['message']}\n{''.join(e['stack'])}" for e in chain)
        return LoadError(_sentence(chain[-1]), details)

    def runs_at_work(self, socket: str) -> list[str]:
        """Return the ids of the runs that the code server at a socket has under way."""
        tag = {"key": LAUNCHED_BY, "value": json.dumps({"host": "localhost", "socket": socket})}
        answer = self._ask(RUNS, filter={"statuses": AT_WORK, "tags": [tag]})
        return [run["runId"] for run in answer["runsOrError"]["results"]]

    def terminate(self, runs: Sequence[str]) -> None:
        """Ask runs to end."""
        if runs:
            self._ask(TERMINATE, runs=list(runs), policy="SAFE_TERMINATE")

    def forget_runs(self, socket: str) -> None:
        """Mark the runs of a code server that was killed as cancelled."""
        if runs := self.runs_at_work(socket):
            self._ask(TERMINATE, runs=runs, policy="MARK_AS_CANCELED_IMMEDIATELY")

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self._fetch("/graphql", {"query": query, "variables": variables})
        if not answer.get("data"):
            raise UnreachableError("Dagster's web server did not understand a question.")
        data: dict[str, Any] = answer["data"]
        return data

    def _fetch(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - http by construction
            self.url + path,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"} if body else {},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
        except (OSError, ValueError):
            raise UnreachableError("Dagster's web server does not answer.") from None
        return answer


def _sentence(error: dict[str, Any]) -> str:
    """Return the text of an error of Dagster's, without the module of its class."""
    return str(error["message"]).strip().removeprefix(f"{error['className']}: ")
