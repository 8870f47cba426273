"""Requests and objects of a push and a pull to S3, beside DVC, on the same tree in one run.

    python packages/workspace-core/benchmarks/remotes.py --files 10000 --dvc /path/to/dvc

The server is moto, behind a proxy that counts. What is counted does not depend on the machine; the
seconds do, and those of the server are in them. DVC needs ``dvc[s3]``; without ``--dvc`` it is left
out.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "support"))
from faulty_network import FaultyNetwork, faulty_network

TASKS = ("push", "push of 1 %", "push of nothing", "pull")
KEYS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}


@dataclass
class Figures:
    """What was counted of one program, by task."""

    requests: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)


class Program:
    """A program whose remote is a bucket; ``home/data`` is what it keeps."""

    name = ""

    def __init__(self, home: Path, program: str, network: FaultyNetwork) -> None:
        self.home, self.program, self.network, self.figures = home, program, network, Figures()
        self.bucket = f"bench-{self.name}"
        self.environment = os.environ | {
            "HOME": str(home),
            "S3_ENDPOINT_URL": network.endpoint_url,
            "S3_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
            "S3_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
            "S3_BUCKET": self.bucket,
            "AWS_DEFAULT_REGION": "us-east-1",
            "DVC_NO_ANALYTICS": "1",
            **KEYS,
        }

    def run(self, *words: str, cwd: Path | None = None) -> None:
        subprocess.run(  # noqa: S603 - the programs that are compared
            words,
            cwd=cwd or self.home / "work",
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def counted(self, task: str, *words: str, cwd: Path | None = None) -> None:
        self.network.requests.clear()
        began = time.perf_counter()
        self.run(*words, cwd=cwd)
        self.figures.seconds[task] = time.perf_counter() - began
        self.figures.requests[task] = len(self.network.requests)
        listed = []
        for page in (
            client(self.network).get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        ):
            listed += page.get("Contents", ())
        self.figures.objects[task] = len(listed)
        self.figures.megabytes[task] = sum(one["Size"] for one in listed) / 1e6

    def measure(self, pristine: Path) -> None:
        client(self.network).create_bucket(Bucket=self.bucket)
        (self.home / "work").mkdir(parents=True)
        shutil.copytree(pristine, self.home / "work/data")
        self.prepare()
        self.push("push")
        change(self.home / "work/data")
        self.keep()
        self.push("push of 1 %")
        self.push("push of nothing")
        self.pull("pull")
        same(self.home / "work/data", self.home / "copy/data")

    def prepare(self) -> None:
        raise NotImplementedError

    def keep(self) -> None:
        raise NotImplementedError

    def push(self, task: str) -> None:
        raise NotImplementedError

    def pull(self, task: str) -> None:
        raise NotImplementedError


class Dws(Program):
    name = "dws"

    def prepare(self) -> None:
        self.run(self.program, "-b", "init")
        self.run(self.program, "-b", "add", "local-files", "--role", "s", "data")
        address = f"s3://{self.bucket}/data"
        publish = ("publish", str(self.home / "study.git"), "--data", address)
        self.run(self.program, "-b", *publish)
        self.keep()

    def keep(self) -> None:
        self.run(self.program, "-b", "snapshot")

    def push(self, task: str) -> None:
        self.counted(task, self.program, "-b", "push")

    def pull(self, task: str) -> None:
        self.counted(task, self.program, "-b", "clone", "study.git", "copy", cwd=self.home)


class Dvc(Program):
    name = "dvc"

    def prepare(self) -> None:
        git = ("git", "-c", "init.defaultBranch=main")
        self.run(*git, "init", "--quiet")
        self.run("git", "config", "user.name", "b")
        self.run("git", "config", "user.email", "b@example.org")
        self.run(self.program, "init", "--quiet")
        self.run(self.program, "remote", "add", "-d", "r", f"s3://{self.bucket}/data")
        self.run(self.program, "remote", "modify", "r", "endpointurl", self.network.endpoint_url)
        self.keep()

    def keep(self) -> None:
        self.run(self.program, "add", "--quiet", "data")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "-m", "state")

    def push(self, task: str) -> None:
        self.counted(task, self.program, "push", "--quiet")

    def pull(self, task: str) -> None:
        self.run("git", "clone", "--quiet", "work", "copy", cwd=self.home)
        self.counted(task, self.program, "pull", "--quiet", cwd=self.home / "copy")


def client(network: FaultyNetwork) -> object:
    """Return a client that goes past the counter."""
    return boto3.client(
        "s3",
        endpoint_url=network.upstream.geturl(),
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


def small_files(root: Path, count: int) -> None:
    """Make files of 10 kB on average, a hundred in a folder, from a seed."""
    numbers = random.Random(1)
    for number in range(count):
        file = root / f"d{number // 100}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.randint(1, 20_000)))


def change(root: Path) -> None:
    """Change one file of a hundred."""
    numbers = random.Random(2)
    for file in sorted(root.glob("*/*"))[::100]:
        file.write_bytes(numbers.randbytes(numbers.randint(1, 20_000)))


def same(expected: Path, found: Path) -> None:
    """Check that two trees have the same files."""
    names = sorted(str(one.relative_to(expected)) for one in expected.glob("*/*"))
    assert names == sorted(str(one.relative_to(found)) for one in found.glob("*/*"))
    _, different, wrong = filecmp.cmpfiles(expected, found, names, shallow=False)
    assert not different + wrong


def table(programs: list[Program]) -> None:
    """Print what was counted."""
    print(f"{'':18}" + "".join(f"{one.name:>38}" for one in programs))
    for task in TASKS:
        cells = []
        for one in programs:
            found = one.figures
            cells.append(
                f"{found.requests[task]:>8,} requests {found.objects[task]:>6,} objects"
                f" {found.seconds[task]:>6.1f} s"
            )
        print(f"{task:18}" + "".join(f"{cell:>42}" for cell in cells))
    for one in programs:
        added = one.figures.megabytes["push of 1 %"] - one.figures.megabytes["push"]
        print(f"{one.name}: {one.figures.megabytes['push']:.1f} MB, 1 % adds {added:.2f} MB")
    if len(programs) == 2:
        dws, dvc = (one.figures.requests for one in programs)
        ratios = ", ".join(f"{task} 1/{dvc[task] / max(1, dws[task]):.0f}" for task in TASKS)
        print(f"requests, dws to dvc: {ratios}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--dvc", help="the program, of an environment with dvc[s3]")
    given = arguments.parse_args()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with (
            faulty_network(f"http://{host}:{port}") as network,
            tempfile.TemporaryDirectory() as place,
        ):
            pristine = Path(place, "pristine")
            small_files(pristine, given.files)
            dws = str(Path(sys.executable).with_name("dws"))
            programs: list[Program] = [Dws(Path(place, "dws"), dws, network)]
            if given.dvc:
                programs.append(Dvc(Path(place, "dvc"), given.dvc, network))
            for one in programs:
                one.measure(pristine)
            table(programs)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
