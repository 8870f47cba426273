"""Steps of scikit-learn: what they read is a dataset, and what they write goes to results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError
from workspace_core.kits.notebook import is_notebook, note_notebook
from workspace_core.kits.scikit_learn.datasets import DatasetRef
from workspace_core.lineage import Lineage, ResourceRef, ResultsLineage
from workspace_core.lineage.references import reference
from workspace_core.lineage.step import own_command
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.kits.scikit_learn.metrics import Metrics
    from workspace_core.lineage.references import Given


def named(workspace: LocalSnapshots, given: Given) -> ResourceRef:
    """Return the reference that is meant by the name of a resource, a path, or a reference."""
    if isinstance(given, ResourceRef):
        return ResourceRef.of(*given)
    if isinstance(given, str) and given in workspace.get_resource_names():
        return ResourceRef(given)
    return reference(workspace, given)


def results_ref(workspace: LocalSnapshots, given: Given | None) -> ResourceRef:
    """Return where results go: as given, else to the one resource for results.

    Raises:
        ConfigurationError: if there is none, or more than one.
    """
    if given is not None:
        return named(workspace, given)
    names = [
        name
        for name in workspace.get_resource_names()
        if workspace.get_resource_role(name) == ResourceRoles.RESULTS
    ]
    if len(names) == 1:
        return ResourceRef(names[0])
    if not names:
        raise ConfigurationError(
            "The workspace has no resource for results; add one: dws add git --role results results"
        )
    raise ConfigurationError(
        f"The workspace has several resources for results: {', '.join(names)}; name one as "
        "results_resource."
    )


def step(
    workspace: LocalSnapshots,
    name: str,
    parameters: Mapping[str, Any],
    results: Given | None = None,
    run_description: str | None = None,
) -> Lineage:
    """Begin a step, with the modules of this program that are code of the workspace.

    Args:
        workspace: the workspace.
        name: of the step.
        parameters: by which it runs.
        results: where its results go, if it has some.
        run_description: what is to be remembered of its results.
    """
    facts: dict[str, Any] = {
        "command_line": None if is_notebook() else own_command(),
        "run_from_directory": os.getcwd(),
        "notes_modules": True,
    }
    begun = (
        Lineage(workspace, name, parameters, [], **facts)
        if results is None
        else ResultsLineage(workspace, name, parameters, [], results, run_description, **facts)
    )
    note_notebook(begun)
    return begun


def write_results(lineage: Lineage, found: Metrics) -> None:
    """Write metrics to the results of a step that has some."""
    assert isinstance(lineage, ResultsLineage)  # noqa: S101 - `step` was told where they go
    lineage.write_results(found.to_dict())


def note_input(lineage: Lineage, given: Given) -> None:
    """Take note of what a step reads.

    Of a dataset that are the files that were read of it, as they were then. Of a name or a path it
    is what is there now, on the word of the caller.
    """
    if isinstance(given, DatasetRef) and given.files:
        for one in given.files:
            lineage.add_read(one)
    else:
        lineage.add_input_ref(named(lineage.workspace, given))


def parameters_of(predictor: Any) -> dict[str, Any]:
    """Return the parameters of a predictor; those that are none of JSON's are named by class."""
    return {"predictor": type(predictor).__name__, **predictor.get_params(deep=True)}
