import dagster as dg
import pytest

from data_services.jobs.data_processing import data_processing_job
from data_services.repository import defs
from util_services.plugins import PluginManager
from util_services.plugins.conformance import check_plugin


def test_the_location_offers_the_template_job_with_its_provenance():
    job = defs.resolve_job_def("data_processing_job")

    assert job.metadata["data_services/distribution"].value == "data-services"


def test_the_template_job_summarises_what_it_fetched():
    result = data_processing_job.execute_in_process(
        run_config={"ops": {"fetch_data": {"config": {"rows": 4}}}}
    )

    assert result.output_for_node("process_data") == {"count": 4, "min": 1, "max": 16}


def test_the_template_job_leaves_no_values_in_dagsters_storage(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert data_processing_job.execute_in_process(instance=instance).success

    assert not [path for path in tmp_path.rglob("*") if path.name == "result"]


def test_the_code_location_keeps_the_rules_for_plugins():
    check_plugin("data-services")


@pytest.fixture
def dropped_file(tmp_path, monkeypatch):
    """A module with a job and a schedule, in a folder that counts to `data_services.jobs`."""
    from data_services import jobs

    (tmp_path / "brewing.py").write_text(
        "import dagster as dg\n"
        "from data_services.ops.data_processing import fetch_data\n"
        "@dg.job\ndef brew_job():\n    fetch_data()\n"
        "nightly = dg.ScheduleDefinition(job=brew_job, cron_schedule='0 0 * * *')\n"
    )
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(tmp_path)])


@pytest.mark.usefixtures("dropped_file")
def test_a_file_dropped_into_jobs_is_found():
    manager = PluginManager(allowed=["data-services"], blocked=())

    (jobs,) = [
        [job.name for job in result.value]
        for result in manager.results("register_jobs")
        if result.plugin.distribution == "data-services"
    ]
    (schedules,) = [result.value for result in manager.results("register_schedules")]

    assert {"brew_job", "data_processing_job"} <= set(jobs)  # beside jobs of one's own
    assert "brew_job_schedule" in [schedule.name for schedule in schedules]
