"""The reports that jobs really leave: axe-core finds nothing in any."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe

from util_services.approvals import ApprovalRequest, Approver, approve
from util_services.approvals.records import digest_of_file
from util_services.approvals.trust import add_approver
from util_services.keys import Keyset
from util_services.keys.key_pairs import KeyPair
from util_services.keys.providers.choice import key_provider
from util_services.location import build_location

PROGRAM = Path(sys.executable).with_name("data-services")

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCHEMES = {"light": RULES, "dark": {"runOnly": ["color-contrast"]}}  # all else is the same in both
PHONE = {"width": 390, "height": 844}
# What a default config cannot do by itself: it needs an approval, or a policy.
WANT_MORE = ("depseudonymise_", "publish_", "release_")
ENDS = {"write_dataset", "write_report"}


def runs_as_it_is(job):
    ops = {node.name for node in job.graph.node_defs}
    return bool(ops & ENDS) and not job.name.endswith("_s3") and not job.name.startswith(WANT_MORE)


def pseudonymise_and_bring_back(jobs, instance, root):
    """Leave pseudonyms at one place and the originals, with an approval, at another."""
    key_provider().create(Keyset.generate("clinic"))
    pair = KeyPair.generate("approval", "Ada Lovelace")
    add_approver(Path(os.environ["DATA_SERVICES_TRUST"]), Approver(pair.public, "Ada Lovelace"))

    def run(operation, source, target, **config):
        ops = {
            "read_dataset": {"config": {"path": source}},
            operation: {"config": {"keyset": "clinic", "domain": "ward", **config}},
            "write_dataset": {"config": {"path": target}},
        }
        job = jobs[f"{operation}_job"]
        assert job.execute_in_process({"ops": ops}, instance=instance).success, operation

    rules = {"patient_id": {"technique": "encrypt"}}
    forward = {"rules": rules, "unmatched": "drop"}
    run("anonymise_pseudonymise_structured", "sample:patients.csv", "pseudonyms.csv", **forward)
    asked = {"purpose": "complaint 17", "requester": "bob"}
    request = ApprovalRequest(
        job="depseudonymise_structured_job",
        dataset=digest_of_file(root / "pseudonyms.csv"),
        columns=("patient_id",),
        **asked,
    )
    (root / "approval.token").write_text(approve(request, pair, timedelta(hours=1)))
    back = {"columns": ["patient_id"], "approval": "approval.token", **asked}
    run("depseudonymise_structured", "pseudonyms.csv", "originals.csv", **back)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Let the demonstration release its dataset; return the pages that it leaves."""
    home = tmp_path_factory.mktemp("demo")
    variables = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    subprocess.run(
        [PROGRAM, "demo", "demo"],
        env={**os.environ, **variables},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return sorted(home.rglob("*.report.html"))


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Run each job with its default config, and one that fails; return the pages of reports."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("root", "dagster", "data", "keys", "trust", "approvals", "audit"):
        (folder / name).mkdir(mode=0o700)
    (folder / "dagster/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATA_SERVICES_ROOT", str(folder / "root"))
        environment.setenv("DAGSTER_HOME", str(folder / "dagster"))
        environment.setenv("XDG_DATA_HOME", str(folder / "data"))
        environment.setenv("DATA_SERVICES_AUDIT_DIR", str(folder / "audit"))
        environment.setenv("DATA_SERVICES_TRUST", str(folder / "trust"))
        environment.setenv("DATA_SERVICES_APPROVALS", str(folder / "approvals"))
        with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
            location = build_location().definitions.resolve_all_job_defs()
            jobs = {job.name: job for job in location}
            for job in filter(runs_as_it_is, location):
                assert job.execute_in_process(instance=instance).success, job.name
            rule = {"rule": "unique", "columns": ["ward"]}
            failing = {"ops": {"validate_data": {"config": {"rules": [rule]}}}}
            result = jobs["validate_data_job"].execute_in_process(
                failing, instance=instance, raise_on_error=False
            )
            assert not result.success
            pseudonymise_and_bring_back(jobs, instance, folder / "root")
    return sorted((folder / "root").rglob("*.report.html"))


# The reports come first: Playwright keeps an event loop running, in which no job can have its own.
def test_axe_finds_nothing_in_the_report_of_any_job_on_a_phone(reports, release, browser):
    names = {page.name.removesuffix(".report.html") for page in reports}
    assert len(reports) > 22
    assert {"pseudonyms.csv", "originals.csv"} <= names
    assert any(page.parent.name == "released" for page in release)
    assert any(name.endswith(".failed") for name in names)
    found = []

    page = browser.new_context(viewport=PHONE, bypass_csp=True).new_page()
    for report in (*reports, *release):
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
