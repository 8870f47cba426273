"""Versioned data workspaces: resources with roles, snapshots of them, and their return."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("workspace-core")
