"""Files of a code location, in YAML, that define something of a name: read, and refused by line."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.yaml_text import YamlText

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from importlib.resources.abc import Traversable

NAME = re.compile(r"[a-z][a-z0-9_]*")
ENDINGS = (".yaml", ".yml")
MAX_BYTES = 1 << 20

PLACE = re.compile(r"ops\.(?P<name>[^.: ]+)(?:\.config)?(?P<path>[^: ]*): (?P<rule>.*)", re.DOTALL)
UNKNOWN_KEY = re.compile("unknown key '(?P<key>[^']*)'")


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What such a file holds.

    Args:
        name: the name of what it defines, which is its own without the ending.
        file: its own name, for errors.
        error_class: the class of its errors.
    """

    name: str
    file: str
    error_class: type[ConfigurationError]
    _yaml: YamlText = field(repr=False)

    @classmethod
    def read(
        cls, file: Traversable, what: str, example: str, error_class: type[ConfigurationError]
    ) -> YamlFile:
        """Read a file.

        Args:
            file: the file.
            what: what it defines, such as "pipeline".
            example: a name that it could have.
            error_class: what is raised for all that is wrong with it.
        """
        shown = printable(file.name)
        name = PurePath(file.name).stem
        if not file.name.endswith(ENDINGS) or not NAME.fullmatch(name):
            raise error_class(
                f"{shown}: a {what} has the name of its file, such as '{example}'; use lower-case "
                "letters, digits and underscores."
            )
        try:
            with file.open("rb") as source:
                text = source.read(MAX_BYTES + 1).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise error_class(
                f"{shown}: it cannot be read ({type(error).__name__}); it must be a file in UTF-8."
            ) from None
        if len(text) > MAX_BYTES:
            raise error_class(f"{shown}: it has more than {MAX_BYTES >> 20} MB; name a {what}.")
        try:
            yaml = YamlText.of(text, f"The {what} '{shown}'")
        except ConfigurationError as error:
            raise error_class(str(error)) from None
        return cls(name, shown, error_class, yaml)

    @property
    def value(self) -> Any:
        """The content, as `dict`, `list` and plain values."""
        return self._yaml.value

    def error(self, path: Collection[str | int], rule: str) -> ConfigurationError:
        """Return the error for a rule that is broken at a place; it begins with file and line."""
        return self.error_class(f"{self.file}, line {self._yaml.line_of(tuple(path))}: {rule}")

    def refuse_unknown(
        self, content: Mapping[Any, Any], known: Iterable[str], place: tuple[str | int, ...] = ()
    ) -> None:
        """Refuse keys of a mapping at a place that are none of those known."""
        known = list(known)
        for key in content:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}."
                rule = f"unknown key {quoted_name(str(key))}; {hint}"
                raise self.error((*place, str(key)), rule)

    def described(self, what: str) -> str:
        """Return the description, which such a file must have."""
        description = self.value.get("description")
        if not isinstance(description, str) or not description.strip():
            raise self.error(("description",), f"say in 'description' what the {what} is for.")
        return description.strip()

    def located(
        self, sentence: str, places: Mapping[str, tuple[str | int, ...]]
    ) -> ConfigurationError:
        """Return the error of a run config with its line in the file.

        Args:
            sentence: what `runs.check.check_config` says of it.
            places: where the config of each op stands, by the name of the op in the run config.
        """
        found = PLACE.fullmatch(sentence)
        if found is None or found["name"] not in places:
            return self.error_class(f"{self.file}: {sentence}")
        path = [part for part in found["path"].split(".") if part]
        unknown = UNKNOWN_KEY.match(found["rule"])
        place = (*places[found["name"]], *path, *([unknown["key"]] if unknown else []))
        return self.error(place, f"{'.'.join([found['name'], *path])}: {found['rule']}")
