"""The code location: what all plugins bring, made into one `Definitions`."""

from util_services.location.build import Location, build_definitions, build_location

__all__ = ["Location", "build_definitions", "build_location"]
