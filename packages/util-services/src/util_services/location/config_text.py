"""The default run config of a job as data and as commented YAML."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import dagster as dg
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from util_services.runs.check import CHECKED_OPS, check_config, whole_config

COMMENT_WIDTH = 96
NOTHING: Mapping[str, Any] = MappingProxyType({})


def default_config(job: dg.JobDefinition, given: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Return the run config that a job runs with when nothing else is given than that."""
    configs = check_config(job, given)
    ops = {name: {"config": config.model_dump(mode="json")} for name, config in configs.items()}
    plain = [node.name for node in job.nodes_in_topological_order if node.name not in ops]
    if plain:
        resolved = dg.validate_run_config(job, whole_config(job, given))["ops"]
        ops |= {
            name: {"config": resolved[name]["config"]}
            for name in plain
            if resolved.get(name, {}).get("config")
        }
    return {"ops": ops} if ops else {}


def default_config_yaml(job: dg.JobDefinition, given: Mapping[str, Any] = NOTHING) -> str:
    """Return the default run config as YAML with the description of each key above it."""
    config = default_config(job, given)
    lines = [f"# Run config of {job.name}: data-services run {job.name} --config THIS_FILE"]
    if not config:
        return "\n".join([*lines, "{}", ""])
    lines.append("ops:")
    for name, op in config["ops"].items():
        checked = CHECKED_OPS.get(job.graph.node_named(name).definition.name)
        fields = checked.config.model_fields if checked else {}
        entries = list(_entries(op["config"], fields, "      "))
        lines += [f"  {name}:", "    config:" if entries else "    config: {}", *entries]
    return "\n".join([*lines, ""])


def _entries(
    values: Mapping[str, Any], fields: Mapping[str, FieldInfo], indent: str
) -> Iterator[str]:
    for key, value in values.items():
        field = fields.get(key)
        if field is not None and field.description:
            yield from _comment(field.description, indent)
        inner = field.annotation if field is not None else None
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, BaseModel):
            yield f"{indent}{key}:"
            yield from _entries(value, inner.model_fields, indent + "  ")
        else:
            yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"  # JSON is YAML


def _comment(description: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        description, COMMENT_WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )
