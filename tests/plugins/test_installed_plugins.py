"""Packages of third parties, built and installed for real, beside the project's own."""

import json
import sys
from pathlib import Path

import pytest

BROKEN = {
    "import-failure-plugin": (
        "import",
        "import",
        "Importing 'import_failure_plugin' of import-failure-plugin 1.0 raised "
        "ModuleNotFoundError: No module named 'a_module_that_nobody_installed'; fix the error or "
        "uninstall import-failure-plugin.",
    ),
    "raising-hook-plugin": (
        "register_notifiers",
        "hook_error",
        "The hook 'register_notifiers' of raising-hook-plugin 1.0 raised LookupError: no channel; "
        "fix the error or leave raising-hook-plugin out with DATA_SERVICES_PLUGINS_BLOCK.",
    ),
    "misspelt-hook-plugin": (
        "register_job",
        "hook_name",
        "misspelt-hook-plugin 1.0 implements the hook 'register_job', which no installed package "
        "defines; rename it to 'register_jobs'.",
    ),
    "taken-job-plugin": (
        "location",
        "name_taken",
        "The job 'plugin_report_job' of taken-job-plugin 1.0 is already taken by util-services "
        "0.1.0; rename it in taken-job-plugin, or leave one of the two out with "
        "DATA_SERVICES_PLUGINS_BLOCK.",
    ),
    "taken-op-plugin": (
        "location",
        "name_taken",
        "The op or graph 'count_words' of taken-op-plugin 1.0 is already taken by good-plugin "
        "1.0; rename it in taken-op-plugin, or leave one of the two out with "
        "DATA_SERVICES_PLUGINS_BLOCK.",
    ),
    "other-contract-plugin": (
        "contract",
        "contract",
        "other-contract-plugin 1.0 is written for version 99 of the plugin contract, and "
        "util-services has version 1; install releases of the two that agree.",
    ),
}

LOAD_LOCATION = """
import json
from data_services.repository import defs
repository = defs.get_repository_def()
job = repository.get_job("count_words_job")
print(json.dumps({
    "jobs": sorted(repository.job_names),
    "metadata": {key: value.value for key, value in job.metadata.items()},
    "sensor_job": repository.get_sensor_def("new_text_sensor").job is job
        or repository.get_sensor_def("new_text_sensor").job.metadata == job.metadata,
    "success": job.execute_in_process().success,
}))
"""


@pytest.fixture(scope="module")
def report_beside_broken_plugins(data_services):
    answer = data_services(["good-plugin", *BROKEN], "plugins", "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_every_broken_plugin_is_left_out_with_a_reason_and_a_cure(report_beside_broken_plugins):
    failures = {
        failure["distribution"]: (failure["stage"], failure["kind"], failure["reason"])
        for failure in report_beside_broken_plugins["failures"]
    }

    assert failures == BROKEN


def test_all_other_plugins_load_beside_broken_ones(report_beside_broken_plugins):
    loaded = {p["distribution"]: p for p in report_beside_broken_plugins["plugins"]}

    assert list(loaded) == ["util-services", "data-services", "good-plugin"]
    assert loaded["good-plugin"]["hooks"] == {
        "register_hookspecs": 1,
        "register_ops": 1,
        "register_jobs": 1,
        "register_sensors": 1,
        "register_commands": 1,
        "register_greetings": 1,
    }


def test_the_location_stays_up_and_logs_each_failure_once_with_its_traceback(run):
    answer = run(["good-plugin", *BROKEN], sys.executable, "-c", LOAD_LOCATION)

    assert answer.returncode == 0, answer.stderr
    location = json.loads(answer.stdout)
    assert "count_words_job" in location["jobs"]
    assert "innocent_job" not in location["jobs"]  # another hook of its package raises
    assert location["success"]
    for distribution, (_, _, reason) in BROKEN.items():
        assert answer.stderr.count(f"{distribution} 1.0 is left out: {reason}") == 1
    assert answer.stderr.count("LookupError: no channel\n") == 1


def test_a_sensor_on_a_job_of_its_own_package_survives_the_provenance_on_that_job(run):
    answer = run(["good-plugin"], sys.executable, "-c", LOAD_LOCATION)

    assert answer.returncode == 0, answer.stderr
    location = json.loads(answer.stdout)
    assert location["sensor_job"]
    assert location["metadata"]["data_services/distribution"] == "good-plugin"
    assert location["metadata"]["data_services/version"] == "1.0"


@pytest.mark.parametrize("variable", ["DATA_SERVICES_STRICT", "DAGSTER_IS_DEFS_VALIDATION_CLI"])
def test_strict_mode_ends_the_location_and_lists_all_failures(run, variable):
    answer = run(
        ["good-plugin", *BROKEN],
        *(sys.executable, "-c", "import data_services.repository"),
        **{variable: "1"},
    )

    assert answer.returncode == 1
    final = answer.stderr[answer.stderr.index("util_services.errors.PluginLoadError") :]
    assert "6 plugins cannot be used" in final
    assert all(reason in final for _, _, reason in BROKEN.values())


def test_check_prints_each_failure_as_one_line_and_exits_1(data_services):
    answer = data_services(["good-plugin", *BROKEN], "check")

    assert answer.returncode == 1
    assert sorted(answer.stdout.splitlines()) == sorted(reason for _, _, reason in BROKEN.values())
    assert answer.stderr == ""


def test_check_counts_what_sound_plugins_bring_and_exits_0(data_services):
    answer = data_services(["good-plugin"], "check", "--json")

    assert answer.returncode == 0, answer.stdout
    findings = json.loads(answer.stdout)
    assert findings["ok"]
    assert findings["counts"]["plugins"] == 3
    assert findings["counts"]["register_greetings"] == 1


def test_plugins_with_strict_exits_1_when_a_plugin_was_left_out(data_services):
    assert data_services(["good-plugin"], "plugins", "--strict").returncode == 0
    assert data_services(["misspelt-hook-plugin"], "plugins", "--strict").returncode == 1


def test_a_command_of_a_plugin_is_listed_and_runs_with_the_hook_it_defines(data_services):
    listing = data_services(["good-plugin"], "--help")
    answer = data_services(["good-plugin"], "greet")

    assert "Say all greetings that are registered." in listing.stdout
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "hello\n", "")


def test_help_shows_a_broken_plugin_as_one_sentence_without_a_traceback(data_services):
    answer = data_services(["import-failure-plugin"], "--help")

    assert answer.returncode == 0
    reason = BROKEN["import-failure-plugin"][2]
    assert answer.stderr == f"error: import-failure-plugin 1.0 is left out: {reason}\n"


def test_verbose_shows_the_traceback_behind_a_failure(data_services):
    answer = data_services(["import-failure-plugin"], "--verbose", "--help")

    assert "Traceback (most recent call last)" in answer.stderr


def test_a_blocked_distribution_is_left_out_without_being_a_failure(data_services):
    answer = data_services(
        ["good-plugin"], "plugins", "--json", DATA_SERVICES_PLUGINS_BLOCK="Good_Plugin"
    )

    report = json.loads(answer.stdout)
    assert "good-plugin" not in [p["distribution"] for p in report["plugins"]]
    assert {"distribution": "good-plugin", "version": "1.0", "entry_point": "good-plugin"} in (
        report["blocked"]
    )
    assert report["failures"] == []


def test_util_services_cannot_be_blocked(data_services):
    answer = data_services(
        [], "plugins", "--json", DATA_SERVICES_PLUGINS_BLOCK="util-services,data-services"
    )

    plugins = json.loads(answer.stdout)["plugins"]
    assert [p["distribution"] for p in plugins] == ["util-services"]


@pytest.fixture(scope="module")
def reported(data_services, tmp_path_factory):
    """What a run said, its report and its page, beside a plugin that adds sections."""
    answer = data_services(
        ["report-plugin"],
        *("run", "convert_format_job", "--root", tmp_path_factory.mktemp("root"), "--json"),
        DATA_SERVICES_PLUGINS="data-services,data-processing,report-plugin",
    )
    assert answer.returncode == 0, answer.stderr
    page = Path(json.loads(answer.stdout)["report"])
    return answer, json.loads(page.with_suffix(".json").read_text()), page.read_text()


def test_a_plugin_adds_sections_to_the_report_of_every_run(reported):
    _, report, page = reported

    made = {section["title"]: section for section in report["sections"]}
    assert list(made) == ["How to read this report", "What was kept", "Made of a defect"]
    assert made["What was kept"]["source"] == "report-plugin"
    assert made["What was kept"]["facts"] == {
        "kept_share": 1.0,
        "of": {"job": "convert_format_job"},
    }
    assert "Added by report-plugin." in page
    assert "It says nothing of why." in page


def test_a_section_that_cannot_be_made_is_missed_aloud_and_quotes_nothing(reported):
    answer, report, page = reported

    assert report["sections"][-1]["warnings"] == [
        "This section is missing: 'made_of_a_defect' of report-plugin 1.0 stopped on an unexpected "
        "KeyError; report that to its maintainers."
    ]
    assert "'made_of_a_defect' of report-plugin 1.0" in answer.stderr
    for text in (answer.stdout, answer.stderr, page):
        assert "canary" not in text


def test_checks_of_a_plugin_are_run_and_one_at_fault_stops_no_other(data_services):
    names = ("model_loaded", "licence_valid", "quota_left", "of_a_defect", "silent", "leaving")

    answer = data_services(
        ["health-plugin"], "health", "--json", *(f"--check={name}" for name in names)
    )

    assert answer.returncode == 1
    checks = json.loads(answer.stdout)["checks"]
    assert "canary" not in answer.stdout + answer.stderr
    assert {check["name"]: (check["status"], check["reason"]) for check in checks} == {
        "model_loaded": ("ok", "The model is loaded for remove_duplicates_job."),
        "licence_valid": ("failed", "The licence has ended; renew it."),
        "quota_left": ("skipped", "No quota is configured."),
        "of_a_defect": ("failed", "The check stopped on an unexpected KeyError."),
        "silent": ("failed", "The check returned NoneType instead of a sentence."),
        "leaving": ("failed", "The check stopped on an unexpected SystemExit."),
    }
    assert {check["source"] for check in checks} == {"health-plugin"}


def test_a_plugin_that_is_left_out_is_unhealthy(data_services):
    answer = data_services(["import-failure-plugin"], "health", "--check=plugins")

    assert answer.returncode == 1
    assert "Left out: import-failure-plugin 1.0; see 'data-services plugins'" in answer.stdout


def test_without_a_job_to_run_a_slice_of_there_is_nothing_to_check(data_services, tmp_path):
    checks = ["--check=slice_on_local_files", "--check=slice_on_s3"]
    answer = data_services(
        [], "health", *checks, "--json", DATA_SERVICES_ROOT=str(tmp_path), S3_BUCKET="x"
    )

    assert answer.returncode == 0
    found = [(c["status"], c["reason"]) for c in json.loads(answer.stdout)["checks"]]
    assert found == [
        ("skipped", "The job 'remove_duplicates_job' is not installed."),
        ("skipped", "The job 'remove_duplicates_job_s3' is not installed."),
    ]
