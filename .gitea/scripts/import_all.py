"""Imports every module of a package, so that a requirement which nobody declares is found."""

import importlib
import pkgutil
import sys

package = importlib.import_module(sys.argv[1])
names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{sys.argv[1]}.")]
for name in names:
    if not name.endswith(".__main__"):
        importlib.import_module(name)
print(f"{len(names) + 1} modules of {sys.argv[1]} import")
