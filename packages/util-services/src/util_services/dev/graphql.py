"""The few questions that `server` asks Dagster's web server; imports no Dagster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from util_services.graphql import PYTHON_ERROR, GraphQL, LoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

LAUNCHED_BY = ".dagster/grpc_info"  # Dagster's tag for the code server that a run belongs to
AT_WORK = ["STARTING", "STARTED", "CANCELING"]

LOAD_ERROR = f"""
query {{ workspaceOrError {{ ... on Workspace {{ locationEntries {{ name locationOrLoadError {{
  ... on PythonError {{ {PYTHON_ERROR} }}
}} }} }} }} }}
"""
RUNS = """
query ($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { runId } } } }
"""
TERMINATE = """
mutation ($runs: [String!]!, $policy: TerminateRunPolicy) {
  terminateRuns(runIds: $runs, terminatePolicy: $policy) { __typename }
}
"""


class DagsterGraphQL(GraphQL):
    """A client of the web server that `server` has started."""

    def load_error(self, location: str) -> LoadError | None:
        """Return why a code location does not load; None where it does."""
        entries = self.ask(LOAD_ERROR)["workspaceOrError"]["locationEntries"]
        found = next(e["locationOrLoadError"] for e in entries if e["name"] == location)
        return LoadError.of(found) if "message" in found else None

    def runs_at_work(self, socket: str) -> list[str]:
        """Return the ids of the runs that the code server at a socket has under way."""
        tag = {"key": LAUNCHED_BY, "value": json.dumps({"host": "localhost", "socket": socket})}
        answer = self.ask(RUNS, filter={"statuses": AT_WORK, "tags": [tag]})
        return [run["runId"] for run in answer["runsOrError"]["results"]]

    def terminate(self, runs: Sequence[str]) -> None:
        """Ask runs to end."""
        if runs:
            self.ask(TERMINATE, runs=list(runs), policy="SAFE_TERMINATE")

    def forget_runs(self, socket: str) -> None:
        """Mark the runs of a code server that was killed as cancelled."""
        if runs := self.runs_at_work(socket):
            self.ask(TERMINATE, runs=runs, policy="MARK_AS_CANCELED_IMMEDIATELY")
