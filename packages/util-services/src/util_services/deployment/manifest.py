"""Read and replace one text in a YAML file, and leave all its other bytes as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    import yaml

NAME = "name"  # by which an item of a list is found, as in Dagster's chart


def value_at(text: str, key: str) -> str:
    """Return the text at a key of a YAML document, such as ``deployments.data-services.image.tag``.

    A part of the key names an entry of a mapping, or the item of a list whose ``name`` it is.

    Raises:
        ConfigurationError: if there is no single plain value at the key.
    """
    return str(_scalar(text, key).value)


def with_value(text: str, key: str, value: str) -> str:
    """Return the document with another text at a key; comments and layout stay as they are.

    Raises:
        ConfigurationError: as `value_at`.
    """
    node = _scalar(text, key)
    # In quotes, since a version such as 1.10 is a number and a commit may look like one.
    return text[: node.start_mark.index] + json.dumps(value) + text[node.end_mark.index :]


def _scalar(text: str, key: str) -> yaml.ScalarNode:
    import yaml

    node = _document(text)
    for part in key.split("."):
        node = _entry(node, part, key)
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigurationError(
            f"{quoted_name(key)} in the manifest is no single value; name the key of the tag."
        )
    written = text[node.start_mark.index : node.end_mark.index]
    if not written or written[0] in "|>!&":
        raise ConfigurationError(
            f"{quoted_name(key)} in the manifest is not written as a plain text; write "
            "'tag: \"…\"' there once."
        )
    return node


def _document(text: str) -> yaml.Node:
    import yaml

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader)):
            raise ConfigurationError(
                "The manifest uses YAML aliases, so one change would be several; write the values "
                "out."
            )
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"The manifest is no single YAML document{place}; correct it."
        ) from None
    except RecursionError:
        raise ConfigurationError("The manifest is nested too deeply.") from None
    if node is None:
        raise ConfigurationError("The manifest is empty; name another file with '--file'.")
    return node


def _entry(node: yaml.Node, part: str, key: str) -> yaml.Node:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        found = [item for item in node.value if part in _named(item, NAME)]
    elif isinstance(node, yaml.MappingNode):
        found = [value for name, value in node.value if name.value == part]
    else:
        found = []
    if len(found) != 1:
        how_often = "has no" if not found else "has more than one"
        raise ConfigurationError(
            f"The manifest {how_often} {quoted_name(part)}, which '--key {key}' goes through; "
            "correct one of the two."
        )
    entry: yaml.Node = found[0]
    return entry


def _named(node: yaml.Node, name: str) -> list[str]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return []
    return [value.value for key, value in node.value if key.value == name]
