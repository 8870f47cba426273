"""Plugins as real distributions: a module and its metadata in a folder on the import path."""

import importlib
import itertools
import sys

import pytest

from util_services.plugins import PluginManager

_numbers = itertools.count()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a plugin from the text of its module."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def write(distribution, source):
        module = f"{distribution.replace('-', '_')}_{next(_numbers)}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(
            f"from util_services.plugins import hookimpl, hookspec\n{source}"
        )
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {distribution}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[data_services]\n{distribution} = {module}\n")
        importlib.invalidate_caches()
        return module

    yield write
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def load(install):
    """Return a function that installs plugins and loads these, beside util-services alone."""

    def load_all(**sources):
        names = [name.replace("_", "-") for name in sources]
        for name, source in zip(names, sources.values(), strict=True):
            install(name, source)
        return PluginManager(allowed=["util-services", *names], blocked=())

    return load_all
