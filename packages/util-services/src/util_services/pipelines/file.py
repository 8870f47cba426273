"""What a pipeline file says: a description, and ops in their order with their configs.

    description: Clean patients and publish them by their pseudonyms.
    ops:
      - op: clean_data
        config: {recipe: recipes/patients.yaml}
      - op: anonymise_pseudonymise_structured
        as: pseudonymise
        config: {policy_file: policies/patients.yaml}

The file's name is the pipeline's. ``read_dataset`` and ``write_dataset`` are put before and behind
the ops where these do not name them. ``packages`` may list the distributions whose ops it names:
where one of them is not loaded, because somebody blocked it, the pipeline is not there either, and
that is no fault.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.plugins.discovery import normalised
from util_services.yaml_text import YamlText

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.resources.abc import Traversable

NAME = re.compile(r"[a-z][a-z0-9_]*")
ENDINGS = (".yaml", ".yml")
KEYS = ("description", "ops", "packages")
OP_KEYS = ("op", "as", "config")
MAX_BYTES = 1 << 20


class PipelineError(ConfigurationError):
    """Raised for what is wrong with a pipeline file; it begins with the file and the line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An op of a pipeline: its name, what it is called there, and its config if one is given."""

    op: str
    name: str
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """A pipeline as its file describes it."""

    name: str
    description: str
    stages: tuple[Stage, ...]
    file: str
    packages: tuple[str, ...]  # distributions without which it is not there
    _yaml: YamlText = field(repr=False)

    @classmethod
    def read(cls, file: Traversable) -> PipelineFile:
        """Read a pipeline file.

        Raises:
            PipelineError: for the first thing that is wrong with it.
        """
        shown = printable(file.name)
        name = PurePath(file.name).stem
        if not file.name.endswith(ENDINGS) or not NAME.fullmatch(name):
            raise PipelineError(
                f"{shown}: a pipeline has the name of its file, such as 'publish_patients.yaml'; "
                "use lower-case letters, digits and underscores."
            )
        yaml = _content(file, shown)
        description, ops, packages = _top(yaml, shown)
        stages = tuple(_stage(entry, n, yaml, shown) for n, entry in enumerate(ops))
        _refuse_repeated(stages, yaml, shown)
        return cls(name, description, stages, shown, packages, yaml)

    def error(self, stage: Stage, rule: str, path: Sequence[str | int] = ()) -> PipelineError:
        """Return the error for a rule that a stage breaks, at a path inside its entry."""
        return _error(self.file, self._yaml, ("ops", self.stages.index(stage), *path), rule)


def _content(file: Traversable, shown: str) -> YamlText:
    try:
        with file.open("rb") as source:
            text = source.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(
            f"{shown}: it cannot be read ({type(error).__name__}); it must be a file in UTF-8."
        ) from None
    if len(text) > MAX_BYTES:
        raise PipelineError(f"{shown}: it has more than {MAX_BYTES >> 20} MB; name a pipeline.")
    try:
        return YamlText.of(text, f"The pipeline '{shown}'")
    except ConfigurationError as error:
        raise PipelineError(str(error)) from None


def _top(yaml: YamlText, file: str) -> tuple[str, list[Any], tuple[str, ...]]:
    """Return the description, the entries of the ops, and the packages that bring them."""
    content = yaml.value
    if not isinstance(content, dict):
        raise _error(file, yaml, (), "a pipeline is a mapping of 'description' and 'ops'.")
    _refuse_unknown(content, KEYS, yaml, (), file)
    description = content.get("description")
    if not isinstance(description, str) or not description.strip():
        raise _error(file, yaml, ("description",), "say in 'description' what the pipeline is for.")
    ops = content.get("ops")
    if not isinstance(ops, list) or not ops:
        raise _error(file, yaml, ("ops",), "'ops' must be a list of ops, such as '- op: NAME'.")
    packages = content.get("packages", [])
    if not isinstance(packages, list) or not all(isinstance(name, str) for name in packages):
        raise _error(file, yaml, ("packages",), "'packages' must be a list of distributions.")
    return description.strip(), ops, tuple(map(normalised, packages))


def _stage(entry: Any, position: int, yaml: YamlText, file: str) -> Stage:
    place: tuple[str | int, ...] = ("ops", position)
    if isinstance(entry, str):
        entry = {"op": entry}
    if not isinstance(entry, dict):
        raise _error(file, yaml, place, "each entry of 'ops' must be of the form '- op: NAME'.")
    _refuse_unknown(entry, OP_KEYS, yaml, place, file)
    op, name = entry.get("op"), entry.get("as", entry.get("op"))
    if not isinstance(op, str):
        raise _error(file, yaml, place, "name the op with 'op: NAME'.")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _error(
            file,
            yaml,
            (*place, "as"),
            "'as' must be a name of lower-case letters, digits and underscores.",
        )
    config = entry.get("config")
    if "config" in entry and not (
        isinstance(config, dict) and all(isinstance(key, str) for key in config)
    ):
        raise _error(file, yaml, (*place, "config"), "'config' must be a mapping of keys.")
    return Stage(op, name, config)


def _refuse_unknown(
    content: Mapping[Any, Any],
    known: Iterable[str],
    yaml: YamlText,
    place: tuple[str | int, ...],
    file: str,
) -> None:
    known = list(known)
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}."
            raise _error(
                file, yaml, (*place, str(key)), f"unknown key {quoted_name(str(key))}; {hint}"
            )


def _refuse_repeated(stages: Sequence[Stage], yaml: YamlText, file: str) -> None:
    seen = set()
    for position, stage in enumerate(stages):
        if stage.name in seen:
            raise _error(
                file,
                yaml,
                ("ops", position),
                f"'{stage.name}' stands there twice; give one of them another name with 'as'.",
            )
        seen.add(stage.name)


def _error(file: str, yaml: YamlText, path: Sequence[str | int], rule: str) -> PipelineError:
    return PipelineError(f"{file}, line {yaml.line_of(path)}: {rule}")
