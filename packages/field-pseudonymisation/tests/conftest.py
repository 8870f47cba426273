import json
import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("DATA_SERVICES_") and name != "DATA_SERVICES_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def vectors():
    """Known answers of NIST and of RFCs."""
    folder = os.environ.get("DATA_SERVICES_TEST_DATA")
    if not folder:
        pytest.skip("DATA_SERVICES_TEST_DATA names no folder with the shared datasets")
    return json.loads((Path(folder) / "vectors/nist_rfc_vectors.json").read_text())
