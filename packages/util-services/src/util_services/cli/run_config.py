"""Run config from a file and from ``--set``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, printable, quoted_name
from util_services.yaml_text import YamlText

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_CONFIG_BYTES = 4 << 20  # a run config is written by hand; a device or a dataset is none


def read_run_config(file: Path | None) -> dict[str, Any]:
    """Return the run config in a YAML or JSON file; no file is an empty config.

    Raises:
        ConfigurationError: if the file is too large or holds no mapping of text keys, each once.
    """
    if file is None:
        return {}
    text = _text(file)
    content = YamlText.of(text, f"The run config '{printable(str(file))}'").value or {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigurationError(
            f"The run config '{printable(str(file))}' must be a mapping that begins with 'ops:'; "
            "see 'data-services config JOB'."
        )
    return content


def with_settings(run_config: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a run config in which each ``op.key=value`` is set; deeper keys have more dots.

    Raises:
        ConfigurationError: if a setting is not of this form, or is given twice.
    """
    result, given = deepcopy(dict(run_config)), set()
    for setting in settings:
        address, equals, value = setting.partition("=")
        op, *keys = address.split(".")
        if not (equals and keys and op and all(keys)):
            raise ConfigurationError(
                f"{quoted_name('--set ' + setting.split('=')[0])} must be of the form "
                "OP.KEY=VALUE, such as 'read_dataset.path=in.csv'."
            )
        if address in given:
            raise ConfigurationError(
                f"'--set' gives {quoted_name(address)} more than once; give it one value."
            )
        given.add(address)
        place = result
        for key in ("ops", op, "config", *keys[:-1]):
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigurationError(
                    f"{quoted_name(address)} goes through {quoted_name(key)}, which is no mapping."
                )
        is_pattern = value.startswith("*")  # which YAML takes for a reference
        place[keys[-1]] = (
            value
            if is_pattern
            else YamlText.of(value, f"The value of {quoted_name(address)}").value
        )
    return result


def _text(file: Path) -> str:
    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as source:
            content = source.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise ConfigurationError(
                f"The run config '{printable(str(file))}' has more than {MAX_CONFIG_BYTES >> 20} "
                "MB; name a file with the configuration of a run."
            )
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The run config '{printable(str(file))}' cannot be read "
            f"({type(error).__name__}); it must be a file in UTF-8."
        ) from None
