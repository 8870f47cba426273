"""What Dagster's asset catalogue is told of the datasets that runs read and publish."""

import hashlib
import json
import re

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_processing.jobs import convert_format_job, convert_format_job_s3
from util_services.asset_events import MAX_KEY_CHARACTERS, asset_key, place_of
from util_services.storage import LocalStorage, Location, S3Settings, S3Storage

CONTENT = b"a,b\n1,x\n2,y\n3,z\n"


def config(source, output, reading=None, writing=None):
    return {
        "ops": {
            "read_dataset": {"config": {"path": source, **(reading or {})}},
            "write_dataset": {"config": {"path": output, **(writing or {})}},
        }
    }


@pytest.fixture
def instance(machine):
    with machine.instance() as opened:
        yield opened


@pytest.fixture
def convert(machine, instance):
    """Return a function that runs a job and gives the events on assets, by kind."""

    def run(*arguments, job=convert_format_job, **resources):
        result = job.execute_in_process(
            run_config=config(*arguments), instance=instance, resources=resources
        )
        events = [entry.dagster_event for entry in instance.all_logs(result.run_id)]
        kinds = dg.DagsterEventType
        found = {
            "observed": [
                e.event_specific_data.asset_observation
                for e in events
                if e and e.event_type == kinds.ASSET_OBSERVATION
            ],
            "materialised": [
                e.event_specific_data.materialization
                for e in events
                if e and e.event_type == kinds.ASSET_MATERIALIZATION
            ],
        }
        return result, found

    return run


def plain(metadata):
    return {key: getattr(value, "value", value) for key, value in metadata.items()}


def test_a_published_dataset_is_a_materialisation_that_names_its_source(machine, convert):
    machine.put("in/tea.csv", CONTENT)

    result, events = convert("in/tea.csv", "out/tea.parquet")

    (observed,), (made,) = events["observed"], events["materialised"]
    root = machine.root.parts[1:]
    assert observed.asset_key == dg.AssetKey(["file", *root, "in", "tea.csv"])
    assert made.asset_key == dg.AssetKey(["file", *root, "out", "tea.parquet"])
    bytes_read, bytes_made = CONTENT, machine.get("out/tea.parquet")
    columns = dg.TableSchema(columns=[dg.TableColumn(n, "string") for n in "ab"])
    assert plain(observed.metadata) == {
        "dagster/row_count": 3,
        "dagster/column_schema": columns,
        "sha256": hashlib.sha256(bytes_read).hexdigest(),
        "job": "convert_format_job",
        "run": result.run_id,
        "path": str(machine.root / "in/tea.csv"),
        "bytes": len(bytes_read),
    }
    assert plain(made.metadata) == {
        "dagster/row_count": 3,
        "dagster/column_schema": columns,
        "sha256": hashlib.sha256(bytes_made).hexdigest(),
        "job": "convert_format_job",
        "run": result.run_id,
        "path": str(machine.root / "out/tea.parquet"),
        "bytes": len(bytes_made),
        "report": str(machine.root / "out/tea.parquet.report.html"),
        "report_json": str(machine.root / "out/tea.parquet.report.json"),
        "source": observed.asset_key,
        "source_sha256": hashlib.sha256(bytes_read).hexdigest(),
    }
    assert observed.tags["dagster/data_version"] == hashlib.sha256(bytes_read).hexdigest()
    assert made.tags["dagster/data_version"] == hashlib.sha256(bytes_made).hexdigest()


@pytest.mark.parametrize("output", ["out/tea.csv", "out/parts/", "out/Größe & 50% (1).csv"])
def test_what_one_run_publishes_and_the_next_reads_is_one_asset(machine, convert, output):
    machine.put("in.csv", CONTENT)

    _, first = convert("in.csv", output)
    _, second = convert(output, "again.csv")

    assert second["observed"][0].asset_key == first["materialised"][0].asset_key


def test_the_catalogue_of_the_instance_lists_both(machine, convert, instance):
    machine.put("in.csv", CONTENT)

    _, events = convert("in.csv", "out.csv")

    (made,) = events["materialised"]
    assert set(instance.all_asset_keys()) == {made.asset_key, events["observed"][0].asset_key}
    latest = instance.get_latest_materialization_event(made.asset_key)
    assert latest.asset_materialization.metadata["report"].value.endswith("out.csv.report.html")


