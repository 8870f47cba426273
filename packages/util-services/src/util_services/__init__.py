"""The ground floor of data-services; the names in use are imported from its modules."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("util-services")
