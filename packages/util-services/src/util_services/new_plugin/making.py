"""Make the folder of a package from the template: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from util_services.errors import ConfigurationError, StorageError, quoted_name
from util_services.new_plugin.names import package_of
from util_services.storage.moves import move_new

TEMPLATE = Path(__file__).parent / "template"
SUFFIX = ".jinja"
PACKAGE = "PACKAGE"  # in paths of the template
# What git would take for its own settings, and our wheel must not carry.
RENAMED = {"gitignore": ".gitignore", "gitea": ".gitea", "TESTS": "tests"}
PROGRAMS = frozenset({"check"})
EXTENDED = ("util-services", "data-processing", "field-pseudonymisation")


def make_plugin(name: str, folder: Path) -> Path:
    """Make a package in a folder of its own name below another folder, and return that.

    Raises:
        ConfigurationError: if it cannot be called so, or lacks what it would extend.
        StorageError: if its folder is there already, or cannot be made.
    """
    package = package_of(name)
    target = folder / name
    shown = quoted_name(str(target))
    taken = f"{shown} is there already; choose another name, or another folder with --folder."
    if os.path.lexists(target):
        raise StorageError(taken)
    try:
        private = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    except OSError as error:
        raise StorageError(f"{shown} cannot be made: {error.strerror}.") from None
    try:
        bounds = [requirement_on(one) for one in EXTENDED]
        _write(private / name, {"name": name, "package": package, "bounds": bounds})
        move_new(private / name, target)
    except FileExistsError:
        raise StorageError(taken) from None
    except OSError as error:
        raise StorageError(f"{shown} cannot be made: {error.strerror}.") from None
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return target


def _write(folder: Path, values: dict[str, object]) -> None:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 - what is written is no HTML
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    names = {**RENAMED, PACKAGE: str(values["package"])}
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        text = source.read_text(encoding="utf-8")
        place = source.relative_to(TEMPLATE)
        if place.suffix == SUFFIX:
            text = environment.from_string(text).render(values)
            place = place.with_suffix("")
        file = folder.joinpath(*(names.get(part, part) for part in place.parts))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if file.name in PROGRAMS:
            file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def requirement_on(distribution: str) -> str:
    """Return the requirement on a package: from its release here to before the next that may break.

    Below 1.0 that is the next minor version (docs/stability.md).

    Raises:
        ConfigurationError: if it is not installed.
    """
    try:
        major, minor, *_ = version(distribution).split(".")
    except PackageNotFoundError:
        raise ConfigurationError(
            f"A plugin is made with a job, a step and a technique, and {distribution}, which it "
            "would extend, is not installed; install that."
        ) from None
    below = f"0.{int(minor) + 1}" if major == "0" else str(int(major) + 1)
    return f"{distribution}>={major}.{minor},<{below}"
