"""Recipes: chains of steps with their options, checked as far as they can be without data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_processing.steps.registry import step_called
from util_services.errors import ConfigurationError, printable
from util_services.models import LIST_WANTED, MAPPING_WANTED, checked

if TYPE_CHECKING:
    from pydantic import BaseModel

    from data_processing.steps.step import Step

STEP, WHERE = "step", "where"


@dataclass(frozen=True, slots=True)
class Call:
    """A step of a recipe, with its options."""

    step: Step
    options: BaseModel
    where: str | None
    place: str  # of the step in the configuration, for errors
    label: str = ""  # of the step among those of its recipe, for errors in rows

    def to_dict(self) -> dict[str, Any]:
        """Return the call as a recipe writes it, every option included."""
        where = {} if self.where is None else {WHERE: self.where}
        return {STEP: self.step.name, **where, **self.options.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps in the order in which they are done."""

    calls: tuple[Call, ...]

    def __iter__(self) -> Iterator[Call]:
        """Iterate over the calls."""
        return iter(self.calls)

    @classmethod
    def of(cls, steps: Any, place: str = "steps") -> Recipe:
        """Return the recipe that a list of mappings describes.

        Raises:
            ConfigurationError: naming the step, the option and the rule, if it describes none.
        """
        if not isinstance(steps, Sequence) or isinstance(steps, str | bytes):
            raise ConfigurationError(f"{place}: {LIST_WANTED.replace('NAME', '{step: NAME, …}')}.")
        if not steps:
            raise ConfigurationError(f"{place}: must hold at least one step.")
        return cls(tuple(_call(one, place, number) for number, one in enumerate(steps)))

    @classmethod
    def read(cls, content: bytes, path: str) -> Recipe:
        """Return the recipe of a YAML file: a list of steps, or a mapping with the key 'steps'.

        Args:
            content: what the file holds.
            path: its name, for errors.

        Raises:
            ConfigurationError: naming the step, the option and the rule, if it holds none.
        """
        found = _loaded(content, path)
        if isinstance(found, Mapping) and set(found) == {"steps"}:
            found = found["steps"]
        return cls.of(found, f"{printable(path)}: steps")


def _loaded(content: bytes, path: str) -> Any:
    """Return what a YAML file holds; JSON is YAML too.

    Raises:
        ConfigurationError: if it is none.
    """
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(
            f"The recipe '{printable(path)}' is no YAML{place}; write a list of steps."
        ) from None


def _call(given: Any, place: str, number: int) -> Call:
    place = f"{place}[{number}]"
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{place}: {MAPPING_WANTED}, among them 'step'.")
    name, where = given.get(STEP), given.get(WHERE)
    if not isinstance(name, str):
        raise ConfigurationError(f"{place}: 'step' must name a step, such as remove_duplicates.")
    if where is not None and not isinstance(where, str):
        raise ConfigurationError(f"{place}: 'where' must be a text, such as \"age >= 18\".")
    step = step_called(name, place)
    options = {key: value for key, value in given.items() if key not in (STEP, WHERE)}
    place = f"{place} ({name})"
    label = f"steps[{number}] ({name})"
    return Call(step, checked(step.options, options, place), where, place, label)
