"""An audit in a folder of its own, and ways to write to it, read it and tamper with it."""

import base64
import json
import shutil
import subprocess
from importlib.resources import files

import pytest

from util_services.audit.anchors import Anchor
from util_services.audit.key import AuditKey
from util_services.audit.place import segments_in
from util_services.audit.record import WorkRecord
from util_services.audit.verify import verify
from util_services.audit.writer import Writer, writer
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.document import Document, Wrapped


class Audit:
    """A folder with chains, the key that they are written with, and what is told of them."""

    def __init__(self, directory):
        self.directory = directory
        self.keyset = Keyset.generate("audit", purpose="audit")
        self.key = AuditKey.of(self.keyset.primary)
        self._writers = []

    def environment(self):
        """Return the variables that lead to this audit and its key."""
        materials = {i: Wrapped("plain", m) for i, m in self.keyset.materials.items()}
        document = Document(self.keyset.info, materials).to_bytes()
        return {
            "DATA_SERVICES_AUDIT_DIR": str(self.directory),
            "DATA_SERVICES_KEY_PROVIDER": "environment",
            "DATA_SERVICES_KEYSET_AUDIT": base64.b64encode(document.reveal()).decode(),
        }

    def rotate(self):
        """Let new records be written with another key, and return the former one."""
        former = self.key
        self.keyset = self.keyset.changed(KeysetInfo.rotated)
        self.key = AuditKey.of(self.keyset.primary)
        return former

    def writer(self, **options):
        made = Writer(self.directory, self.key, **options)
        self._writers.append(made)
        return made

    def write(self, count, writer=None, **options):
        """Write records of work that is over at once, and return their links."""
        chosen = writer or self.writer(**options)
        entry = WorkRecord("tea").after("success")
        links = [chosen.append("work", entry.to_dict()) for _ in range(count)]
        if writer is None:
            chosen.close()
        return links

    def close(self):
        for made in self._writers:
            made.close()

    def files(self):
        return [self.directory / one.name for one in segments_in(self.directory)]

    def lines(self, file=None):
        """Return the lines of a file with their ends; of the only one unless it is named."""
        if file is None:
            [file] = self.files()
        return file.read_bytes().splitlines(keepends=True)

    def put(self, lines, file=None):
        if file is None:
            [file] = self.files()
        file.write_bytes(b"".join(lines))

    def records(self):
        return [json.loads(line) for file in self.files() for line in self.lines(file)]

    def verify(self, *anchors, keys=None):
        kept = [Anchor(link, "run 1") for link in anchors]
        return verify(self.directory, [self.key] if keys is None else keys, kept)

    def found(self, *anchors, **options):
        """Return line and kind of each finding."""
        findings = self.verify(*anchors, **options).findings
        return [(finding.line, finding.kind) for finding in findings]


@pytest.fixture
def audit(tmp_path):
    made = Audit(tmp_path / "audit")
    yield made
    made.close()


@pytest.fixture
def record_schema():
    return json.loads(
        files("util_services").joinpath("schemas/audit_record.schema.json").read_text("utf-8")
    )


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def in_environment(audit, clean_environment, monkeypatch):
    """Let this process find the audit and its key in its environment."""
    for name, value in audit.environment().items():
        monkeypatch.setenv(name, value)
    yield audit
    writer().close()
