"""Parameters of workspaces and resources: typed, with a default and a sentence on their use.

A global parameter is committed and shared by all copies of a workspace; a local one belongs to this
machine alone.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, shown_address
from workspace_core.place_addresses import checked_place
from workspace_core.snapshots.exclusion import checked_globs
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER, checked_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_TEXT_SHOWN = 80
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
README_FILES = ("README.txt", "README.rst", "README.md")


@dataclass(frozen=True, slots=True)
class ParameterType:
    """What values a parameter takes.

    Args:
        name: what it is called in messages and listings.
        parse: returns the value that a text or a JSON value stands for; raises ValueError with the
            rule that it breaks.
    """

    name: str
    parse: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that can be shown and set."""

    name: str
    type: ParameterType
    default: Any
    is_global: bool
    help: str

    @property
    def scope(self) -> str:
        """Whether all copies of the workspace share it (global), or not (local)."""
        return "global" if self.is_global else "local"

    def checked(self, value: Any) -> Any:
        """Return a value as it is kept.

        Raises:
            ConfigurationError: if the parameter does not take it.
        """
        try:
            return self.type.parse(value)
        except ValueError as error:
            given = shown_address(str(value)[:MOST_TEXT_SHOWN])
            raise ConfigurationError(
                f"The parameter '{self.name}' does not take {given}: {error}."
            ) from None


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A parameter as it stands in a workspace or a resource."""

    parameter: Parameter
    value: Any

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.parameter.name,
            "value": self.value,
            "default": self.parameter.default,
            "is_default": self.value == self.parameter.default,
            "scope": self.parameter.scope,
            "type": self.parameter.type.name,
            "help": self.parameter.help,
        }


def canonical(name: str) -> str:
    """Return the name of a parameter that goes by two."""
    return OTHER_NAMES.get(name, name)


def parameter_named(parameters: Iterable[Parameter], name: str, owner: str) -> Parameter:
    """Return the parameter with a name.

    Args:
        parameters: those that there are.
        name: the one that is wanted.
        owner: what they belong to, for the message.

    Raises:
        ConfigurationError: if there is none; names those that there are.
    """
    known = {one.name: one for one in parameters}
    name = canonical(name)
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(
            f"{owner} has no parameter '{name[:MOST_TEXT_SHOWN]}'; there are: {names}."
        )
    return known[name]


def is_below(path: str) -> bool:
    """Return whether a relative path leads to something below where it begins."""
    first = os.path.normpath(path).split(os.sep, 1)[0]
    return not os.path.isabs(path) and first not in (os.pardir, os.curdir)


def enum_type(*choices: str) -> ParameterType:
    """Return the type of a parameter with a closed set of values."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"it is one of {', '.join(choices)}")
        return str(value)

    return ParameterType("enum", parse)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("it is a text that is not empty")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if (word := str(value).lower()) in TRUE | FALSE:
        return word in TRUE
    raise ValueError("it is true or false")


def _absolute_path(value: Any) -> str:
    path = os.path.expanduser(_text(value))
    if not os.path.isabs(path):
        raise ValueError("it is an absolute path")
    return os.path.normpath(path)


def _relative_path(value: Any) -> str:
    path = os.path.normpath(_text(value))
    if not is_below(path):
        raise ValueError("it is a path below the folder of the workspace")
    return path


def _path(value: Any) -> str:
    path = os.path.normpath(os.path.expanduser(_text(value)))
    if not os.path.isabs(path) and not is_below(path):
        raise ValueError("it is an absolute path, or one below the folder of the workspace")
    return path


def _hostname(value: Any) -> str:
    if not HOSTNAME.fullmatch(_text(value)):
        raise ValueError("it consists of letters, digits, '.', '-' and '_'")
    return str(value)


def _file_list(value: Any) -> list[str]:
    try:
        found = json.loads(value) if isinstance(value, str) else list(value)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise ValueError('it is a JSON list of names, such as ["README.md"]')
    if any("/" in one for one in found):
        raise ValueError("it holds names of files, without folders")
    return found


def _globs(value: Any) -> list[str]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        found = None
    return checked_globs(found)


def _optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value in (None, "") else parse(value)


