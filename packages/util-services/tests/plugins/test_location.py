import dagster as dg
import pytest

from util_services.errors import PluginLoadError
from util_services.location import build_definitions, build_location
from util_services.location.plugin_report import failures_as_markdown, plugin_report_job
from util_services.runs.executors import in_process_or_multiprocess_executor

JOB = """
import dagster as dg

@dg.op(required_resource_keys={keys})
def {op}(): ...

@dg.job
def {job}():
    {op}()

@hookimpl
def register_jobs():
    return [{job}]
"""

RESOURCES = """
@hookimpl
def register_resources():
    return {resources}
"""

ON_A_JOB = """
@dg.schedule(job={job}, cron_schedule="0 0 * * *")
def nightly(): ...

@dg.sensor(job={job})
def watch(): ...

@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS, monitored_jobs=[{job}], request_job={job}
)
def chain(): ...

@hookimpl
def register_schedules():
    return [nightly]

@hookimpl
def register_sensors():
    return [watch, chain]
"""

ASSET = """
import dagster as dg

@dg.asset
def {name}(): ...

@hookimpl
def register_assets():
    return [{name}]
"""

ASSET_SPEC = """
import dagster as dg

@hookimpl
def register_assets():
    return [dg.AssetSpec("tea")]
"""


def job(job, op, keys="()"):
    return JOB.format(job=job, op=op, keys=f"set({keys})")


def failures(manager):
    return {f.plugin.distribution: f.reason for f in manager.failures}


def names(definitions):
    return {job.name for job in definitions.resolve_all_job_defs()}


def test_each_job_shows_who_brought_it(load):
    definitions = build_definitions(manager=load(tea=job("brew_job", "brew")))

    metadata = definitions.resolve_job_def("brew_job").metadata
    assert {key: value.value for key, value in metadata.items()} == {
        "data_services/distribution": "tea",
        "data_services/version": "1.0",
        "data_services/commit": "unknown",
    }


def test_each_job_and_its_runs_have_the_tag_of_their_package_but_where_it_is_taken(load):
    source = """
import dagster as dg

@dg.op
def pour(): ...

@dg.job
def plain():
    pour()

@dg.job(run_tags={"cup": "blue"})
def parted():
    pour()

@dg.job(tags={"package": "of tea"})
def taken():
    pour()

@hookimpl
def register_jobs():
    return [plain, parted, taken]
"""
    definitions = build_definitions(manager=load(tea=source))

    jobs = {name: definitions.resolve_job_def(name) for name in ("plain", "parted", "taken")}
    assert {name: (job.tags, job.run_tags) for name, job in jobs.items()} == {
        "plain": ({"package": "tea"}, {"package": "tea"}),
        "parted": ({"package": "tea"}, {"cup": "blue", "package": "tea"}),
        "taken": ({"package": "of tea"}, {"package": "of tea"}),
    }


def test_sensors_and_schedules_follow_their_job_to_the_one_with_provenance(load):
    source = job("brew_job", "brew") + ON_A_JOB.format(job="brew_job")
    manager = load(tea=source)

    definitions = build_definitions(manager=manager)

    brew = definitions.resolve_job_def("brew_job")
    assert failures(manager) == {}
    for instigator in (
        definitions.resolve_sensor_def("watch"),
        definitions.resolve_sensor_def("chain"),
        definitions.resolve_schedule_def("nightly"),
    ):
        assert instigator.job.metadata == brew.metadata
    assert isinstance(definitions.resolve_sensor_def("chain"), dg.RunStatusSensorDefinition)


def test_a_job_that_only_a_sensor_holds_has_provenance_too(load):
    source = job("brew_job", "brew").split("@hookimpl")[0] + ON_A_JOB.format(job="brew_job")

    definitions = build_definitions(manager=load(tea=source))

    metadata = definitions.resolve_job_def("brew_job").metadata
    assert metadata["data_services/distribution"].value == "tea"


