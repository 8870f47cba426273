"""The reports that jobs really leave: axe-core finds nothing in any."""

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe

from util_services.location import build_location

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCHEMES = {"light": RULES, "dark": {"runOnly": ["color-contrast"]}}  # all else is the same in both
PHONE = {"width": 390, "height": 844}
# What a default config cannot do by itself: an approval, a policy, a table of ours, a workspace.
WANT_MORE = ("depseudonymise_", "repseudonymise_", "publish_", "release_", "verify_anonymity")
ENDS = {"write_dataset", "write_report"}


def runs_as_it_is(job):
    ops = {node.name for node in job.graph.node_defs}
    return bool(ops & ENDS) and not job.name.endswith("_s3") and not job.name.startswith(WANT_MORE)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Run each job with its default config, and one that fails; return the pages of reports."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("root", "dagster", "data"):
        (folder / name).mkdir(mode=0o700)
    (folder / "dagster/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATA_SERVICES_ROOT", str(folder / "root"))
        environment.setenv("DAGSTER_HOME", str(folder / "dagster"))
        environment.setenv("XDG_DATA_HOME", str(folder / "data"))
        with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
            jobs = build_location().definitions.resolve_all_job_defs()
            for job in filter(runs_as_it_is, jobs):
                assert job.execute_in_process(instance=instance).success, job.name
            rule = {"rule": "unique", "columns": ["ward"]}
            failing = {"ops": {"validate_data": {"config": {"rules": [rule]}}}}
            (job,) = (job for job in jobs if job.name == "validate_data_job")
            assert not job.execute_in_process(
                failing, instance=instance, raise_on_error=False
            ).success
    return sorted((folder / "root").rglob("*.report.html"))


# The reports come first: Playwright keeps an event loop running, in which no job can have its own.
def test_axe_finds_nothing_in_the_report_of_any_job_on_a_phone(reports, browser):
    names = {page.name.removesuffix(".report.html") for page in reports}
    assert len(reports) > 20
    assert any(name.endswith(".failed") for name in names)
    found = []

    page = browser.new_context(viewport=PHONE, bypass_csp=True).new_page()
    for report in reports:
        page.goto(report.as_uri())
        for scheme, rules in SCHEMES.items():
            page.emulate_media(color_scheme=scheme)
            answer = Axe().run(page, options=rules).response
            assert answer["passes"]
            violations = answer["violations"]
            found += [(report.name, scheme, v["id"], v["nodes"][0]["html"]) for v in violations]
        if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            found.append((report.name, "is wider than the screen"))
    page.context.close()

    assert found == []