TEXT = ParameterType("string", _text)
BOOLEAN = ParameterType("bool", _boolean)
PATH = ParameterType("path", _path)
ABSOLUTE_PATH = ParameterType("absolute path", _absolute_path)
OPTIONAL_ABSOLUTE_PATH = ParameterType("absolute path", _optional(_absolute_path))
OPTIONAL_RELATIVE_PATH = ParameterType("relative path", _optional(_relative_path))
HOST = ParameterType("hostname", _hostname)
TEMPLATE = ParameterType("template", checked_template)
FILE_LIST = ParameterType("file list", _file_list)
OPTIONAL_PLACE = ParameterType("remote", _optional(lambda value: checked_place(_text(value))))
REMOTE_ORIGIN = ParameterType("remote origin", _text)

HOSTNAME_PARAMETER, STORE_PARAMETER = "hostname", "store"
RESULTS_TEMPLATE, RESULTS_STAY = "results.dir_template", "results.move_exclude_files"
RESULTS_EXCLUDE = "results.exclude"
OTHER_NAMES = {"results.subdir": RESULTS_TEMPLATE}  # as the original's guide has it
REMOTE, REMOTE_RESOURCE, LOCAL_REMOTE = "remote", "remote_resource", "local_remote"
PLACE, PLACE_RESOURCE = "place", "place_resource"
SCRATCH, LOCAL_SCRATCH, BRANCH = "scratch_directory", "local_scratch_directory", "dws_git_branch"

RESULTS_PARAMETERS = (
    Parameter(
        RESULTS_EXCLUDE,
        ParameterType("globs", _globs),
        (),
        is_global=True,
        help='Globs of results that stay where they are, such as ["*.log", "cache/**"].',
    ),
)  # of resources of any type that hold results
WORKSPACE_PARAMETERS = (
    Parameter(
        RESULTS_TEMPLATE,
        TEMPLATE,
        f"{SNAPSHOTS_FOLDER}/{{HOSTNAME}}-{{TAG}}",
        is_global=True,
        help="Where a snapshot moves results to, within their resource; also 'results.subdir'.",
    ),
    Parameter(
        RESULTS_STAY,
        FILE_LIST,
        list(README_FILES),
        is_global=True,
        help="Files of results that stay where they are.",
    ),
    Parameter(
        SCRATCH,
        OPTIONAL_RELATIVE_PATH,
        None,
        is_global=True,
        help="A folder of the workspace for what is in no snapshot; git ignores it.",
    ),
    Parameter(
        BRANCH,
        ParameterType("string", _optional(_text)),
        None,
        is_global=True,
        help="The branch on which the workspace was made.",
    ),
    Parameter(
        REMOTE,
        OPTIONAL_PLACE,
        None,
        is_global=True,
        help="Where the content of snapshots is exchanged: s3://…, rclone:… or a folder.",
    ),
    Parameter(
        REMOTE_RESOURCE,
        ParameterType("string", _optional(_text)),
        None,
        is_global=True,
        help="The credential set for a remote in S3, such as selfS3; by default the general one.",
    ),
    Parameter(
        LOCAL_REMOTE,
        OPTIONAL_PLACE,
        None,
        is_global=False,
        help="The remote as this machine reaches it, if elsewhere.",
    ),
    Parameter(
        HOSTNAME_PARAMETER,
        HOST,
        "localhost",
        is_global=False,
        help="What this machine is called in snapshots.",
    ),
    Parameter(
        STORE_PARAMETER,
        OPTIONAL_ABSOLUTE_PATH,
        None,
        is_global=False,
        help="A store that workspaces of this machine share; by default one of its own.",
    ),
    Parameter(
        LOCAL_SCRATCH,
        OPTIONAL_ABSOLUTE_PATH,
        None,
        is_global=False,
        help="Where the scratch folder is on this machine, if not in the workspace.",
    ),
)

OF_GIT = frozenset({BRANCH, REMOTE, REMOTE_RESOURCE, LOCAL_REMOTE})
CENTRAL_PARAMETERS = (
    *(one for one in WORKSPACE_PARAMETERS if one.name not in OF_GIT),
    Parameter(
        PLACE,
        TEXT,
        None,
        is_global=False,
        help="Where the workspace lives, as this machine reaches it: s3://… or a folder.",
    ),
    Parameter(
        PLACE_RESOURCE,
        ParameterType("string", _optional(_text)),
        None,
        is_global=False,
        help="The credential set for a place in S3, such as selfS3; by default the general one.",
    ),
)
