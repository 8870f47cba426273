"""The sensor for new objects on a folder, on a moto server and on a Ceph gateway."""

import json
import time
from dataclasses import dataclass

import dagster as dg
import pytest

from util_services.errors import ConfigurationError, StateError, StorageError, quoted
from util_services.resources import STORAGE_KEY, local_storage_resource, s3_resource
from util_services.sensors import NewObject, new_object_sensor
from util_services.sensors.new_objects import MOST_OBJECTS
from util_services.storage import LocalStorage, S3Settings, S3Storage


@dg.op(required_resource_keys={STORAGE_KEY})
def tidy():
    pass


@dg.graph
def tidy_graph():
    tidy()


tidy_job = tidy_graph.to_job(name="tidy_job", resource_defs={STORAGE_KEY: local_storage_resource})
tidy_job_s3 = tidy_graph.to_job(name="tidy_job_s3")
STORAGES = {"local": tidy_job, "s3": tidy_job_s3, "rgw": tidy_job_s3}
REPORT = json.dumps({"run": {"job": "other_job_s3"}}).encode()


@pytest.fixture(params=STORAGES)
def kind(request, tmp_path, clean_environment, monkeypatch):
    if request.param == "local":
        (tmp_path / "root").mkdir()
        monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path / "root"))
    else:
        request.getfixturevalue(f"{request.param}_bucket")
    return request.param


@pytest.fixture
def storage(kind):
    if kind == "local":
        return LocalStorage.from_environment()
    return S3Storage(S3Settings.from_environment("selfS3"))


@pytest.fixture
def put(storage, tmp_path):
    """Return a function that writes an object as a stranger does, without any claim."""

    def write(path, content=b"id\n1\n"):
        place = storage.resolve(path.rstrip("/") + "x" * path.endswith("/"))
        if storage.kind == "s3":
            storage.client.put_object(Bucket=place.container, Key=place.path, Body=content)
            return
        file = storage.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    return write


@dataclass
class Ticks:
    """Evaluates a sensor as the daemon does; what it asks for is taken over unless it is lost."""

    instance: dg.DagsterInstance
    kind: str
    options: dict
    cursor: str | None = None

    def __call__(self, *, is_lost=False, **options):
        """Return the requests of a tick."""
        job = STORAGES[self.kind]
        options = (
            {"path": "in/", "output": "out/{below}", "stable_seconds": 0} | self.options | options
        )
        sensor = new_object_sensor("new_in", job=job, **options)
        resources = (
            {}
            if self.kind == "local"
            else {STORAGE_KEY: s3_resource.configured({"resource_name": "selfS3"})}
        )
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources=resources,
            sensor_name="new_in",
        )
        with context:
            result = sensor.evaluate_tick(context)
        self.skip_message = result.skip_message
        if not is_lost:
            self.cursor = result.cursor
        return result.run_requests

    def paths(self, **options):
        """Return the objects for which runs are asked."""
        return [request.tags["data_services/object"] for request in self(**options)]


@pytest.fixture
def ticks(tmp_path, kind, dagster_home, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", str(tmp_path / "sensors.sqlite"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        yield Ticks(instance, kind, {})


@pytest.fixture
def fail(ticks):
    """Return a function that records the run of a request as failed, begun or not."""

    def record(request, *, has_begun=False):
        run = ticks.instance.create_run_for_job(
            STORAGES[ticks.kind],
            run_config={},
            tags={**request.tags, "dagster/run_key": request.run_key},
        )
        if has_begun:
            began = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name)
            ticks.instance.report_dagster_event(began, run.run_id)
        ticks.instance.report_run_failed(run)

    return record


def pause():
    time.sleep(1.1)  # some stores count whole seconds


def test_each_object_gets_one_run_with_its_config(ticks, put):
    put("in/a.csv")
    put("in/sub/b.csv")

    requests = ticks(config={"tidy": {"subset": ["id"]}}, tags={"team": "north"})

    assert [request.tags for request in requests] == [
        {
            "team": "north",
            "data_services/object": path,
            "dagster/sensor_name": "new_in",
            "dagster/max_retries": "0",  # the sensor asks again itself
        }
        for path in ("in/a.csv", "in/sub/b.csv")
    ]
    assert requests[1].run_config == {
        "ops": {
            "tidy": {"config": {"subset": ["id"]}},
            "read_dataset": {"config": {"path": "in/sub/b.csv"}},
            "write_dataset": {"config": {"path": "out/sub/b.csv", "overwrite": False}},
        }
    }
    assert len({request.run_key for request in requests}) == 2
    assert ticks() == []
    assert ticks.skip_message == "Objects: 2; due later: 0."


def test_a_changed_object_runs_again_and_replaces_what_its_run_wrote(ticks, put):
    put("in/a.csv")
    (first,) = ticks()
    pause()
    put("in/a.csv", b"id\n2\n")

    (again,) = ticks()

    assert again.run_key != first.run_key
    assert again.run_config["ops"]["write_dataset"]["config"]["overwrite"] is True


