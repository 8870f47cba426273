"""Pages as a browser shows them."""

import pytest
from chromium import chromium, chromium_program


@pytest.fixture(scope="session")
def browser():
    """A running Chromium."""
    if chromium_program() is None:
        pytest.skip("Chromium is not installed: .gitea/scripts/install-system")
    with chromium() as running:
        yield running
