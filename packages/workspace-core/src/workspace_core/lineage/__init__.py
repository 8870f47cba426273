"""Lineage: which data, code and run made this file.

with LineageBuilder().as_script_step().with_input_path("raw").eval() as lineage:
lineage.add_output_path("clean.csv")
...

Names are imported on first use, so that commands which only ask start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workspace_core.lineage.reading import reading  # at once, for its module has the same name

if TYPE_CHECKING:
    from workspace_core.lineage.builder import LineageBuilder, lineage_step
    from workspace_core.lineage.errors import (
        ChangedInputError,
        LineageConflictError,
        LineageConsistencyError,
        LineageNotFoundError,
        StepOverError,
    )
    from workspace_core.lineage.model import (
        CodeLineage,
        HashCertificate,
        ImportedLineage,
        ResourceRef,
        SourceDataLineage,
        StepLineage,
        UnknownLineage,
    )
    from workspace_core.lineage.parameters import (
        BooleanParameter,
        ChoiceParameter,
        CmdLineParameter,
        ConstantParameter,
        LineageParameter,
        add_lineage_parameters_to_arg_parser,
        get_lineage_parameter_values,
    )
    from workspace_core.lineage.reading import FileRead
    from workspace_core.lineage.step import Lineage, ResultsLineage
    from workspace_core.lineage.store import LineageStore

__all__ = [
    "BooleanParameter",
    "ChangedInputError",
    "ChoiceParameter",
    "CmdLineParameter",
    "CodeLineage",
    "ConstantParameter",
    "FileRead",
    "HashCertificate",
    "ImportedLineage",
    "Lineage",
    "LineageBuilder",
    "LineageConflictError",
    "LineageConsistencyError",
    "LineageNotFoundError",
    "LineageParameter",
    "LineageStore",
    "ResourceRef",
    "ResultsLineage",
    "SourceDataLineage",
    "StepLineage",
    "StepOverError",
    "UnknownLineage",
    "add_lineage_parameters_to_arg_parser",
    "get_lineage_parameter_values",
    "lineage_step",
    "reading",
]

_PLACES = {
    "LineageBuilder": "builder",
    "lineage_step": "builder",
    "ChangedInputError": "errors",
    "LineageConflictError": "errors",
    "LineageConsistencyError": "errors",
    "LineageNotFoundError": "errors",
    "StepOverError": "errors",
    "CodeLineage": "model",
    "HashCertificate": "model",
    "ImportedLineage": "model",
    "ResourceRef": "model",
    "SourceDataLineage": "model",
    "StepLineage": "model",
    "UnknownLineage": "model",
    "BooleanParameter": "parameters",
    "ChoiceParameter": "parameters",
    "CmdLineParameter": "parameters",
    "ConstantParameter": "parameters",
    "LineageParameter": "parameters",
    "add_lineage_parameters_to_arg_parser": "parameters",
    "get_lineage_parameter_values": "parameters",
    "FileRead": "reading",
    "Lineage": "step",
    "ResultsLineage": "step",
    "LineageStore": "store",
}


def __getattr__(name: str) -> Any:
    """Return a name of the public interface."""
    if name not in _PLACES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"workspace_core.lineage.{_PLACES[name]}"), name)
