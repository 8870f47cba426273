"""The code location declares to Dagster what runs have published, with lineage and checks."""

import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)

from data_processing.jobs import convert_format_job, validate_data_job
from util_services.asset_events import asset_key
from util_services.location import published_datasets as module
from util_services.location.published_datasets import GROUP, with_published_datasets
from util_services.storage import Location

CONTENT = b"a,b\n1,x\n2,y\n2,z\n"
RULES = [
    {"rule": "unique", "columns": ["a"], "severity": "warn"},
    {"rule": "not_null", "columns": ["b"], "severity": "warn"},
]
LISTING = """
from data_services.repository import defs
for key in sorted(k.to_user_string() for k in defs.resolve_asset_graph().get_all_asset_keys()):
    print(key)
"""


@pytest.fixture
def publish(machine, monkeypatch):
    """Return a function that publishes a dataset of another one by a job."""
    for name, value in machine.variables.items():
        monkeypatch.setenv(name, value)

    def run(source, output, job=convert_format_job, **operation):
        ops = {
            "read_dataset": {"config": {"path": source}},
            "write_dataset": {"config": {"path": output, "overwrite": True}},
        }
        if operation:
            ops["validate_data"] = {"config": operation}
        with machine.instance() as instance:
            assert job.execute_in_process({"ops": ops}, instance=instance).success

    return run


@pytest.fixture
def key(machine):
    return lambda name: asset_key(Location("", f"{machine.root}/{name}"))


def nodes():
    """Return what is declared beside nothing, by key."""
    graph = with_published_datasets(dg.Definitions()).resolve_asset_graph()
    return {key: graph.get(key) for key in graph.get_all_asset_keys()}, graph


def test_published_datasets_are_declared_with_lineage_kind_and_checks(machine, publish, key):
    machine.put("in.csv", CONTENT)
    publish("in.csv", "checked.parquet", validate_data_job, rules=RULES)
    publish("checked.parquet", "out.csv")

    found, graph = nodes()

    assert {k: n.parent_keys for k, n in found.items()} == {
        key("in.csv"): set(),
        key("checked.parquet"): {key("in.csv")},
        key("out.csv"): {key("checked.parquet")},
    }
    assert {node.group_name for node in found.values()} == {GROUP}
    assert found[key("checked.parquet")].kinds == {"parquet"}
    assert found[key("checked.parquet")].description == "Published by `validate_data_job`."
    assert found[key("in.csv")].description == "Read by jobs, and published by none."
    names = {(check.asset_key, check.name) for check in graph.asset_check_keys}
    assert names == {
        (key("checked.parquet"), "unique_of_a"),
        (key("checked.parquet"), "not_null_of_b"),
    }


def test_the_materialisation_lists_its_checks_as_a_table(machine, publish, key):
    machine.put("in.csv", CONTENT)

    publish("in.csv", "out.csv", validate_data_job, rules=RULES)

    with machine.instance() as instance:
        event = instance.get_latest_materialization_event(key("out.csv"))
    rows = [row.data for row in event.asset_materialization.metadata["checks"].records]
    assert [(row["check"], row["passed"], row["broken"], row["of"]) for row in rows] == [
        ("unique_of_a", False, 2, 3),
        ("not_null_of_b", True, 0, 3),
    ]


def test_datasets_that_are_made_of_one_another_keep_the_latest_source(machine, publish, key):
    machine.put("a.csv", CONTENT)
    publish("a.csv", "b.csv")
    publish("b.csv", "c.csv")
    publish("c.csv", "a.csv")

    found, _ = nodes()

    assert {k: n.parent_keys for k, n in found.items()} == {
        key("a.csv"): {key("c.csv")},
        key("c.csv"): {key("b.csv")},
        key("b.csv"): set(),
    }


def test_only_the_latest_are_declared_where_there_are_many(machine, publish, key, monkeypatch):
    monkeypatch.setattr(module, "MAX_DATASETS", 2)
    machine.put("in.csv", CONTENT)
    for name in ("one.csv", "two.csv", "three.csv"):
        publish("in.csv", name)

    assert set(nodes()[0]) == {key("in.csv"), key("two.csv"), key("three.csv")}


def test_what_a_package_declares_itself_stays_as_it_is(machine, publish, key):
    machine.put("in.csv", CONTENT)
    publish("in.csv", "out.csv")
    own = dg.Definitions(assets=[dg.AssetSpec(key("out.csv"), description="Ours.")])

    graph = with_published_datasets(own).resolve_asset_graph()

    assert graph.get(key("out.csv")).description == "Ours."
    assert key("in.csv") in graph.get_all_asset_keys()


def test_a_process_that_executes_a_run_declares_none(machine, publish):
    machine.put("in.csv", CONTENT)
    publish("in.csv", "out.csv")
    own = dg.Definitions()
    run = DefinitionsLoadContext(load_type=DefinitionsLoadType.RECONSTRUCTION)

    with DefinitionsLoadContext.scoped(run):
        assert with_published_datasets(own) is own


def test_the_location_loads_where_the_instance_does_not_answer(machine, publish, caplog):
    machine.put("in.csv", CONTENT)
    publish("in.csv", "out.csv")
    (machine.home / "dagster.yaml").write_text("no: such\n")
    own = dg.Definitions()

    assert with_published_datasets(own) is own
    assert caplog.messages == ["Published datasets are not declared: ParameterCheckError."]


def test_the_entry_point_of_dagster_has_them(machine, publish, key):
    machine.put("in.csv", CONTENT)
    publish("in.csv", "out.csv")

    listed = subprocess.run(
        [sys.executable, "-c", LISTING], capture_output=True, text=True, check=True
    )

    assert listed.stdout.split() == sorted(key(n).to_user_string() for n in ("in.csv", "out.csv"))
