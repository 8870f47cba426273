"""What a person does in the Dagster UI, by the mouse: find a job, launch it, read what it tells."""

import json
import re

import pytest
from dagster_ui import dagster_ui
from playwright.sync_api import expect

JOB = "remove_duplicates_job"
WAIT = 180_000  # milliseconds that a busy machine may take for a run


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a running UI, and the folder that its jobs write in."""
    folder = tmp_path_factory.mktemp("ui")
    with dagster_ui(folder) as url:
        yield url, folder / "root"


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_context(viewport={"width": 1440, "height": 1200}).new_page()
    page.set_default_timeout(WAIT)
    expect.set_options(timeout=WAIT)
    yield page
    page.context.close()
    expect.set_options(timeout=5_000)


def open_job(page, served, job, tab=""):
    page.goto(f"{served[0]}/locations/__repository__@data_services/jobs/{job}{tab}")


def write_config(page, served, job, text):
    """Put a run config into the Launchpad of a job in place of its default."""
    open_job(page, served, job, "/playground")
    expect(page.get_by_text("No errors")).to_be_visible()
    page.locator(".CodeMirror").first.click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)


def launch(page):
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*")


@pytest.fixture(scope="module")
def succeeded(page, served):
    """Launch a job with the config that its Launchpad opens with; return the id of the run."""
    open_job(page, served, JOB, "/playground")
    expect(page.get_by_text("No errors")).to_be_visible()
    launch(page)
    expect(page.get_by_text("RUN_SUCCESS")).to_be_visible()
    return page.url.rpartition("/")[2].partition("?")[0]


def test_a_job_says_what_it_does_and_who_brought_it(page, served):
    open_job(page, served, JOB)

    expect(page.get_by_text("Rows are equal when the columns named in 'subset'")).to_be_visible()
    expect(page.get_by_text("data_services/distribution: data-processing")).to_be_visible()
    for op in ("Check the whole run,", "Publish the dataset with its reports,"):
        expect(page.get_by_text(op).first).to_be_visible()


def test_the_default_config_of_the_launchpad_runs_and_leaves_a_report(succeeded, served):
    (report,) = (served[1] / "_test_runs" / succeeded).glob("*.report.json")

    assert json.loads(report.read_text())["rows"]["out"] == 945


def test_the_page_of_the_run_tells_what_was_published_and_the_report_as_text(succeeded, page):
    expect(page.get_by_text(re.compile(r"Published 945 rows at .*/patients\.csv"))).to_be_visible()

    page.get_by_text("Show Markdown").last.click()

    said = page.get_by_role("dialog")
    expect(said.get_by_role("cell", name="945").first).to_be_visible()
    expect(said.get_by_text("sample:patients.csv")).to_be_visible()
    expect(said.get_by_text("It does not judge whether data are personal")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_config_with_an_error_cannot_be_launched_and_the_key_is_named(page, served):
    text = "ops:\n  remove_duplicates:\n    config:\n      keep: newest\n"

    write_config(page, served, JOB, text)

    error = page.get_by_text("root:ops:remove_duplicates:config:keep")
    expect(error).to_contain_text("first|last|none|any got newest")
    expect(page.get_by_role("button", name="Launch run")).to_be_disabled()


def test_an_error_that_only_the_data_show_is_one_sentence_on_the_page_of_the_run(page, served):
    text = "ops:\n  remove_duplicates:\n    config:\n      subset: [pateint_id]\n"
    write_config(page, served, JOB, text)
    expect(page.get_by_text("No errors")).to_be_visible()

    launch(page)

    expect(page.get_by_text("RUN_FAILURE")).to_be_visible()
    expect(page.get_by_text("Did you mean 'patient_id'?").first).to_be_visible()
    expect(page.get_by_text("UnknownColumnsError")).to_be_visible()


def test_the_report_on_plugins_is_in_the_metadata_of_its_job(page, served):
    open_job(page, served, "plugin_report_job")

    expect(page.get_by_text("data_services/plugins")).to_be_visible()


def test_the_runs_of_a_package_are_found_by_its_tag(page, served, succeeded):
    page.goto(f"{served[0]}/runs")
    page.get_by_text("package: data-processing").first.click()
    page.get_by_role("button", name="Add tag to filter").click()

    expect(page).to_have_url(re.compile("package.*data-processing"))
    expect(page.get_by_text(succeeded[:8])).to_be_visible()


def test_the_catalogue_shows_lineage_and_checks_of_what_was_published(page, served):
    url, root = served
    (root / "in.csv").write_text("a,b\n1,x\n2,\n")
    text = """
ops:
  read_dataset: {config: {path: in.csv}}
  validate_data: {config: {rules: [{rule: not_null, columns: [b], severity: warn}]}}
  write_dataset: {config: {path: out.csv}}
"""
    write_config(page, served, "validate_data_job", text)
    expect(page.get_by_text("No errors")).to_be_visible()
    launch(page)
    expect(page.get_by_text("RUN_SUCCESS")).to_be_visible()

    page.goto(f"{url}/assets")
    page.get_by_role("button", name="Reload definitions").click()
    expect(page.get_by_text("published_datasets").first).to_be_visible()
    address = f"{url}/assets/file{root}/out.csv"
    page.goto(f"{address}?view=checks")

    expect(page.get_by_text("not_null_of_b").first).to_be_visible()
    expect(page.get_by_text("Failed").first).to_be_visible()
    page.goto(f"{address}?view=lineage")
    expect(page.get_by_text("in.csv").first).to_be_visible()
    expect(page.get_by_role("link", name="0 / 1 Passed")).to_be_visible()
