"""The program as a user runs it, in a home of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("data-services")


@pytest.fixture
def program(tmp_path, clean_environment, monkeypatch):
    """Return a function that runs ``data-services`` and gives how it ended."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("DATA_SERVICES_TRUST", str(tmp_path / "trust"))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))

    def run(*arguments, given=None, **variables):
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | variables,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def passphrase_file(tmp_path):
    """A file with a passphrase that only its owner can read."""
    file = tmp_path / "passphrase"
    file.write_text(os.urandom(16).hex() + "\n")
    file.chmod(0o600)
    return file
