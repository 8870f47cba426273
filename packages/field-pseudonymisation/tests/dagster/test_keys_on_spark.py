"""What a cluster leaves of a pseudonymisation while it is up: no key, in no form, in no file."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from key_forms import files_with

from util_services.keys import Keyset

# As in a notebook whose owner logs all there is to log: the driver's local folder is kept apart,
# functions of any size go through files of Spark's (as large ones do), and events are recorded.
PROGRAM = """
import sys
from pathlib import Path
import dagster as dg
from pyspark.sql import SparkSession
from field_pseudonymisation.jobs import anonymise_pseudonymise_structured_job as job

home, master = Path(sys.argv[1]), sys.argv[2]
settings = {
    "spark.broadcast.UDFCompressionThreshold": "1",
    "spark.broadcast.compress": "false",  # nothing may hide in what is compressed
    "spark.eventLog.compress": "false",
    "spark.shuffle.compress": "false",
    "spark.shuffle.spill.compress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.eventLog.dir": f"file://{home}/events",
    "spark.eventLog.enabled": "true",
    "spark.local.dir": f"{home}/driver",
    "spark.log.level": "INFO",
    "spark.sql.warehouse.dir": f"{home}/warehouse",
    "spark.ui.enabled": "false",
}
builder = SparkSession.builder.master(master)
for name, value in settings.items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
canary = bytes.fromhex(sys.argv[3])

def plain(batches):
    for batch in batches:
        if canary:
            yield batch

unsealed = session.range(4).mapInArrow(plain, "id long")
unsealed.collect()
rules = {
    "id": {"technique": "hash"},
    "name": {"technique": "encrypt"},
    "born": {"technique": "date_shift", "entity": "id"},
    "account": {"technique": "format_preserving_encrypt"},
}
ops = {
    "read_dataset": {"config": {"path": "in.parquet"}},
    job.name.removesuffix("_job"): {
        "config": {"keyset": "clinic", "domain": "study", "rules": rules}
    },
    "write_dataset": {"config": {"path": "out.parquet"}},
}
with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
    result = job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)
print("done" if result.success else "failed", flush=True)
sys.stdin.read()
session.stop()
"""


CANARY = bytes(range(100, 132))  # what a function refers to that does not travel sealed


def test_no_key_is_in_any_file_that_a_cluster_has(root, spark_cluster):
    home = root.parent
    rows = range(400)
    table = {
        "id": [f"p{n}" for n in rows],
        "name": [f"name {n % 50}" for n in rows],
        "born": pa.array([n * 10 for n in rows], pa.int32()).cast(pa.date32()),
        "account": [f"{n:08}" for n in rows],
    }
    pq.write_table(pa.table(table), root / "in.parquet", row_group_size=100)
    for name in ("events", "driver", "dagster"):
        (home / name).mkdir()
    (home / "dagster/dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    environment = os.environ | spark_cluster.environment() | {"DATA_SERVICES_ENGINE": "spark"}
    environment |= {"DAGSTER_HOME": str(home / "dagster"), "PYSPARK_PYTHON": sys.executable}
    program = [sys.executable, "-c", PROGRAM, str(home), spark_cluster.master, CANARY.hex()]

    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(
            program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        told = process.stdout.readline()
        here, there = home, spark_cluster.folder  # the executors are still there
        found = files_with(
            keys_of("clinic"), here, there, but=Path(os.environ["DATA_SERVICES_KEYS"])
        )
        events = b"".join(one.read_bytes() for one in (home / "events").rglob("*") if one.is_file())
        seen = files_with([CANARY], here, there, but=here / "keys")
        process.stdin.close()

    assert told == b"done\n", (home / "log").read_text()[-2000:]
    assert found == []
    assert b"MapInArrow" in events
    assert seen  # a key would have been found


def keys_of(name):
    """Return the keys of a keyset, and those that are derived of them for the techniques above."""
    keyset = Keyset.load(name)
    key = keyset.primary
    subkeys = [
        key.subkey("study", "hash"),
        key.subkey("study", "encrypt", length=64),
        key.subkey("study", "date_shift", "365"),
    ]
    return [one.reveal() for one in (*keyset.materials.values(), *subkeys)]
