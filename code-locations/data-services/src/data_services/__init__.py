"""The code location of data-services: `repository` for Dagster, `jobs` and `ops` for one's own."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("data-services")
