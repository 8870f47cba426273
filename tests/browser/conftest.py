"""Pages as a browser shows them."""

import pytest
from chromium import chromium, chromium_program


@pytest.fixture(scope="module")
def browser():
    """A running Chromium; no longer than a module, for Playwright keeps an event loop running."""
    if chromium_program() is None:
        pytest.skip("Chromium is not installed: .gitea/scripts/install-system")
    with chromium() as running:
        yield running
