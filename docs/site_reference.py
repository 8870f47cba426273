"""Write the reference of the documentation site from the code, before the site is built.

What it writes lies in ``docs/reference`` and belongs to no commit, so it is never out of date.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import shutil
import typing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import click
    import dagster as dg
    from pydantic.fields import FieldInfo
    from sphinx.application import Sphinx

REFERENCE = Path(__file__).parent / "reference"
API = (
    "data_processing",
    "dataframe_anonymisation",
    "field_pseudonymisation",
    "field_pseudonymisation.ff1",
    "workspace_core.api",
    "util_services.reports",
    "util_services.releases.checks",
    "util_services.plugins.conformance",
)
TWIN = "_s3"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("csv", TextLexer)
    app.connect("builder-inited", lambda _app: write_reference(REFERENCE))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_reference(folder: Path) -> None:
    """Write all pages of the reference into a folder, which holds nothing else afterwards."""
    logging.getLogger("util_services").setLevel(logging.ERROR)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = {
        **_job_pages(),
        "options": _options(),
        "commands": _commands("data-services", _data_services()),
        "dws": _commands("dws", _dws()),
        "steps": _steps(),
        "plugins": _plugins(),
        "python": _python(),
    }
    for name, lines in pages.items():
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "index.md").write_text("\n".join(_index(pages)) + "\n", encoding="utf-8")


def _index(pages: Iterable[str]) -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Written from the code: jobs with all options and defaults, commands, hooks, functions."
    yield ""
    yield "```{toctree}"
    yield ":maxdepth: 1"
    yield ""
    yield from pages
    yield "```"


@functools.cache
def _jobs() -> dict[str, dg.JobDefinition]:
    from util_services.location import build_location

    return {job.name: job for job in build_location().definitions.resolve_all_job_defs()}


def _job_pages() -> dict[str, list[str]]:
    found: dict[str, list[dg.JobDefinition]] = {}
    jobs = _jobs()
    for name, job in sorted(jobs.items()):
        if not name.startswith("__") and name.removesuffix(TWIN) not in set(jobs) - {name}:
            found.setdefault(_package_of(job), []).append(job)
    return {
        f"jobs-{package}": list(_job_page(package, of_package, jobs))
        for package, of_package in sorted(found.items())
    }


def _package_of(job: dg.JobDefinition) -> str:
    return str(job.metadata["data_services/distribution"].value)


def _job_page(
    package: str, jobs: list[dg.JobDefinition], known: dict[str, dg.JobDefinition]
) -> Iterator[str]:
    from util_services.location.config_text import default_config_yaml

    yield f"# Jobs of {package}"
    for job in jobs:
        yield f"\n## {job.name}\n"
        yield f"{inspect.cleandoc(job.description or '')}\n"
        if job.name + TWIN in known:
            yield f"Its twin `{job.name}{TWIN}` works on a bucket, with the same config.\n"
        yield f"```yaml\n{default_config_yaml(job)}```"


def _options() -> Iterator[str]:
    """Yield options that no default config shows: inside of others, and of ops without a job."""
    yield "# Options inside of options"
    yield ""
    yield "What stands below the keys of run configs that hold mappings or lists of mappings, and"
    yield "the options of operations that only pipelines have."
    for path, model in sorted(_inner_options().items()):
        yield f"\n## {path}\n"
        yield f"{inspect.cleandoc(model.__doc__ or '')}\n"
        yield "| key | default | |\n|---|---|---|"
        for key, field in model.model_fields.items():
            default = "required" if field.is_required() else _default_of(field)
            yield f"| `{key}` | {default} | {_in_a_cell(field.description or '')} |"


def _default_of(field: FieldInfo) -> str:
    return f"`{json.dumps(field.get_default(call_default_factory=True), default=str)}`"


def _inner_options() -> dict[str, type[BaseModel]]:
    """Return the classes of options, by the shortest place where they stand."""
    from util_services.runs.check import CHECKED_OPS

    found: dict[type[BaseModel], str] = {}
    of_jobs = {node.name for job in _jobs().values() for node in job.graph.node_defs}
    for name, checked in sorted(CHECKED_OPS.items()):
        if name not in of_jobs:
            found[checked.config] = name
        for path, model in _below(name, checked.config):
            if model not in found:
                found[model] = path
    return {path: model for model, path in found.items()}


def _below(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for key, field in model.model_fields.items():
        for inner in _classes_in(field.annotation):
            yield f"{path}.{key}", inner
            yield from _below(f"{path}.{key}", inner)


def _classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _classes_in(inner)


def _data_services() -> click.Command:
    from util_services.cli.main import data_services

    return data_services


def _dws() -> click.Command:
    from workspace_core.cli.main import dws

    return dws


def _commands(name: str, command: click.Command) -> list[str]:
    import click

    return [
        f"# The command {name}",
        *_help_of(command, click.Context(command, info_name=name, terminal_width=88)),
    ]


def _help_of(command: click.Command, context: click.Context) -> Iterator[str]:
    import click

    yield f"\n## {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                inside = click.Context(inner, parent=context, info_name=name, terminal_width=88)
                yield from _help_of(inner, inside)


def _steps() -> list[str]:
    return [
        "# Cleaning steps",
        "",
        "```{toctree}",
        ":glob:",
        ":maxdepth: 1",
        "",
        "../steps/*",
        "```",
    ]


def _plugins() -> Iterator[str]:
    from util_services.plugins.manager import plugin_manager

    manager = plugin_manager()
    yield "# Hooks, and what the packages bring to them"
    for name, spec in sorted(_hooks().items()):
        yield f"\n## {name}\n"
        yield f"Returns `{inspect.signature(spec).return_annotation}`.\n"
        told = inspect.cleandoc(spec.__doc__ or "").removeprefix("Return ")
        yield f"{told[:1].upper()}{told[1:]}\n"
        brought = manager.named(name) if name in NAMED else {}
        if brought:
            yield "| name | package | |\n|---|---|---|"
        for one in brought.values():
            yield f"| `{one.name}` | {one.plugin.distribution} | {_summary(one.value)} |"


NAMED = {
    "register_steps", "register_techniques", "register_detectors", "register_hierarchies",
    "register_release_checks", "register_resource_types", "register_backends",
    "register_key_providers", "register_health_checks", "register_equipment",
}  # fmt: skip


def _hooks() -> dict[str, Any]:
    from data_processing import specs as processing
    from dataframe_anonymisation import specs as anonymisation
    from field_pseudonymisation import specs as pseudonymisation
    from util_services.plugins import specs
    from workspace_core import specs as workspaces

    modules = (specs, processing, anonymisation, pseudonymisation, workspaces)
    return {
        name: function
        for module in modules
        for name, function in vars(module).items()
        if name.startswith("register_") and inspect.isfunction(function)
    }


def _summary(value: Any) -> str:
    told = getattr(value, "summary", None) or getattr(value, "description", None)
    text = told if isinstance(told, str) else inspect.getdoc(value) or ""
    return _in_a_cell(text.split("\n\n")[0])


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("``", "`")


def _python() -> Iterator[str]:
    yield "# Python"
    for name in API:
        module = import_module(name)
        yield f"\n## {name}\n"
        if names := getattr(module, "__all__", None):  # some are imported on first use
            yield f"{inspect.cleandoc(module.__doc__ or '').partition(chr(10))[0]}\n"
            yield "```{eval-rst}"
            for one in names:
                yield from _documented(f"{name}.{one}", getattr(module, one))
        else:
            yield f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n"
        yield "```"


def _documented(path: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield f".. auto{kind}:: {path}\n   :members:\n"
    elif callable(value):
        yield f".. autofunction:: {path}\n"
