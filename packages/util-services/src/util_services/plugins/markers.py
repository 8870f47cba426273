"""The markers of the plugin contract, and the version of the contract."""

import pluggy

PROJECT = "data_services"  # the pluggy project and the entry-point group
CONTRACT_VERSION = 1  # raised when a hook is removed or changes its meaning, never for a new hook

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
