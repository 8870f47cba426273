"""Load the plugins and call their hooks, each on its own, so that one at fault harms no other.

pluggy gives the markers and reads them back. Loading and calling are done here, because pluggy's
own way has neither isolation nor attribution nor a defined order. This module must not import
Dagster or anything heavy: every start of the command line goes through it.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import pluggy

from util_services import settings
from util_services.errors import PluginLoadError
from util_services.plugins import specs
from util_services.plugins.discovery import GROUND_FLOOR, Candidate, discover, is_admitted
from util_services.plugins.markers import CONTRACT_VERSION, PROJECT
from util_services.plugins.provenance import commit_of
from util_services.plugins.records import (
    FailureKind,
    HookResult,
    Plugin,
    PluginEntry,
    PluginFailure,
    PluginReport,
    Registered,
)

log = logging.getLogger(__name__)

CONTRACT_ATTRIBUTE = "DATA_SERVICES_CONTRACT"
DAGSTER_HOOKS = (
    "register_ops",
    "register_jobs",
    "register_pipelines",
    "register_partitions",
    "register_assets",
    "register_resources",
    "register_sensors",
    "register_schedules",
    "register_loggers",
)

FILES = {
    "pipeline": ("register_pipelines", "pipeline"),
    "partitions": ("register_partitions", "partitioned job"),
}

# A plugin may end the interpreter on import; that too must not take the others down.
NEAR = 0.9  # names of hooks share a long prefix, so that any two of them are alike by 0.8
PLUGIN_ERRORS = (Exception, SystemExit)


@dataclass(frozen=True, slots=True)
class _Implementation:
    function: Callable[[], Any]
    is_optional: bool
    is_wrapper: bool


@dataclass(frozen=True, slots=True)
class _Loaded:
    plugin: Plugin
    module: Any
    implementations: Mapping[str, _Implementation]


class _FaultError(Exception):
    """A rule of the contract that a plugin breaks."""

    def __init__(self, stage: str, kind: FailureKind, reason: str) -> None:
        super().__init__(stage, kind, reason)
        self.stage, self.kind, self.reason = stage, kind, reason


class PluginManager:
    """The plugins of this process, and what their hooks return.

    A plugin that breaks the contract is left out as a whole, with a `PluginFailure`; what it
    registered before is no longer returned. Nothing here raises for a plugin's fault, except
    `raise_failures`.

    Args:
        allowed: distributions to load, all where empty; default ``DATA_SERVICES_PLUGINS``.
        blocked: distributions to leave out; default ``DATA_SERVICES_PLUGINS_BLOCK``.
        log_failures: whether failures are logged, each once with its traceback; a caller that
            shows them itself says False.
    """

    def __init__(
        self,
        *,
        allowed: Collection[str] | None = None,
        blocked: Collection[str] | None = None,
        log_failures: bool = True,
    ) -> None:
        allowed = settings.names("PLUGINS") if allowed is None else allowed
        blocked = settings.names("PLUGINS_BLOCK") if blocked is None else blocked
        self._log_failures = log_failures
        self._markers = pluggy.PluginManager(PROJECT)
        self._spec_owners: dict[str, str] = {}
        self._mapping_hooks: set[str] = set()
        self._loaded: dict[Plugin, _Loaded] = {}
        self._failures: list[PluginFailure] = []
        self._results: dict[tuple[Plugin, str], tuple[Any, ...] | dict[str, Any]] = {}
        self._add_specs(specs, GROUND_FLOOR)
        candidates = discover()
        admitted = [c for c in candidates if is_admitted(c.plugin.distribution, allowed, blocked)]
        self.blocked = tuple(c.plugin for c in candidates if c not in admitted)
        self._load(admitted)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """The plugins that are loaded, in the order in which they count."""
        return tuple(self._loaded)

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """The plugins that were left out so far, with the reasons."""
        return tuple(self._failures)

    @property
    def hooks(self) -> tuple[str, ...]:
        """The names of all hooks that plugins may implement."""
        return tuple(self._spec_owners)

    def results(self, hook: str) -> tuple[HookResult, ...]:
        """Return what each plugin returns from a hook, calling those that were not called yet."""
        for loaded in tuple(self._loaded.values()):
            if hook in loaded.implementations and (loaded.plugin, hook) not in self._results:
                self._guard(loaded.plugin, partial(self._call, loaded, hook))
        return tuple(
            HookResult(plugin, self._results[plugin, hook])
            for plugin in self._loaded
            if (plugin, hook) in self._results
        )

    def named(self, hook: str) -> dict[str, Registered]:
        """Return the objects of a hook by name; a plugin that brings a taken name is left out."""
        accepted: dict[str, Registered] = {}
        for result in self.results(hook):
            self._guard(result.plugin, partial(_accept, result, hook, accepted))
        return accepted

    def call_every_hook(self) -> None:
        """Call all hooks of all plugins, so that every failure there is comes to light."""
        for hook in self.hooks:
            self.results(hook)
        for hook in self.hooks:
            if hook not in (*DAGSTER_HOOKS, "register_hookspecs"):
                self.named(hook)

    def leave_out(
        self,
        plugin: Plugin,
        stage: str,
        kind: FailureKind,
        reason: str,
        error: BaseException | None = None,
    ) -> None:
        """Leave a plugin out from now on, and say why."""
        self._loaded.pop(plugin, None)
        self._failures.append(PluginFailure(plugin, stage, kind, reason))
        if self._log_failures:
            log.error("%s is left out: %s", plugin, reason, exc_info=error)

    def leave_out_file(
        self, plugin: Plugin, kind: Literal["pipeline", "partitions"], reason: str
    ) -> None:
        """Say why a file of a plugin is left out; the plugin itself stays.

        It is a pipeline, or a partitioned job.
        """
        hook, what = FILES[kind]
        self._failures.append(PluginFailure(plugin, hook, kind, reason))
        if self._log_failures:
            log.error("A %s of %s is left out: %s", what, plugin, reason)

    def raise_failures(self) -> None:
        """Raise what strict mode raises.

        Raises:
            PluginLoadError: if a plugin was left out; it lists all of them.
        """
        if self._failures:
            raise PluginLoadError(self._failures)

    def report(self) -> PluginReport:
        """Return who brings what, by the hooks that were called so far, and what failed."""
        entries = []
        for plugin in self.plugins:
            hooks = {
                hook: len(self._results[plugin, hook])
                for hook in self.hooks
                if (plugin, hook) in self._results
            }
            entries.append(PluginEntry(plugin, commit_of(plugin.distribution), hooks))
        return PluginReport(tuple(entries), self.failures, self.blocked)

    def _load(self, candidates: Iterable[Candidate]) -> None:
        for candidate in candidates:
            self._guard(candidate.plugin, partial(self._import, candidate))
        for loaded in tuple(self._loaded.values()):
            if "register_hookspecs" in loaded.implementations:
                self._guard(loaded.plugin, partial(self._extend_contract, loaded))
        for loaded in tuple(self._loaded.values()):
            self._guard(loaded.plugin, partial(self._check_hooks, loaded))

    def _guard(self, plugin: Plugin, step: Callable[[], None]) -> None:
        try:
            step()
        except _FaultError as fault:
            self.leave_out(plugin, fault.stage, fault.kind, fault.reason, fault.__cause__)

    def _import(self, candidate: Candidate) -> None:
        try:
            module = candidate.entry_point.load()
        except PLUGIN_ERRORS as error:
            raise _FaultError(
                "import",
                "import",
                f"Importing '{candidate.entry_point.value}' of {candidate.plugin} raised "
                f"{described(error)}; fix the error or uninstall {candidate.plugin.distribution}.",
            ) from error
        version = getattr(module, CONTRACT_ATTRIBUTE, CONTRACT_VERSION)
        if version != CONTRACT_VERSION:
            raise _FaultError(
                "contract",
                "contract",
                f"{candidate.plugin} is written for version {version} of the plugin contract, and "
                f"util-services has version {CONTRACT_VERSION}; install releases of the two that "
                "agree.",
            )
        self._loaded[candidate.plugin] = _Loaded(
            candidate.plugin, module, self._implementations(module)
        )

    def _implementations(self, module: Any) -> dict[str, _Implementation]:
        found = {}
        for attribute in dir(module):
            options = self._markers.parse_hookimpl_opts(module, attribute)
            if options is not None:
                found[options.get("specname") or attribute] = _Implementation(
                    getattr(module, attribute),
                    bool(options.get("optionalhook")),
                    bool(options.get("wrapper") or options.get("hookwrapper")),
                )
        return found

    def _extend_contract(self, loaded: _Loaded) -> None:
        hook = "register_hookspecs"
        self._call(loaded, hook)
        for module in self._results[loaded.plugin, hook]:
            taken = [name for name in self._specs_in(module) if name in self._spec_owners]
            if taken:
                raise _FaultError(
                    hook,
                    "name_taken",
                    f"The hook '{taken[0]}' of {loaded.plugin.distribution} is already defined by "
                    f"{self._spec_owners[taken[0]]}; rename it in {loaded.plugin.distribution}.",
                )
            self._add_specs(module, loaded.plugin.distribution)

    def _specs_in(self, module: Any) -> list[str]:
        return [
            name
            for name in dir(module)
            if self._markers.parse_hookspec_opts(module, name) is not None
        ]

    def _add_specs(self, module: Any, owner: str) -> None:
        names = self._specs_in(module)
        for name in names:
            signature = inspect.signature(getattr(module, name))
            if signature.parameters:
                raise _FaultError(
                    "register_hookspecs",
                    "hook_shape",
                    f"The hook '{name}' of {owner} takes arguments, and no hook of the contract "
                    "does; remove them.",
                )
            if "Mapping" in str(signature.return_annotation):
                self._mapping_hooks.add(name)
        if not names:
            raise _FaultError(
                "register_hookspecs",
                "hook_shape",
                f"'{getattr(module, '__name__', module)}' of {owner} holds no hookspec; mark its "
                "functions with @hookspec.",
            )
        self._spec_owners.update(dict.fromkeys(names, owner))

    def _check_hooks(self, loaded: _Loaded) -> None:
        for name, implementation in loaded.implementations.items():
            self._check_hook(loaded, name, implementation)
        forgotten = [
            name
            for name in self.hooks
            if name not in loaded.implementations
            and inspect.isfunction(getattr(loaded.module, name, None))
            and self._markers.parse_hookspec_opts(loaded.module, name) is None
        ]
        if forgotten:
            raise _FaultError(
                forgotten[0],
                "hook_name",
                f"'{forgotten[0]}' of {loaded.plugin} would never be called; mark it with "
                "@hookimpl.",
            )

    def _check_hook(self, loaded: _Loaded, name: str, implementation: _Implementation) -> None:
        if name not in self._spec_owners and not implementation.is_optional:
            near = difflib.get_close_matches(name, self.hooks, n=1, cutoff=NEAR)
            cure = (
                f"rename it to '{near[0]}'." if near else "mark it optionalhook=True or remove it."
            )
            raise _FaultError(
                name,
                "hook_name",
                f"{loaded.plugin} implements the hook '{name}', which no installed package "
                f"defines; {cure}",
            )
        if implementation.is_wrapper:
            rule = "is a wrapper, and each plugin is called alone; return objects instead."
        elif inspect.signature(implementation.function).parameters:
            rule = "takes arguments, and no hook of the contract does; remove them."
        else:
            return
        raise _FaultError(name, "hook_shape", f"The hook '{name}' of {loaded.plugin} {rule}")

    def _call(self, loaded: _Loaded, hook: str) -> None:
        wants_mapping = hook in self._mapping_hooks
        try:
            value = loaded.implementations[hook].function()
            if wants_mapping and isinstance(value, Mapping):
                value = dict(value)
            elif isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
                value = tuple(value)
        except PLUGIN_ERRORS as error:
            raise _FaultError(
                hook,
                "hook_error",
                f"The hook '{hook}' of {loaded.plugin} raised {described(error)}; fix the error "
                f"or leave {loaded.plugin.distribution} out with DATA_SERVICES_PLUGINS_BLOCK.",
            ) from error
        if not isinstance(value, dict if wants_mapping else tuple):
            wanted = "a dictionary from name to object" if wants_mapping else "a list of objects"
            raise _FaultError(
                hook,
                "return_type",
                f"The hook '{hook}' of {loaded.plugin} returned {type(value).__name__}; return "
                f"{wanted}.",
            )
        self._results[loaded.plugin, hook] = value


@cache
def plugin_manager() -> PluginManager:
    """Return the plugin manager of this process."""
    return PluginManager()


def is_strict(choice: bool | None = None) -> bool:  # noqa: FBT001 - a choice handed through
    """Tell whether a plugin at fault is an error.

    A choice made in code counts first, then ``DATA_SERVICES_STRICT``, then whether Dagster's
    command that validates definitions is at work.
    """
    if choice is not None:
        return choice
    setting = settings.flag("STRICT")
    if setting is not None:
        return setting
    return os.environ.get("DAGSTER_IS_DEFS_VALIDATION_CLI") == "1"


def taken_reason(what: str, name: str, owner: Plugin, newcomer: Plugin) -> str:
    """Return the sentence for a name that two plugins bring."""
    if owner == newcomer:
        return f"{newcomer} brings the {what} '{name}' twice; rename one of them."
    return (
        f"The {what} '{name}' of {newcomer} is already taken by {owner}; rename it in "
        f"{newcomer.distribution}, or leave one of the two out with DATA_SERVICES_PLUGINS_BLOCK."
    )


def name_of(value: object) -> str | None:
    """Return the name that an object carries: ``name``, else ``__name__``, else None."""
    for attribute in ("name", "__name__"):
        name = getattr(value, attribute, None)
        if isinstance(name, str):
            return name
    return None


def described(error: BaseException) -> str:
    """Return an error's type and text on one line, without its last full stop."""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _accept(result: HookResult, hook: str, accepted: dict[str, Registered]) -> None:
    own: dict[str, Registered] = {}
    what = hook.removeprefix("register_").removesuffix("s").replace("_", " ")
    pairs = (
        result.value.items()
        if isinstance(result.value, dict)
        else [(name_of(value), value) for value in result.value]
    )
    for name, value in pairs:
        if name is None:
            raise _FaultError(
                hook,
                "return_type",
                f"The hook '{hook}' of {result.plugin} returned a {type(value).__name__} without "
                "a name; give it an attribute 'name'.",
            )
        if earlier := own.get(name) or accepted.get(name):
            reason = taken_reason(what, name, earlier.plugin, result.plugin)
            raise _FaultError(hook, "name_taken", reason)
        own[name] = Registered(result.plugin, name, value)
    accepted.update(own)