def test_identical_content_uploaded_again_runs_again(ticks, put):
    put("in/a.csv")
    (first,) = ticks()
    pause()
    put("in/a.csv")

    (again,) = ticks()

    assert again.run_key != first.run_key


def test_earlier_content_uploaded_again_runs_again(ticks, put):
    keys = []
    for content in (b"id\n1\n", b"id\n2\n", b"id\n1\n"):
        put("in/a.csv", content)
        keys += [request.run_key for request in ticks()]
        pause()

    assert len(set(keys)) == 3


def test_what_dagster_did_not_take_over_is_asked_for_again_under_the_same_keys(ticks, put):
    put("in/a.csv")
    put("in/b.csv")

    lost = ticks(is_lost=True)
    again = ticks(most_runs=1) + ticks(most_runs=1)

    assert [request.run_key for request in again] == [request.run_key for request in lost]
    assert ticks() == []


def test_more_objects_than_a_tick_takes_follow_in_the_next(ticks, put):
    for number in range(5):
        put(f"in/{number}.csv")

    asked = [ticks.paths(most_runs=2) for _ in range(4)]

    assert asked == [["in/0.csv", "in/1.csv"], ["in/2.csv", "in/3.csv"], ["in/4.csv"], []]


def test_an_object_must_stay_the_same_for_a_while(ticks, put):
    put("in/a.csv")
    assert ticks(stable_seconds=2) == []
    time.sleep(2.1)
    put("in/a.csv", b"id\n1\n2\n")
    assert ticks(stable_seconds=2) == []
    time.sleep(2.1)

    assert ticks.paths(stable_seconds=2) == ["in/a.csv"]


def test_an_empty_object_is_waited_for(ticks, put):
    put("in/a.csv", b"")
    assert ticks() == []

    put("in/a.csv")
    assert ticks.paths() == ["in/a.csv"]


def test_a_place_where_a_run_publishes_is_waited_for(ticks, put, storage):
    put("in/a.csv")

    with storage.claim(storage.resolve("in/a.csv"), exclusive=False):
        assert ticks() == []

    assert ticks.paths() == ["in/a.csv"]


def test_outputs_below_the_same_folder_do_not_run_in_circles(ticks, put):
    put("in/a.csv")
    assert ticks.paths(output="in/done/{below}") == ["in/a.csv"]
    for name in ("a.csv", "a.csv.report.json", "a.csv.report.html", "a.csv.quarantine.jsonl"):
        put(f"in/done/{name}")
    put("in/_test_runs/run-1/a.csv")
    put("in/parts/_manifest.json")
    put("in/parts/part-00000-0123456789abcdef.parquet")

    assert ticks(output="in/done/{below}") == []


def test_outputs_of_other_jobs_run_on_request_and_those_of_the_same_job_never(ticks, put):
    for job in ("other_job", "tidy_job", "tidy_job_s3"):
        put(f"in/{job}.csv.report.json", json.dumps({"run": {"job": job}}).encode())
        put(f"in/{job}.csv")
    put("in/parts.report.json", REPORT)
    put("in/parts/_manifest.json")
    put("in/parts/part-00000-0123456789abcdef.parquet")
    put("in/unknown.csv.report.json", b"[]")
    put("in/unknown.csv")

    assert sorted(ticks.paths(include_outputs=True)) == ["in/other_job.csv", "in/parts/"]
    assert ticks(include_outputs=True) == []


def test_objects_that_are_gone_are_told_once(ticks, put, storage, capfd):
    put("in/a.csv")
    put("in/b.csv")
    ticks()
    storage.remove(storage.resolve("in/a.csv"))
    capfd.readouterr()

    assert ticks() == []
    told = capfd.readouterr().err
    assert ticks() == []

    gone = storage.resolve("in/a.csv")
    assert f"Objects that are gone: {quoted([str(gone)])}." in told
    assert "b.csv" not in told
    assert "gone" not in capfd.readouterr().err


def test_an_object_that_comes_back_runs_again(ticks, put, storage):
    put("in/a.csv")
    ticks()
    storage.remove(storage.resolve("in/a.csv"))
    ticks()
    pause()
    put("in/a.csv")

    assert ticks.paths() == ["in/a.csv"]


def test_a_name_that_no_run_config_can_hold_is_logged_once_and_left_alone(ticks, put, capfd):
    put("in/a*b.csv")
    put("in/c.csv")

    assert ticks.paths() == ["in/c.csv"]
    assert "'in/a*b.csv' cannot be named in a run config; rename it." in capfd.readouterr().err
    assert ticks() == []
    assert "cannot be named" not in capfd.readouterr().err


