"""Lineage: which data, code and run made this file.

with LineageBuilder().as_script_step().with_input_path("raw").eval() as lineage:
lineage.add_output_path("clean.csv")
...
"""

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
from workspace_core.lineage.reading import FileRead, reading
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
