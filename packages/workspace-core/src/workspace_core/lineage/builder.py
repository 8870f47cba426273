"""The builder of steps, and steps as decorated functions."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

from workspace_core.errors import ApiParamError, ConfigurationError, NotSupportedError
from workspace_core.lineage.code import step_name_of
from workspace_core.lineage.errors import LineageConsistencyError
from workspace_core.lineage.step import Lineage, ResultsLineage, own_command
from workspace_core.workspace import find_and_load_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.model import ResourceRef
    from workspace_core.lineage.references import Given

Function = TypeVar("Function", bound="Callable[..., Any]")


class LineageBuilder:
    """Collects what a step is, and begins it.

    Each method returns the builder; `eval` begins the step.
    """

    def __init__(self) -> None:
        self._step_name: str | None = None
        self._parameters: Mapping[str, Any] | None = None
        self._inputs: list[Given] = []
        self._has_no_inputs = False
        self._code: list[Given] = []
        self._outputs: list[Given] = []
        self._workspace_dir: str | None = None
        self._results_dir: Given | None = None
        self._run_description: str | None = None
        self._command_line: list[str] | None = None
        self._notes_modules = False

    def as_script_step(self) -> Self:
        """Call the step like this script, and take note of the code of the workspace that runs."""
        self._command_line = own_command()
        self.with_loaded_code()
        return self.with_step_name(step_name_of(sys.argv[:1]))

    def with_step_name(self, step_name: str) -> Self:
        """Call the step so."""
        self._once(self._step_name, "a name")
        self._step_name = step_name
        return self

    def with_parameters(self, parameters: Mapping[str, Any]) -> Self:
        """Say by which parameters it runs, such as the arguments of the command line."""
        self._once(self._parameters, "parameters")
        self._parameters = parameters
        return self

    def with_input_path(self, path: str | os.PathLike[str]) -> Self:
        """Say that it reads a file or a directory."""
        return self._with_input(path)

    def with_input_paths(self, paths: Sequence[str | os.PathLike[str]]) -> Self:
        """Say that it reads files or directories."""
        for path in paths:
            self._with_input(path)
        return self

    def with_input_ref(self, ref: ResourceRef) -> Self:
        """Say that it reads a resource, or a path in one."""
        return self._with_input(ref)

    def with_no_inputs(self) -> Self:
        """Say that it reads nothing."""
        self._has_no_inputs = True
        return self

    def with_inputs_when_read(self) -> Self:
        """Say that what it reads is told while it runs, as the kits do."""
        return self.with_no_inputs()

    def with_code_path(self, path: str | os.PathLike[str]) -> Self:
        """Say by which code it runs."""
        self._code.append(path)
        return self

    def with_code_ref(self, ref: ResourceRef) -> Self:
        """Say by which code it runs."""
        self._code.append(ref)
        return self

    def with_loaded_code(self) -> Self:
        """Say that it runs by the modules of this program that are code of the workspace."""
        self._notes_modules = True
        return self

    def with_output_path(self, path: str | os.PathLike[str]) -> Self:
        """Say that it writes a file, or files in a directory."""
        self._outputs.append(path)
        return self

    def with_output_ref(self, ref: ResourceRef) -> Self:
        """Say that it writes a resource, or a path in one."""
        self._outputs.append(ref)
        return self

    def with_workspace_directory(self, workspace_dir: str | os.PathLike[str]) -> Self:
        """Say where the workspace is; by default the nearest one above this folder."""
        self._workspace_dir = os.fspath(workspace_dir)
        return self

    def as_results_step(
        self, results_dir: str | os.PathLike[str], run_description: str | None = None
    ) -> Self:
        """Say that it has results, and where they go."""
        self._once(self._results_dir, "a folder of results")
        self._results_dir, self._run_description = results_dir, run_description
        return self

    def eval(self) -> Lineage:
        """Begin the step: its inputs are hashed now.

        Raises:
            LineageConsistencyError: if something is missing, or contradicts itself.
            ConfigurationError: if an input is not there, or belongs to no resource.
        """
        if self._step_name is None:
            raise LineageConsistencyError("A step has a name; call with_step_name().")
        if self._has_no_inputs == bool(self._inputs):
            raise LineageConsistencyError(
                f"The step '{self._step_name}' has inputs or none; call with_input_path() or "
                "with_no_inputs(), and not both."
            )
        workspace = loaded_workspace(self._workspace_dir)
        options: dict[str, Any] = {
            "code": self._code,
            "outputs": self._outputs,
            "command_line": self._command_line,
            "run_from_directory": os.getcwd(),
            "notes_modules": self._notes_modules,
        }
        parameters = self._parameters or {}
        if self._results_dir is None:
            return Lineage(workspace, self._step_name, parameters, self._inputs, **options)
        return ResultsLineage(
            workspace,
            self._step_name,
            parameters,
            self._inputs,
            self._results_dir,
            self._run_description,
            **options,
        )

    def _with_input(self, given: Given) -> Self:
        self._inputs.append(given)
        return self

    @staticmethod
    def _once(before: object, what: str) -> None:
        if before is not None:
            raise LineageConsistencyError(f"A step has {what} once; it was given twice.")


def lineage_step(
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    results_dir: str | None = None,
    name: str | None = None,
    workspace_dir: str | None = None,
) -> Callable[[Function], Function]:
    """Let each call of a function be a run of a step.

    Args:
        inputs: which arguments are paths, or lists of paths, that it reads.
        outputs: which arguments are paths, or lists of paths, that it writes.
        results_dir: which argument is the path of its results. A mapping that the function returns
            is its metrics then.
        name: of the step; by default that of the function.
        workspace_dir: where the workspace is.

    All other arguments are its parameters, and the file of the function is its code.

    Raises:
        ApiParamError: if the function has no such argument.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        paths = {*inputs, *outputs, *([results_dir] if results_dir else ())}
        if unknown := sorted(paths - signature.parameters.keys()):
            raise ApiParamError(
                f"{function.__name__}() has no argument '{unknown[0]}'; name arguments that are "
                "paths."
            )

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.arguments
            builder = LineageBuilder().with_step_name(name or function.__name__)
            builder.with_parameters({k: v for k, v in given.items() if k not in paths})
            read = [path for one in inputs for path in _paths(given[one])]
            builder.with_input_paths(read) if read else builder.with_no_inputs()
            for one in outputs:
                for path in _paths(given[one]):
                    builder.with_output_path(path)
            if workspace_dir is not None:
                builder.with_workspace_directory(workspace_dir)
            if results_dir is not None:
                builder.as_results_step(given[results_dir])
            builder._code += _code_of(function, workspace_dir)
            with builder.eval() as lineage:
                found = function(*args, **kwargs)
                if isinstance(lineage, ResultsLineage) and isinstance(found, dict):
                    lineage.write_results(found)
            return found

        return run  # type: ignore[return-value]

    return decorate


