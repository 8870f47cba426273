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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError
from util_services.plugins.discovery import normalised
from util_services.yaml_file import NAME, YamlFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable

KEYS = ("description", "ops", "packages")
OP_KEYS = ("op", "as", "config")


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
    packages: tuple[str, ...]  # distributions without which it is not there
    yaml: YamlFile = field(repr=False)

    @classmethod
    def read(cls, file: Traversable) -> PipelineFile:
        """Read a pipeline file.

        Raises:
            PipelineError: for the first thing that is wrong with it.
        """
        yaml = YamlFile.read(file, "pipeline", "publish_patients.yaml", PipelineError)
        description, ops, packages = _top(yaml)
        stages = tuple(_stage(entry, n, yaml) for n, entry in enumerate(ops))
        _refuse_repeated(stages, yaml)
        return cls(yaml.name, description, stages, packages, yaml)

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.yaml.file

    def error(self, stage: Stage, rule: str, path: Sequence[str | int] = ()) -> ConfigurationError:
        """Return the error for a rule that a stage breaks, at a path inside its entry."""
        return self.yaml.error(self.place_of(stage, *path), rule)

    def place_of(self, stage: Stage, *path: str | int) -> tuple[str | int, ...]:
        """Return where a stage stands in the file, or a path inside its entry."""
        return ("ops", self.stages.index(stage), *path)


def _top(yaml: YamlFile) -> tuple[str, list[Any], tuple[str, ...]]:
    """Return the description, the entries of the ops, and the packages that bring them."""
    content = yaml.value
    if not isinstance(content, dict):
        raise yaml.error((), "a pipeline is a mapping of 'description' and 'ops'.")
    yaml.refuse_unknown(content, KEYS)
    description = yaml.described("pipeline")
    ops = content.get("ops")
    if not isinstance(ops, list) or not ops:
        raise yaml.error(("ops",), "'ops' must be a list of ops, such as '- op: NAME'.")
    packages = content.get("packages", [])
    if not isinstance(packages, list) or not all(isinstance(name, str) for name in packages):
        raise yaml.error(("packages",), "'packages' must be a list of distributions.")
    return description, ops, tuple(map(normalised, packages))


def _stage(entry: Any, position: int, yaml: YamlFile) -> Stage:
    place: tuple[str | int, ...] = ("ops", position)
    if isinstance(entry, str):
        entry = {"op": entry}
    if not isinstance(entry, dict):
        raise yaml.error(place, "each entry of 'ops' must be of the form '- op: NAME'.")
    yaml.refuse_unknown(entry, OP_KEYS, place)
    op, name = entry.get("op"), entry.get("as", entry.get("op"))
    if not isinstance(op, str):
        raise yaml.error(place, "name the op with 'op: NAME'.")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise yaml.error(
            (*place, "as"), "'as' must be a name of lower-case letters, digits and underscores."
        )
    config = entry.get("config")
    if "config" in entry and not (
        isinstance(config, dict) and all(isinstance(key, str) for key in config)
    ):
        raise yaml.error((*place, "config"), "'config' must be a mapping of keys.")
    return Stage(op, name, config)


def _refuse_repeated(stages: Sequence[Stage], yaml: YamlFile) -> None:
    seen = set()
    for position, stage in enumerate(stages):
        if stage.name in seen:
            raise yaml.error(
                ("ops", position),
                f"'{stage.name}' stands there twice; give one of them another name with 'as'.",
            )
        seen.add(stage.name)
