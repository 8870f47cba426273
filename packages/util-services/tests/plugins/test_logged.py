"""Every job of the code location has the platform's log without any run config."""

import json

import dagster as dg
import pytest

from util_services.custom_json_logger import simpl_json_logger
from util_services.location import build_definitions
from util_services.location.logged import logged
from util_services.plugins.manager import plugin_manager

BREW = """
import dagster as dg

@dg.op(config_schema={config})
def brew(context):
    context.log.info("The kettle is on.")

@dg.job({arguments})
def brew_job():
    brew()

@hookimpl
def register_jobs():
    return [brew_job]
"""
NO_CONFIG = "{}"
OPTIONAL = '{"cups": dg.Field(int, default_value=1)}'


@dg.op
def fill():
    """Do nothing."""


@dg.graph
def pour():
    fill()


def brewing(load, *, config=NO_CONFIG, arguments=""):
    source = BREW.format(config=config, arguments=arguments)
    return build_definitions(manager=load(tea=source)).resolve_job_def("brew_job")


@pytest.fixture
def messages(tmp_path, monkeypatch):
    """Return a function that executes a job and returns what is in its log."""
    monkeypatch.setenv("DATA_SERVICES_LOG_DIR", str(tmp_path / "logs"))

    def execute(job, **options):
        assert job.execute_in_process(**options).success
        files = (tmp_path / "logs").glob("*.json")
        return [json.loads(line)["message"] for f in files for line in f.read_text().splitlines()]

    return execute


def test_a_job_of_a_plugin_logs(load, messages):
    assert "The kettle is on." in messages(brewing(load))


def test_it_logs_too_where_run_config_speaks_of_other_things(load, messages):
    job = brewing(load, config=OPTIONAL)

    assert "The kettle is on." in messages(
        job, run_config={"ops": {"brew": {"config": {"cups": 2}}}}
    )


def test_a_default_config_stays_beside_it(load, messages):
    arguments = 'config={"ops": {"brew": {"config": {"cups": 3}}}}'
    job = brewing(load, config='{"cups": int}', arguments=arguments)

    assert job.run_config["ops"] == {"brew": {"config": {"cups": 3}}}
    assert "The kettle is on." in messages(job)


def test_run_config_can_set_its_level(load, messages):
    run_config = {"loggers": {"simpl": {"config": {"log_level": "ERROR"}}}}

    assert messages(brewing(load), run_config=run_config) == []


@pytest.mark.parametrize(
    "options",
    [
        {"logger_defs": {"mine": dg.colored_console_logger}},
        {"config": dg.config_mapping(config_schema={})(lambda _: {})},
        {"config": dg.static_partitioned_config(["a"])(lambda _: {})},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_job_that_has_a_say_in_it_is_left_alone(options):
    job = pour.to_job(**options)

    assert logged(job, {"simpl": simpl_json_logger}) is job
    assert logged(pour.to_job(), {"simpl": simpl_json_logger}) is not job


def test_a_job_that_cannot_run_without_config_is_left_alone(load):
    job = brewing(load, config='{"cups": int}')

    assert job.run_config is None
    assert dg.validate_run_config(job, {"ops": {"brew": {"config": {"cups": 1}}}})


def test_what_is_no_job_of_ops_is_left_alone():
    selection = dg.define_asset_job("asset_job")

    assert logged(selection, {}) is selection


def test_every_installed_job_selects_the_log_by_default():
    definitions = build_definitions(manager=plugin_manager())

    for job in definitions.resolve_all_job_defs():
        if not job.name.startswith("__"):
            assert "simpl" in dg.validate_run_config(job, {})["loggers"], job.name