def loaded_workspace(folder: str | None = None) -> LocalSnapshots:
    """Return the workspace in a folder, or the nearest one from here or the script upwards.

    Raises:
        ConfigurationError: if there is none.
        NotSupportedError: if it keeps no lineage.
    """
    from workspace_core.backends.snapshots import LocalSnapshots

    try:
        found = find_and_load_workspace(folder, batch=True)
    except ConfigurationError:
        script = os.path.abspath(sys.argv[0] or os.curdir)
        home = _above(script) if folder is None else None
        if home is None:
            raise
        found = find_and_load_workspace(home, batch=True)
    if not isinstance(found, LocalSnapshots) or not found.supports_lineage():
        raise NotSupportedError("The backend of this workspace keeps no lineage.")
    return found


def _above(path: str) -> str | None:
    from workspace_core.workspace import CONFIG_FILE, METADATA_FOLDER

    while (parent := os.path.dirname(path)) != path:
        path = parent
        if os.path.isfile(os.path.join(path, METADATA_FOLDER, CONFIG_FILE)):
            return path
    return None


def _paths(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def _code_of(function: Callable[..., Any], workspace_dir: str | None) -> list[str]:
    from workspace_core.lineage.code import code_among

    file = inspect.getsourcefile(function)
    return [] if file is None else code_among(loaded_workspace(workspace_dir), [file])