def test_hostile_keys_harm_no_other(ticks, put, storage):
    put("in/a.csv")
    if storage.kind == "s3":
        stranger = storage.settings.client()  # one that no allow-list confines
        for key in ("in/line\u2028break.csv", "in//double.csv", "in/../up.csv", "in/b?versionId=x"):
            stranger.put_object(Bucket=storage.settings.bucket, Key=key, Body=b"x")
        stranger.close()
    else:
        (storage.root / "in" / "line\nbreak.csv").write_text("x")

    assert ticks.paths() == ["in/a.csv"]


def test_a_function_makes_the_run_config_and_knows_the_object(ticks, put):
    put("in/a.tar.csv", b"id\n1\n2\n")
    seen = []

    def run_config(new):
        seen.append(new)
        return {"ops": {}}

    (request,) = ticks(output=None, run_config=run_config)

    assert request.run_config == {"ops": {}}
    (new,) = seen
    assert (new.path, new.below, new.name, new.stem) == (
        "in/a.tar.csv",
        "a.tar.csv",
        "a.tar.csv",
        "a",
    )
    assert (new.size, new.is_change) == (7, False)
    assert abs(new.modified - time.time()) < 3_600


def test_a_state_that_was_lost_asks_again_under_the_same_keys(ticks, put, tmp_path):
    put("in/a.csv")
    (first,) = ticks()
    (tmp_path / "sensors.sqlite").unlink()

    (again,) = ticks()

    assert again.run_key == first.run_key  # which Dagster then skips


def test_a_tick_without_its_state_fails_and_asks_for_nothing(ticks, put, monkeypatch, tmp_path):
    put("in/a.csv")
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", str(tmp_path / "absent" / "x"))

    with pytest.raises(StateError):
        ticks()


def test_more_objects_than_are_watched_are_refused(ticks, put, monkeypatch):
    monkeypatch.setattr("util_services.sensors.new_objects.MOST_OBJECTS", 2)
    for number in range(3):
        put(f"in/{number}.csv")

    with pytest.raises(StorageError) as refused:
        ticks()

    assert str(refused.value) == (
        "There are more than 2 objects in 'in/', more than a sensor watches; watch a folder below "
        "it, or move away what is done."
    )
    assert MOST_OBJECTS == 100_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "in/a.csv", "output": "out/"}, "names one object"),
        ({"path": "in/"}, "does not know where its runs write"),
        ({"path": "in/", "output": "out/{day}"}, "holds other fields than"),
        ({"path": "in/", "output": "out/{"}, "holds other fields than"),
        ({"path": "in/", "output": "o", "run_config": dict}, "leave one out"),
        ({"path": "in/", "config": {}, "run_config": dict}, "leave one out"),
    ],
)
def test_contradicting_arguments_are_refused(options, said):
    with pytest.raises(ConfigurationError, match=said):
        new_object_sensor("new_in", job=tidy_job, **options)


def test_a_host_that_binds_something_else_than_a_storage_is_told(dagster_home, instance):
    sensor = new_object_sensor("new_in", job=tidy_job_s3, path="in/", output="out/{below}")
    context = dg.build_sensor_context(
        instance=instance,
        resources={STORAGE_KEY: "bare"},
        sensor_name="new_in",
    )

    with context, pytest.raises(ConfigurationError, match="is a str, no storage; bind"):
        sensor.evaluate_tick(context)


def test_the_stem_of_a_name_ends_at_its_first_full_stop():
    def stem(below):
        return NewObject("in/" + below, below, 1, 0.0, is_change=False).stem

    assert [stem("a/b.csv.gz"), stem("b"), stem("out/")] == ["b", "b", "out"]


def test_a_run_that_never_began_is_asked_for_twice_more(ticks, put, fail):
    put("in/a.csv")
    (first,) = ticks()
    assert ticks() == []
    fail(first)

    (second,) = ticks(is_lost=True)
    assert [request.run_key for request in ticks()] == [second.run_key]
    fail(second)
    (third,) = ticks()
    fail(third)

    assert second.run_key == f"{first.run_key}~2"
    assert third.run_key == f"{first.run_key}~3"
    assert second.tags == third.tags == first.tags
    assert ticks() == []


def test_a_run_that_began_and_failed_is_not_asked_for_again(ticks, put, fail):
    put("in/a.csv")
    (first,) = ticks()

    fail(first, has_begun=True)

    assert ticks() == []


def test_a_run_that_never_began_is_left_alone_once_its_object_has_changed_or_gone(
    ticks, put, fail, storage
):
    put("in/a.csv")
    put("in/b.csv")
    for request in ticks():
        fail(request)
    pause()
    put("in/a.csv", b"id\n2\n")
    storage.remove(storage.resolve("in/b.csv"))

    (changed,) = ticks()

    assert changed.tags["data_services/object"] == "in/a.csv"
    assert "~" not in changed.run_key
    assert ticks() == []


def test_runs_asked_for_again_keep_within_the_runs_of_a_tick(ticks, put, fail):
    put("in/a.csv")
    put("in/b.csv")
    for request in ticks():
        fail(request)

    assert [request.run_key[-2:] for request in ticks(most_runs=1)] == ["~2"]
