"""YAML as people write it: each key once, dates as they stand, and the line of each place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class YamlText:
    """What a YAML text holds, and where.

    Attributes:
        value: the content, as `dict`, `list` and plain values.
    """

    value: Any
    _root: Any  # the tree of YAML's nodes; None for an empty text

    @classmethod
    def of(cls, text: str, what: str) -> YamlText:
        """Return what a text holds.

        Args:
            text: the text.
            what: what it is, for errors, such as "The run config 'run.yaml'".

        Raises:
            ConfigurationError: naming the line, if it is no YAML or a mapping repeats a key.
        """
        import yaml

        try:
            loader = _loader()(text)
            root = loader.get_single_node()
            return cls(None if root is None else loader.construct_document(root), root)
        except _RepeatedKeyError as error:
            key, line = error.args
            raise ConfigurationError(
                f"{what} has the key {quoted_name(key)} a second time in line {line}; keep one of "
                "them."
            ) from None
        except RecursionError:
            raise ConfigurationError(f"{what} is nested too deeply; write fewer levels.") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f" in line {mark.line + 1}" if mark else ""
            raise ConfigurationError(f"{what} is no YAML{place}; correct it.") from None

    def line_of(self, path: Sequence[str | int]) -> int:
        """Return the line, from 1, of the place that a path of keys and positions leads to.

        Where the path goes on beyond what the text holds, it is the line of the last place on it.
        """
        import yaml

        node, line = self._root, 1 if self._root is None else self._root.start_mark.line + 1
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if str(k.value) == str(part)), None)
                if found is None:
                    return line
                key, node = found
                line = key.start_mark.line + 1
            elif (
                isinstance(node, yaml.SequenceNode)
                and str(part).isdecimal()
                and int(part) < len(node.value)
            ):
                node = node.value[int(part)]
                line = node.start_mark.line + 1
            else:
                return line
        return line


class _RepeatedKeyError(Exception):
    """Raised with the key and the line where a mapping names it a second time."""


def _loader() -> Any:
    """Return a safe loader that takes each key once and leaves dates as they are written."""
    import yaml

    class Loader(yaml.SafeLoader):
        """A loader with resolvers of its own."""

        def compose_mapping_node(self, anchor: Any) -> Any:
            """Refuse keys that stand twice in a mapping, of which YAML would keep the last."""
            node = super().compose_mapping_node(anchor)
            keys = set()
            for key, _ in node.value:
                if (key.tag, str(key.value)) in keys:
                    raise _RepeatedKeyError(str(key.value), key.start_mark.line + 1)
                keys.add((key.tag, str(key.value)))
            return node

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader
