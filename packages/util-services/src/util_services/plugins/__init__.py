"""The plugin contract: what a package writes to extend data-services, and who loads it.

A plugin imports `hookimpl` from here and nothing else. Importing this package imports no Dagster.
"""

from util_services.plugins.manager import PluginManager, is_strict, plugin_manager
from util_services.plugins.markers import CONTRACT_VERSION, hookimpl, hookspec
from util_services.plugins.records import (
    HookResult,
    Plugin,
    PluginEntry,
    PluginFailure,
    PluginReport,
    Registered,
)

__all__ = [
    "CONTRACT_VERSION",
    "HookResult",
    "Plugin",
    "PluginEntry",
    "PluginFailure",
    "PluginManager",
    "PluginReport",
    "Registered",
    "hookimpl",
    "hookspec",
    "is_strict",
    "plugin_manager",
]
