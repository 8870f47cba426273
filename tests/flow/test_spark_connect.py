"""Jobs of all packages through Spark Connect: as on one machine, and no word of data or keys."""

import json
import urllib.request

import dagster as dg
import pytest
from key_forms import files_with, shows

from data_processing.jobs import clean_data_job
from dataframe_anonymisation.jobs import k_anonymity_job
from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    anonymise_pseudonymise_unstructured_job,
)
from util_services.engines.choice import open_engine
from util_services.keys import Keyset
from util_services.keys.providers.choice import key_provider

CANARY = "JaneRoeCanary"  # in each text of each row
ROWS = 600
KEYS = {"keyset": "clinic", "domain": "study"}
RULES = {
    "name": {"technique": "encrypt"},
    "account": {"technique": "format_preserving_encrypt"},
    "born": {"technique": "date_shift", "entity": "name"},
    "town": {"technique": "hash"},
    "note": {"technique": "detect_text", "entities": {"*": {"technique": "surrogate"}}},
}
STEPS = [
    {"step": "normalise_text", "columns": ["town"], "case": "lower"},
    {"step": "map_values", "columns": ["town"], "mapping": {f"{CANARY}-t9".lower(): "gone"}},
    {"step": "fill_missing_values", "columns": {"town": {"strategy": "mode", "by": ["name"]}}},
    {"step": "harmonise", "columns": {"name": {"method": "fingerprint"}}},
    {"step": "remove_duplicates", "subset": ["name", "town"], "keep": "last", "ignore": ["case"]},
    {"step": "filter_rows", "drop": f"town = '{CANARY}-t1'".lower()},
]
HIERARCHIES = {"town": {"kind": "mask", "keep": [len(CANARY) + 2, 0]}}
JOBS = {
    "tokens": (anonymise_pseudonymise_structured_job, {**KEYS, "rules": RULES}),
    "texts": (
        anonymise_pseudonymise_unstructured_job,
        {**KEYS, "columns": ["note"], "entities": {"*": {"technique": "encrypt"}}},
    ),
    "cleaned": (clean_data_job, {"steps": STEPS}),
    "groups": (
        k_anonymity_job,
        {"k": 5, "quasi_identifiers": ["town", "born"], "identifiers": ["name", "account"],
         "hierarchies": HIERARCHIES, "unclassified": "drop", "suppression_limit": 0.2},
    ),
}  # fmt: skip


@pytest.fixture
def jobs(machine, monkeypatch):
    """Return a function that runs every job, and returns what each has published."""
    for name in ("KEYS", "AUDIT_DIR"):
        folder = machine.folder / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(folder))
    key_provider().create(Keyset.generate("clinic"))
    rows = (
        f"{CANARY} {n % 90},{n:08},19{n % 90 + 10}-02-1{n % 9},{CANARY}-t{n % 7},"
        f"write to {CANARY}{n}@example.org"
        for n in range(ROWS)
    )
    machine.put("in.csv", "\n".join(["name,account,born,town,note", *rows, ""]).encode())

    def run(engine):
        monkeypatch.setenv("DATA_SERVICES_ENGINE", engine)
        found = {}
        for name, (job, config) in JOBS.items():
            target = f"{engine}-{name}.csv"
            ops = {
                "read_dataset": {"config": {"path": "in.csv"}},
                job.name.removesuffix("_job"): {"config": config},
                "write_dataset": {"config": {"path": target}},
            }
            with dg.DagsterInstance.get() as instance:
                done = job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)
            assert done.success, name
            (step,) = json.loads(machine.get(f"{target}.report.json"))["steps"]
            assert step["engine"] == engine
            found[name] = machine.get(target)
        return found

    return run


def told_by(page):
    """Return what a user interface tells of all applications, page by page."""

    def get(path):
        with urllib.request.urlopen(f"{page}{path}") as answer:  # noqa: S310 - of this machine
            return answer.read()

    found = {"/connect/": get("/connect/"), "/SQL/": get("/SQL/"), "/jobs/": get("/jobs/")}
    for application in json.loads(get("/api/v1/applications")):
        base = f"/api/v1/applications/{application['id']}"
        every = "?details=true&planDescription=true&offset=0&length=100000"
        for path in (f"/sql{every}", "/jobs", "/stages?details=true", "/environment",
                     "/allexecutors", "/storage/rdd"):  # fmt: skip
            found[path] = get(base + path)
    return found


def test_jobs_through_connect_are_those_of_one_machine_and_tell_nothing(
    machine, jobs, spark_cluster, spark_connect_server, monkeypatch, tmp_path
):
    here = jobs("local")
    monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", spark_connect_server.address)

    there = jobs("spark")
    with open_engine(tmp_path) as engine:  # what a plan holds would be found
        engine.session.range(1).selectExpr("'a value in a plan' AS a").collect()

    assert there == here
    keyset = Keyset.load("clinic")
    keys = [one.reveal() for one in keyset.materials.values()]
    pages = told_by(spark_connect_server.user_interface)
    assert b"a value in a plan" in b"".join(pages.values())
    assert [path for path, text in pages.items() if shows(text, keys)] == []
    assert [path for path, text in pages.items() if CANARY.lower().encode() in text.lower()] == []
    keyrings = machine.folder / "keys"
    assert files_with(keys, spark_cluster.folder, machine.folder, but=keyrings) == []
    logs = [path for path in spark_cluster.folder.rglob("*") if path.name in {"stdout", "stderr"}]
    events = [path for path in spark_connect_server.events.rglob("*") if path.is_file()]
    assert logs
    assert b"a value in a plan" in b"".join(path.read_bytes() for path in events)
    told = {path for path in [*logs, *events, spark_connect_server.log]
            if CANARY.lower().encode() in path.read_bytes().lower()}  # fmt: skip
    assert told == set()
