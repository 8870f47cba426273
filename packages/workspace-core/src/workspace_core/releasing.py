"""What a release policy may want of the lineage of data: that it is known, and still holds."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - pydantic reads annotations of this module
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from util_services import settings
from util_services.errors import quoted
from util_services.releases.checks import ReleaseCheck, Rule
from workspace_core.recording import WORKSPACE

if TYPE_CHECKING:
    from util_services.releases.checks import Candidate
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.lineage.questions import Answer, Questions


class Lineage(BaseModel):
    """What must be recorded of the data that a release is made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: list[str] = Field(
        default=[],
        description="The resources that the data may come from; by default any of source data.",
    )


def lineage(candidate: Candidate, config: Lineage) -> Iterator[Rule]:
    """Yield whether what made the data is recorded, back to their sources, and up to date."""
    from workspace_core.lineage.questions import CODE_OF_PEOPLE, FROM_OUTSIDE, UNKNOWN

    answers, missing = _answers(candidate)
    runs = {run.id for one in answers for run in one.part.steps.values()}
    origins = {ref: origin for one in answers for (ref, _), origin in one.origins.items()}
    missing += [str(ref) for ref, origin in origins.items() if origin in (UNKNOWN, FROM_OUTSIDE)]
    sources = sorted(
        {
            ref.name
            for ref, origin in origins.items()
            if origin not in (CODE_OF_PEOPLE, FROM_OUTSIDE)
        }
    )
    steps = f"{len(runs)} recorded runs, from {quoted(sources)}"
    yield Rule(
        "every step from the sources to the data is recorded",
        f"nobody recorded what made {quoted(sorted(missing))}" if missing else steps,
        not missing,
    )
    stale = sorted({str(late.ref) for one in answers for late in one.stale})
    yield Rule(
        "nothing that the data were made of has changed since",
        f"out of date: {quoted(stale)}" if stale else "all is as it was read",
        not stale,
    )
    if config.sources:
        yield Rule(
            f"made of {quoted(config.sources)} alone",
            f"made of {quoted(sources)}" if sources else "nobody knows of what",
            not missing and set(sources) <= set(config.sources),
        )


def _answers(candidate: Candidate) -> tuple[list[Answer], list[str]]:
    """Return what is known of the files that were read, and those that nothing is known of."""
    known, answers, missing = _Known(), [], []
    staged = candidate.given.staged
    for location, read in zip(staged.origin.locations, staged.objects, strict=True):
        found = None if location.container else known.of(Path(location.path), read.sha256)
        if found is None:
            missing.append(location.name)
        else:
            answers.append(found)
    return answers, missing


class _Known:
    """What workspaces know of files; each workspace is looked at once."""

    def __init__(self) -> None:
        self._asked: dict[Path, Questions] = {}

    def of(self, place: Path, sha256: str) -> Answer | None:
        """Return what is known of a file that had this digest when it was read.

        None if it is in no resource, or is not any more what was read.
        """
        from util_services.flow.digests import digests_of
        from workspace_core.errors import PathNotAResourceError
        from workspace_core.lineage.questions import questions
        from workspace_core.lineage.references import reference
        from workspace_core.store.identity import ALGORITHM

        for workspace in _workspaces(place):
            with suppress(PathNotAResourceError):
                ref = reference(workspace, place)
                if workspace.folder not in self._asked:
                    self._asked[workspace.folder] = questions(workspace)
                answer, now = (
                    self._asked[workspace.folder].made(ref),
                    digests_of(place, with_blake3=True),
                )
                content = f"{ALGORITHM}:{now.blake3}"
                is_it = (now.sha256, content) == (sha256, answer.certificate.hashval)
                return answer if is_it else None
        return None


def _workspaces(place: Path) -> Iterator[FiledWorkspace]:
    """Yield the workspace that runs are recorded in, and the one whose folder a file lies in."""
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.errors import ConfigurationError
    from workspace_core.recording.opening import opened
    from workspace_core.workspace import enclosing_workspace, load_folder

    configured = settings.text(WORKSPACE)
    if configured is not None:
        yield opened(configured)
    with suppress(ConfigurationError):
        found = load_folder(enclosing_workspace(place.parent), batch=True)
        if isinstance(found, FiledWorkspace):
            yield found


CHECKS = (ReleaseCheck("lineage", Lineage, lineage),)