def test_a_sensor_may_target_the_job_of_a_later_package_which_keeps_its_provenance(load, install):
    module = install("zoo", job("feed_job", "feed"))
    sensor = f"import dagster as dg\nfrom {module} import feed_job\n" + ON_A_JOB.format(
        job="feed_job"
    )
    manager = load(zoo_watch="", aardvark=sensor)
    manager = type(manager)(allowed=["zoo", "aardvark"], blocked=())

    definitions = build_definitions(manager=manager)

    metadata = definitions.resolve_job_def("feed_job").metadata
    assert failures(manager) == {}
    assert metadata["data_services/distribution"].value == "zoo"


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (job("brew_job", "a"), job("brew_job", "b"), "job 'brew_job'"),
        (job("a_job", "brew"), job("b_job", "brew"), "op or graph 'brew'"),
        (job("a_job", "b_job"), job("b_job", "c"), "op or graph 'b_job'"),
        (ASSET.format(name="tea"), ASSET.format(name="tea"), "op or graph 'tea'"),
        (ASSET_SPEC, ASSET_SPEC, "asset 'tea'"),
        (
            RESOURCES.format(resources="{'kettle': 1}"),
            RESOURCES.format(resources="{'kettle': 2}"),
            "resource 'kettle'",
        ),
    ],
)
def test_a_name_that_is_taken_leaves_the_newcomer_out_and_names_both(load, first, second, taken):
    manager = load(one=first, two=second)

    build_definitions(manager=manager)

    assert failures(manager) == {
        "two": f"The {taken} of two 1.0 is already taken by one 1.0; rename it in two, or leave "
        "one of the two out with DATA_SERVICES_PLUGINS_BLOCK."
    }


def test_sensors_and_schedules_share_one_namespace(load):
    sensor = "import dagster as dg\n@dg.sensor(job_name='x')\ndef watch(): ...\n"
    schedule = sensor.replace("@dg.sensor(job_name='x')", "@dg.schedule('0 0 * * *', job_name='x')")
    manager = load(
        one=sensor + "@hookimpl\ndef register_sensors(): return [watch]\n",
        two=schedule + "@hookimpl\ndef register_schedules(): return [watch]\n",
    )

    build_definitions(manager=manager)

    assert "sensor or schedule 'watch' of two 1.0" in failures(manager)["two"]


def test_two_packages_may_share_one_op_object(load, install):
    module = install("shared", "import dagster as dg\n@dg.op\ndef read(): ...\n")
    use = (
        f"import dagster as dg\nfrom {module} import read\n@dg.job\ndef {{job}}():\n    read()\n"
        "@hookimpl\ndef register_jobs(): return [{job}]\n"
        "@hookimpl\ndef register_ops(): return [read]\n"
    )
    manager = load(one=use.format(job="one_job"), two=use.format(job="two_job"))

    assert {"one_job", "two_job"} <= names(build_definitions(manager=manager))
    assert failures(manager) == {}


def test_a_job_without_its_resource_leaves_only_its_plugin_out(load):
    manager = load(
        needy=job("needy_job", "need", "{'teapot'}"),
        sound=job("sound_job", "rest"),
    )

    definitions = build_definitions(manager=manager)

    reason = failures(manager)["needy"]
    assert list(failures(manager)) == ["needy"]
    assert reason.startswith("Dagster refuses the definitions of needy 1.0: ")
    assert "teapot" in reason
    assert "sound_job" in names(definitions)


def test_jobs_may_use_the_resource_of_any_package_beside_a_plugin_at_fault(load):
    manager = load(
        early=job("early_job", "early", "{'teapot'}"),
        faulty=job("faulty_job", "faulty", "{'nothing'}"),
        later=RESOURCES.format(resources="{'teapot': 1}"),
        latest=job("latest_job", "latest", "{'teapot'}"),
    )

    definitions = build_definitions(manager=manager)

    assert list(failures(manager)) == ["faulty"]
    assert {"early_job", "latest_job"} <= names(definitions)


def test_a_plugin_goes_with_the_one_whose_resource_it_needs(load):
    clash = RESOURCES.format(resources="{'kettle': 1}")
    manager = load(
        a_job=job("tea_job", "pour", "{'teapot'}"),
        b_kettle=clash,
        c_teapot=RESOURCES.format(resources="{'teapot': 1, 'kettle': 2}"),
    )

    definitions = build_definitions(manager=manager)

    assert sorted(failures(manager)) == ["a-job", "c-teapot"]
    assert "tea_job" not in names(definitions)