def test_many_objects_are_one_asset_with_the_digest_of_the_report(machine, convert):
    for name in "ab":
        machine.put(f"in/{name}.csv", CONTENT)

    _, by_pattern = convert("in/*.csv", "one.csv")
    _, by_folder = convert("in/", "two.csv")

    root = machine.root.parts[1:]
    assert by_pattern["observed"][0].asset_key.path == ["file", *root, "in", "~2A.csv"]
    assert by_folder["observed"][0].asset_key.path == ["file", *root, "in"]
    report = json.loads(machine.get("two.csv.report.json"))
    assert by_folder["observed"][0].metadata["sha256"].value == report["input"]["sha256"]


@pytest.mark.parametrize(
    ("source", "output", "reading"),
    [
        ("sample:patients.csv", "_test_runs/{run_id}/patients.csv", {}),
        ("in.csv", "out.csv", {"limit_rows": 2}),
    ],
)
def test_a_test_run_leaves_no_trace_in_the_catalogue(machine, convert, source, output, reading):
    machine.put("in.csv", CONTENT)

    _, events = convert(source, output, reading)

    assert events == {"observed": [], "materialised": []}


def test_a_sample_is_named_as_the_source_of_what_is_published(machine, convert):
    _, events = convert("sample:patients.csv", "out.csv")

    assert events["observed"] == []
    assert events["materialised"][0].metadata["source"].value == "sample:patients.csv"


def test_a_run_that_fails_observes_and_materialises_nothing_more(machine, convert, instance):
    machine.put("in.csv", CONTENT)
    machine.put("out.csv.report.html", b"somebody else's")

    result = convert_format_job.execute_in_process(
        run_config=config("in.csv", "out.csv"), instance=instance, raise_on_error=False
    )

    assert not result.success
    kinds = {e.event_type_value for e in result.all_events}
    assert "ASSET_OBSERVATION" in kinds
    assert "ASSET_MATERIALIZATION" not in kinds


def test_the_keys_of_a_bucket_hold_its_name(convert, s3_bucket):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    storage.client.put_object(Bucket=s3_bucket, Key="in/tea.csv", Body=CONTENT)

    _, events = convert(
        "in/tea.csv", "out/", {}, {"format": "csv"}, job=convert_format_job_s3, s3=storage
    )

    assert events["observed"][0].asset_key.path == ["s3", s3_bucket, "in", "tea.csv"]
    assert events["materialised"][0].asset_key.path == ["s3", s3_bucket, "out"]
    assert events["materialised"][0].metadata["path"].value == f"s3://{s3_bucket}/out/"
    assert asset_key(place_of(f"s3://{s3_bucket}/", storage)).path == ["s3", s3_bucket]


def test_a_version_of_an_object_is_the_same_asset(s3_bucket):
    storage = S3Storage(S3Settings.from_environment("selfS3"))

    versioned = place_of(f"s3://{s3_bucket}/in/tea.csv?versionId=1", storage)

    assert asset_key(versioned) == asset_key(storage.resolve("in/tea.csv"))


PARTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=30
)
PATHS = st.lists(PARTS, min_size=1, max_size=20).map("/".join)
PLACES = st.builds(
    Location, st.sampled_from(["", "bucket", "file"]), PATHS.map(lambda path: f"/{path}")
)


@given(PLACES, PLACES)
def test_places_have_one_key_each_that_every_url_and_database_holds(one, other):
    keys = [asset_key(place) for place in (one, other)]

    assert (keys[0] == keys[1]) == (one == other)
    for key in keys:
        assert all(re.fullmatch(r"[\w .()~-]+", part) for part in key.path)
        assert dg.AssetKey.from_user_string(key.to_user_string()) == key
        assert len(key.to_db_string()) <= 6 * MAX_KEY_CHARACTERS


def test_an_escape_is_not_mistaken_for_what_it_stands_for():
    names = ["a%b", "a~25b", "a~7E25b"]

    assert len({asset_key(Location("", f"/{name}")) for name in names}) == len(names)


def test_a_long_path_keeps_a_key_of_its_own():
    long = "/data/" + "ü" * 900
    one, other = (asset_key(Location("", f"{long}/{name}.csv")) for name in ("a", "b"))

    assert one != other
    assert max(len(key.to_db_string()) for key in (one, other)) <= MAX_KEY_CHARACTERS


def test_the_place_of_a_dataset_is_inside_the_root(tmp_path):
    storage = LocalStorage(tmp_path)

    assert place_of("./", storage) == place_of("/" + str(tmp_path).strip("/") + "/", storage)
    assert place_of("in/**/x-*.csv", storage).path == f"{tmp_path}/in/**/x-*.csv"
