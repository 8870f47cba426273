"""Take the pictures of the README anew, from the real Dagster UI and a real report.

    uv run docs/pictures/take.py

Chromium must be installed (`.gitea/scripts/install-system chromium`).
"""

import sys
import tempfile
from pathlib import Path

PICTURES = Path(__file__).parent
sys.path.insert(0, str(PICTURES.parents[1] / "tests/support"))

from chromium import chromium  # noqa: E402 - known from the line above on
from dagster_ui import dagster_ui  # noqa: E402

JOB = "k_anonymity_job"
WAIT = 180_000  # milliseconds that a busy machine may take for a run


def main() -> None:
    """Launch a job from the Launchpad, and picture what its run tells and its report."""
    with (
        tempfile.TemporaryDirectory() as folder,
        dagster_ui(Path(folder)) as url,
        chromium() as browser,
    ):
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(WAIT)
        page.goto(f"{url}/locations/__repository__@data_services/jobs/{JOB}/playground")
        page.get_by_text("No errors").wait_for()
        page.get_by_role("button", name="Launch run").click()
        page.get_by_text("RUN_SUCCESS").wait_for()
        page.get_by_text("Show Markdown").last.click()
        page.get_by_role("dialog").get_by_role("table").last.wait_for()
        page.screenshot(path=PICTURES / "run.png", animations="disabled")
        (report,) = (Path(folder) / "root/_test_runs").rglob("*.report.html")
        page.goto(report.as_uri())
        page.screenshot(path=PICTURES / "report.png", animations="disabled")


if __name__ == "__main__":
    main()
