"""The bundled sample data: made by a program, realistic and messy, about nobody who exists."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from util_services.errors import ConfigurationError, quoted, quoted_name

SAMPLES = ("patients.csv", "visits.jsonl")


class UnknownSampleError(ConfigurationError):
    """Raised when a sample is named that is not bundled."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"There is no sample {quoted_name(self.name)}; bundled are {quoted(SAMPLES)}. "
            "Name one of them."
        )


def sample_path(name: str) -> Path:
    """Return where a bundled sample lies.

    Raises:
        UnknownSampleError: if there is none of this name.
    """
    if name not in SAMPLES:
        raise UnknownSampleError(name)
    return Path(str(files(__name__) / name))
