"""Compare publishing to S3 and fetching from it with the plain boto3 client.

    uv run python packages/util-services/benchmarks/s3_storage.py --megabytes 1024

The store is a Ceph object gateway on this machine, started for the purpose, or the one that
`--endpoint-url` and the environment's `S3_ACCESS_KEY` and `S3_SECRET_KEY` name. `upload_file` and
`download_file` run with their defaults, as a user would call them; ours with claim, condition and
clean-up, as a run does. Rounds alternate, so that both meet the same machine. Trust the ratio of
one run, not the seconds; peak memory is that of a process that does only the one thing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from util_services.storage import S3Settings, S3Storage

SUPPORT = Path(__file__).parents[3] / "tests" / "support"
CONTENDERS = ("ours", "boto3")


def measure(contender: str, action: str, settings: S3Settings, file: Path) -> dict[str, float]:
    """Do one thing once, in this process, and return its seconds and the process's peak memory."""
    import resource

    storage = S3Storage(settings)
    plain = S3Settings.client(settings)
    location = storage.resolve(f"benchmark/{contender}.bin")
    storage.fingerprint(location)  # connect
    plain.head_bucket(Bucket=location.container)
    began = time.perf_counter()
    if contender == "ours":
        if action == "upload":
            storage.publish(file, location, overwrite=False)
        else:
            storage.fetch(location, file.parent / "source")
    elif action == "upload":
        plain.upload_file(str(file), location.container, location.path)
    else:
        plain.download_file(location.container, location.path, str(file.parent / "source"))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if action == "download":
        (file.parent / "source").unlink()
        plain.delete_object(Bucket=location.container, Key=location.path)
    return {"seconds": seconds, "peak_megabytes": peak}


def in_a_process(contender: str, action: str, file: Path) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", contender, action, str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return dict(json.loads(done.stdout))


def main() -> None:
    """Start a gateway if none is named, run the rounds, and print both with the ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=1024)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--endpoint-url")
    arguments.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.measure:
        contender, action, name = given.measure
        settings = S3Settings.from_environment()
        print(json.dumps(measure(contender, action, settings, Path(name))))
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if given.endpoint_url:
            os.environ["S3_ENDPOINT_URL"] = given.endpoint_url
        else:
            sys.path.insert(0, str(SUPPORT))
            from ceph_rgw import ceph_rgw

            server = stack.enter_context(ceph_rgw(memory_bytes=(given.megabytes * 6 + 1024) << 20))
            os.environ["S3_ENDPOINT_URL"] = server.endpoint_url
            os.environ["S3_ACCESS_KEY"] = server.access_key
            os.environ["S3_SECRET_KEY"] = server.secret_key
        os.environ["S3_BUCKET"] = "benchmark"
        client = S3Settings.from_environment().client()
        client.create_bucket(Bucket="benchmark")
        results: dict[tuple[str, str], list[dict[str, float]]] = {}
        for number in range(given.rounds):
            for contender in CONTENDERS if number % 2 else reversed(CONTENDERS):
                file = folder / "data.bin"
                with file.open("wb") as sink:
                    for _ in range(given.megabytes):
                        sink.write(os.urandom(1 << 20))
                for action in ("upload", "download"):
                    outcome = in_a_process(contender, action, file)
                    results.setdefault((action, contender), []).append(outcome)
                file.unlink(missing_ok=True)
        client.delete_bucket(Bucket="benchmark")
    print(f"{given.megabytes} MB, median of {given.rounds} rounds")
    for action in ("upload", "download"):
        speed = {}
        for contender in CONTENDERS:
            runs = results[action, contender]
            seconds = statistics.median(run["seconds"] for run in runs)
            peak = max(run["peak_megabytes"] for run in runs)
            speed[contender] = given.megabytes / seconds
            each = ", ".join(f"{run['seconds']:.2f}" for run in runs)
            print(
                f"{action:8} {contender:5} {seconds:6.2f} s ({each})  "
                f"{speed[contender]:6.0f} MB/s  peak {peak:4.0f} MB"
            )
        print(f"{action:8} ratio {speed['ours'] / speed['boto3']:.2f}x of boto3's throughput")


if __name__ == "__main__":
    main()
