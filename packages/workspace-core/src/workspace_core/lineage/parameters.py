"""Parameters of a script that are arguments of its command line, and part of its lineage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ApiParamError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable


class LineageParameter(ABC):
    """A parameter by name, and its default."""

    def __init__(self, name: str, default: Any) -> None:
        self.name, self.default = name, default

    @abstractmethod
    def get_value(self, parsed_args: Namespace) -> Any:
        """Return the value, once the command line is parsed."""

    @abstractmethod
    def add_to_arg_parser(self, arg_parser: ArgumentParser) -> None:
        """Let a parser know the argument, if there is one."""


class CmdLineParameter(LineageParameter):
    """A parameter that is an option: ``learning_rate`` is ``--learning-rate``."""

    def __init__(self, name: str, default: Any, type: Callable[[str], Any], help: str) -> None:  # noqa: A002 - the original's names
        super().__init__(name, default)
        self.type, self.help = type, help

    def get_arg_name(self) -> str:
        """Return the option."""
        return f"--{self.name.replace('_', '-')}"

    def add_to_arg_parser(self, arg_parser: ArgumentParser) -> None:
        """Let a parser know the option."""
        arg_parser.add_argument(
            self.get_arg_name(),
            type=self.type,
            default=self.default,
            help=self.help,
            dest=self.name,
        )

    def get_value(self, parsed_args: Namespace) -> Any:
        """Return the value of the option."""
        return getattr(parsed_args, self.name)


class BooleanParameter(CmdLineParameter):
    """A parameter that is a flag, which turns the default round: ``--x``, or ``--no-x``."""

    def __init__(self, name: str, default: bool, help: str) -> None:  # noqa: A002, FBT001 - the original's signature
        super().__init__(name, default, bool, help)

    def get_arg_name(self) -> str:
        """Return the flag."""
        name = self.name.replace("_", "-")
        return f"--no-{name}" if self.default else f"--{name}"

    def add_to_arg_parser(self, arg_parser: ArgumentParser) -> None:
        """Let a parser know the flag."""
        action = "store_false" if self.default else "store_true"
        arg_parser.add_argument(
            self.get_arg_name(), action=action, default=self.default, help=self.help, dest=self.name
        )


class ChoiceParameter(CmdLineParameter):
    """A parameter that is one of some values."""

    def __init__(
        self,
        name: str,
        choices: Iterable[Any],
        default: Any,
        type: Callable[[str], Any],  # noqa: A002 - the original's names
        help: str,  # noqa: A002
    ) -> None:
        super().__init__(name, default, type, help)
        self.choices = list(choices)
        if default not in self.choices:
            raise ApiParamError(f"The default of '{name}' is none of its choices; choose one.")

    def add_to_arg_parser(self, arg_parser: ArgumentParser) -> None:
        """Let a parser know the option and its choices."""
        arg_parser.add_argument(
            self.get_arg_name(),
            type=self.type,
            default=self.default,
            choices=self.choices,
            help=self.help,
            dest=self.name,
        )


class ConstantParameter(LineageParameter):
    """A parameter that no command line changes."""

    def get_value(self, parsed_args: Namespace) -> Any:  # noqa: ARG002 - of those that ask it
        """Return the constant."""
        return self.default

    def add_to_arg_parser(self, arg_parser: ArgumentParser) -> None:
        """Let a parser know nothing."""


def add_lineage_parameters_to_arg_parser(
    parser: ArgumentParser, params: Iterable[LineageParameter]
) -> None:
    """Let a parser know the arguments of parameters."""
    for one in params:
        one.add_to_arg_parser(parser)


def get_lineage_parameter_values(
    params: Iterable[LineageParameter], parsed_args: Namespace
) -> dict[str, Any]:
    """Return the values of parameters by name, once the command line is parsed."""
    return {one.name: one.get_value(parsed_args) for one in params}
