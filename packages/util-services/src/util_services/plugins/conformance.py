"""Check that a plugin keeps the rules for plugins; meant for one line in the tests of its author.

from util_services.plugins.conformance import check_plugin

def test_the_plugin_keeps_the_contract():
    check_plugin("my-distribution")
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING, Any

from util_services.errors import ConformanceError
from util_services.plugins.discovery import normalised
from util_services.plugins.manager import PluginManager, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

HEAVY_MODULES = ("pandas", "numpy", "pyarrow", "duckdb", "pyspark", "cryptography", "boto3")
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PROBE_TIMEOUT_SECONDS = 120
CHECKED_HOOKS = (
    "register_ops",
    "register_jobs",
    "register_sensors",
    "register_schedules",
    "register_notifiers",
)


def check_plugin(distribution: str) -> None:
    """Check an installed plugin, together with nothing but the packages that it requires.

    It is imported and all its hooks are called in a fresh interpreter, where none of
    `HEAVY_MODULES` may be loaded by that. Its names and definitions are accepted by Dagster beside
    those of util-services; names are in snake_case; jobs, sensors, schedules and config fields
    have a description; the default config of each job is valid.

    Raises:
        ConformanceError: with every rule that the plugin breaks.
    """
    name = normalised(distribution)
    violations = dict.fromkeys([*_heavy_imports(name), *_definition_faults(name)])
    if violations:
        raise ConformanceError(name, tuple(violations))


def heavy_imports(distribution: str) -> list[str]:
    """Load a plugin here, call all its hooks and return the heavy modules that are then loaded."""
    PluginManager(allowed=_family(distribution), blocked=(), log_failures=False).call_every_hook()
    return [module for module in HEAVY_MODULES if module in sys.modules]


def _heavy_imports(distribution: str) -> Iterator[str]:
    program = (
        "import json, sys; from util_services.plugins.conformance import heavy_imports; "
        "print(json.dumps(heavy_imports(sys.argv[1])))"
    )
    answer = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program, distribution],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=PROBE_TIMEOUT_SECONDS,
        check=False,
    )
    if answer.returncode:
        yield f"It cannot be loaded in a fresh interpreter: {answer.stderr.strip()}"
        return
    for module in json.loads(answer.stdout.splitlines()[-1]):
        yield f"Loading it imports {module}; import that inside the operation which needs it."


def _definition_faults(distribution: str) -> Iterator[str]:
    from util_services.location import build_location
    from util_services.notifications.channel import Notifier

    manager = PluginManager(allowed=_family(distribution), blocked=(), log_failures=False)
    location = build_location(strict=False, manager=manager)
    failures = [f.reason for f in manager.failures if f.plugin.distribution == distribution]
    yield from failures
    own = [plugin for plugin in manager.plugins if plugin.distribution == distribution]
    if not own and not failures:
        yield "It is not installed, or has no entry point in the group 'data_services'."
    brought: dict[str, list[Any]] = {
        hook: [
            item
            for result in manager.results(hook)
            if result.plugin in own
            for item in result.value
        ]
        for hook in CHECKED_HOOKS
    }
    for job in brought["register_jobs"]:
        yield from _job_faults(location.definitions.resolve_job_def(job.name))
    for op in brought["register_ops"]:
        yield from _node_faults(op)
    for instigator in (*brought["register_sensors"], *brought["register_schedules"]):
        if not instigator.description:
            yield f"'{instigator.name}' has no description; say what it reacts to."
    for notifier in brought["register_notifiers"]:
        if not isinstance(notifier, Notifier):
            yield f"'{name_of(notifier)}' is no util_services.notifications.channel.Notifier."


def _job_faults(job: dg.JobDefinition) -> Iterator[str]:
    import dagster as dg

    if not SNAKE_CASE.fullmatch(job.name):
        yield f"The job '{job.name}' is not named in snake_case."
    if not job.description:
        yield f"The job '{job.name}' has no description; write a docstring."
    try:
        dg.validate_run_config(job, {})
    except dg.DagsterInvalidConfigError as error:
        text = " ".join(str(error).split())
        yield f"The default config of '{job.name}' is not valid: {text}"
    for node in job.all_node_defs:
        yield from _node_faults(node)


def _node_faults(node: Any) -> Iterator[str]:
    if not SNAKE_CASE.fullmatch(node.name):
        yield f"The op '{node.name}' is not named in snake_case."
    if node.has_config_field:
        for path in _undescribed(node.config_schema.config_type):
            yield f"The config field '{path}' of '{node.name}' has no description."


def _undescribed(config_type: Any) -> Iterator[str]:
    """List the paths of the fields without a description, through lists, maps and options."""
    from dagster._config import ConfigTypeKind

    if config_type.kind == ConfigTypeKind.SCALAR_UNION:  # a value, or Dagster's own {"env": ...}
        return
    for name, field in (getattr(config_type, "fields", None) or {}).items():
        if not field.description:
            yield name
        for path in _undescribed(field.config_type):
            yield f"{name}.{path}"
    for inner in getattr(config_type, "type_params", None) or ():
        yield from _undescribed(inner)


def _family(distribution: str) -> set[str]:
    """Return a distribution and all that it requires, by normalised name."""
    family: set[str] = set()
    waiting = [normalised(distribution)]
    while waiting:
        name = waiting.pop()
        if name in family:
            continue
        family.add(name)
        try:
            requirements = requires(name) or []
        except PackageNotFoundError:  # an optional requirement that is absent
            continue
        waiting += [
            normalised(match[0]) for text in requirements if (match := re.match(r"[\w.-]+", text))
        ]
    return family
