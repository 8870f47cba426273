"""A real Chromium, driven by Playwright; nothing is downloaded, the system's own is used."""

import shutil
from contextlib import contextmanager

FLAGS = ["--no-sandbox", "--disable-gpu"]  # tests may run as root, and without a screen


def chromium_program():
    """Return the path of Chromium, None where it is not installed."""
    return shutil.which("chromium")


@contextmanager
def chromium():
    """Start Chromium and give it; it ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
