"""What data are called by those who do not have the workspace.

Data in resources are named in the namespace of the workspace, by resource and path; those outside
by the address that others know them by (Naming conventions of OpenLineage: ``s3://BUCKET`` and the
key, ``abfss://CONTAINER@ACCOUNT`` and the path, ``file`` and the path). Names never have user
names, passwords or signatures of addresses.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from blake3 import blake3

from workspace_core.lineage.exports.machine_paths import without_machine_paths
from workspace_core.lineage.plain import plain

if TYPE_CHECKING:
    from workspace_core.lineage.model import HashCertificate

ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+):(?P<rest>.*)", re.DOTALL)
OF_THE_WEB = ("http", "https")  # what follows ? or # may be a signature
OF_AZURE = ("abfs", "abfss", "wasb", "wasbs")  # CONTAINER@ACCOUNT.dfs.core.windows.net
CONTAINER = re.compile(r"\$?[a-z0-9](?:-?[a-z0-9])*")  # Microsoft's rules; never NAME:PASSWORD
LOCAL, PLACE_OUTSIDE = "file", "outside"
DIGITS = 8  # of the digest that tells one hidden folder from another


@dataclass(frozen=True, slots=True)
class DataName:
    """A name for data, and the namespace that it belongs to."""

    namespace: str
    name: str

    @property
    def address(self) -> str:
        """Namespace and name as one address."""
        path = quote(os.fsencode(self.name))
        if self.namespace == LOCAL:
            return f"file://{path}"
        between = "/" if "://" in self.namespace else ":"
        return f"{self.namespace}{between}{path}"


def data_name(
    one: HashCertificate, workspace: str, *, with_machine_paths: bool = False
) -> DataName:
    """Return what data are called in exports.

    Args:
        one: the data.
        workspace: the namespace of the workspace.
        with_machine_paths: with absolute paths outside of the workspace as they are; else only
            their last name is told, with a digest that is another one for another path.
    """
    if not one.ref.is_outside:
        return DataName(workspace, name_of(one))
    path = one.ref.path
    if os.path.isabs(path):
        if with_machine_paths:
            return DataName(LOCAL, str(plain(path)))
        digest = blake3(os.fsencode(f"{workspace}{path}")).hexdigest()[:DIGITS]
        return DataName(f"{workspace}/{PLACE_OUTSIDE}", f"{digest}/{plain(os.path.basename(path))}")
    found = ADDRESS.fullmatch(path)
    if found is None:  # from the root of some storage
        return DataName(f"{workspace}/{PLACE_OUTSIDE}", str(without_machine_paths(plain(path))))
    return _of_address(found["scheme"].lower(), found["rest"])


def name_of(one: HashCertificate) -> str:
    """Return what data in a resource are called: the resource, and the path in it."""
    return f"{one.ref.name}/{one.ref.path}" if one.ref.path else one.ref.name


def _of_address(scheme: str, rest: str) -> DataName:
    if scheme in OF_THE_WEB:
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    if not rest.startswith("//"):
        return DataName(scheme, str(plain(rest)))
    server, _, path = rest[2:].partition("/")
    before, _, host = server.rpartition("@")
    if scheme in OF_AZURE and CONTAINER.fullmatch(before):
        host = f"{before}@{host}"
    return DataName(f"{scheme}://{host}", str(plain(path)))
