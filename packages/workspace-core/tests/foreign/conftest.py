"""Workspaces as dataworkspaces 1.6.0 writes them, made anew for each test.

Source: the files and commits that the program ``dws`` of ``dataworkspaces`` 1.6.0 (PyPI) was seen
to make for ``init``, ``add git``, ``add local-files`` and ``snapshot``: JSON indented by two,
hashes of manifests as git has those of files, lists of files hashed by plain SHA-1.
"""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

README_FILES = ["README.txt", "README.rst", "README.md"]


def sha1(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def git_hash(content):
    return sha1(b"blob %d\0" % len(content) + content)


@dataclass
class Old:
    """An old workspace, and the means to write more of it."""

    folder: Path
    resources: list = field(default_factory=list)
    count: int = 0
    hashes: dict = field(default_factory=dict)  # of resources without files, by their names

    def git(self, *arguments, given=b"", cwd=None):
        done = subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e@x", *arguments],
            cwd=cwd or self.folder,
            input=given,
            check=True,
            capture_output=True,
            env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.folder.parent)},
        )
        return done.stdout.decode(errors="surrogateescape").strip()

    @property
    def metadata(self):
        return self.folder / ".dataworkspace"

    def write(self, path, record):
        file = self.metadata / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=2))

    def init(self):
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")
        params = {
            "results.dir_template": "snapshots/{HOSTNAME}-{TAG}",
            "results.move_exclude_files": README_FILES,
            "scratch_directory": "scratch",
            "dws_git_branch": "main",
        }
        config = {"name": "study", "dws-version": "1.6.0", "global_params": params}
        self.write("config.json", config)
        self.write("local_params.json", {"hostname": "lab"})
        ignored = "local_params.json\nresource_local_params.json\ncurrent_lineage/\n"
        (self.metadata / ".gitignore").write_text(ignored)
        (self.folder / ".gitignore").write_text("/scratch\n")
        return self

    def add(self, name, role, kind="git-subdirectory", local=None, **params):
        record = {"resource_type": kind, "name": name, "role": role, "export": False, **params}
        if kind == "git-subdirectory":
            record.setdefault("relative_path", name)
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "README.txt").write_text("here")
        self.resources.append((record, local or {}))
        self.write("resources.json", [one for one, _ in self.resources])
        here = {one["name"]: found for one, found in self.resources}
        self.write("resource_local_params.json", here)

    def commit(self, message="c"):
        self.git("add", "--all")
        self.git("commit", "-qm", message, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def listed(self, record, folder):
        """Write the lists of a folder's files, and return the hash of the topmost."""
        lines = []
        for one in sorted(folder.iterdir()):
            if one.is_dir():
                lines.append(f"{self.listed(record, one)}\ttree\t{one.name}")
            else:
                known = sha1(one.read_bytes())
                if not record["compute_hash"]:
                    known = str(one.stat().st_size)
                lines.append(f"{known}\tblob\t{one.name}")
        content = "".join(f"{line}\n" for line in lines).encode()
        found = sha1(content)
        place = self.metadata / "file" / record["role"] / record["name"]
        place.mkdir(parents=True, exist_ok=True)
        (place / found).write_bytes(content)
        return found

    def snapshot(self, tag=None, message="", metrics=None, destination=None):
        """Take a snapshot as 1.6 does: results move, then hashes, then records."""
        self.count += 1
        destination = destination or f"snapshots/lab-{tag or f'{self.count:03d}'}"
        results = self.folder / "results"
        if results.is_dir():
            moved = [
                one for one in results.iterdir() if one.name not in ("README.txt", "snapshots")
            ]
            for one in moved:
                (results / destination).mkdir(parents=True, exist_ok=True)
                one.rename(results / destination / one.name)
        commit = self.commit("autocommit ahead of snapshot")
        manifest, restore = [], {}
        for record, local in self.resources:
            kind, name = record["resource_type"], record["name"]
            if kind == "git-subdirectory":
                known = self.git("rev-parse", f"{commit}:{record['relative_path']}")
                restore[name] = commit
            elif kind == "git":
                known = restore[name] = self.git("rev-parse", "HEAD", cwd=local["local_path"])
            elif kind in ("file", "rclone"):
                known = self.listed(record, Path(record["global_local_path"]))
                restore[name] = None
            else:
                known = restore[name] = self.hashes.get(name)
            manifest.append({**record, "hash": known})
        content = json.dumps(manifest, indent=2).encode()
        hashval = git_hash(content)
        place = self.metadata / "snapshots"
        place.mkdir(exist_ok=True)
        (place / f"snapshot-{hashval}.json").write_bytes(content)
        self.write(
            f"snapshot_metadata/{hashval}_md.json",
            {
                "hash": hashval,
                "tags": [tag] if tag else [],
                "message": message,
                "hostname": "lab",
                "timestamp": f"2021-03-0{self.count}T10:00:00.123456",
                "relative_destination_path": destination,
                "restore_hashes": restore,
                "metrics": metrics,
            },
        )
        self.commit(f"Completed snapshot {hashval}")
        return hashval


@pytest.fixture
def old(tmp_path):
    """An old workspace with source data, code and results, all of them in its git."""
    made = Old(tmp_path / "old").init()
    for name in ("source-data", "code", "results"):
        made.add(name, name)
    (made.folder / "source-data/a.csv").write_text("id\n1\n")
    (made.folder / "source-data/b.bin").write_bytes(bytes(range(256)))
    (made.folder / "source-data/link").symlink_to("a.csv")
    (made.folder / "code/run.sh").write_text("#!/bin/sh\n")
    (made.folder / "code/run.sh").chmod(0o755)
    return made