def test_a_resource_of_the_code_location_replaces_that_of_a_package(load):
    manager = load(
        data_services=RESOURCES.format(resources="{'kettle': 'own'}"),
        tea=RESOURCES.format(resources="{'kettle': 'default'}"),
    )

    definitions = build_definitions(manager=manager)

    assert failures(manager) == {}
    assert definitions.resources["kettle"] == "own"


def test_a_package_keeps_its_resource_where_the_code_location_is_left_out(load):
    manager = load(
        data_services=RESOURCES.format(resources="{'kettle': 'own'}")
        + job("plugin_report_job", "clash"),
        tea=RESOURCES.format(resources="{'kettle': 'default'}"),
    )

    definitions = build_definitions(manager=manager)

    assert list(failures(manager)) == ["data-services"]
    assert definitions.resources["kettle"] == "default"


def test_a_hook_that_raises_takes_the_jobs_of_its_plugin_along(load):
    raising = "@hookimpl\ndef register_notifiers(): raise OSError\n"
    manager = load(tea=job("brew_job", "brew") + raising)

    definitions = build_definitions(manager=manager)

    assert "brew_job" not in names(definitions)


def test_an_object_of_another_type_leaves_its_plugin_out(load):
    manager = load(bad="@hookimpl\ndef register_jobs(): return ['a job']\n")

    build_definitions(manager=manager)

    assert failures(manager)["bad"] == (
        "The hook 'register_jobs' of bad 1.0 returned an object of type str; return objects of "
        "type JobDefinition or UnresolvedAssetJobDefinition."
    )


def test_strict_building_raises_for_what_only_the_location_reveals(load):
    manager = load(needy=job("needy_job", "need", "{'teapot'}"))

    with pytest.raises(PluginLoadError, match="Dagster refuses the definitions of needy"):
        build_definitions(strict=True, manager=manager)


def test_the_definitions_carry_the_report(load):
    location = build_location(manager=load(tea=job("brew_job", "brew")))

    carried = location.definitions.metadata["data_services/plugins"].value
    assert carried == location.report.to_dict()


def test_building_twice_gives_the_same_jobs(load):
    manager = load(tea=job("brew_job", "brew"))

    first, second = (names(build_definitions(manager=manager)) for _ in range(2))

    assert first == second


def test_jobs_run_in_process_by_default_and_in_processes_on_request(load):
    definitions = build_definitions(manager=load(tea=job("brew_job", "brew")))
    brew = definitions.resolve_job_def("brew_job")

    default = dg.validate_run_config(brew, {})["execution"]
    chosen = dg.validate_run_config(
        brew, {"execution": {"config": {"multiprocess": {"max_concurrent": 2}}}}
    )["execution"]

    assert list(default["in_process_or_multiprocess"]) == ["in_process"]
    assert chosen["in_process_or_multiprocess"]["multiprocess"]["max_concurrent"] == 2


def test_only_the_choice_of_processes_asks_for_what_processes_need():
    requirements = in_process_or_multiprocess_executor.get_requirements

    assert requirements({"in_process": {}}) == []
    assert requirements({"multiprocess": {}}) != []


def test_the_report_job_shows_plugins_and_failures_as_tables():
    result = plugin_report_job.execute_in_process()

    (event,) = [e for e in result.all_events if e.is_successful_output]
    metadata = event.event_specific_data.metadata
    assert "| util-services | " in metadata["plugins"].value
    assert metadata["failures"].value


def test_a_failure_is_a_line_of_the_reports_table(load):
    manager = load(bad="raise OSError('a | b')")

    table = failures_as_markdown(build_location(manager=manager).report)

    assert table.splitlines()[2].startswith("| bad | 1.0 | import | Importing 'bad_")
    assert "a \\| b" in table


def test_without_failures_the_report_says_so(load):
    report = build_location(manager=load(good="")).report

    assert failures_as_markdown(report) == "No plugin was left out."
