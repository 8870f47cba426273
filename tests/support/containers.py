"""Podman on this machine with a store of its own, and a stand-in for the base image.

Needs Debian's `podman runc mmdebstrap`, and root. A build machine that cannot reach Docker Hub has
no `python:3.11-slim-bookworm`; the stand-in has what that image has, a small Debian and a CPython
below `/usr/local`, made of Debian's own packages, which are unpacked and not configured, and of the
interpreter that runs the tests. It has about the size of the original.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("podman", "runc", "mmdebstrap", "git")
BASE_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
PACKAGES = (
    "base-files", "base-passwd", "bash", "ca-certificates", "coreutils", "dash", "debianutils",
    "diffutils", "findutils", "grep", "gzip", "hostname", "libbz2-1.0", "libc-bin", "libffi8",
    "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0", "libssl3", "libstdc++6",
    "libuuid1", "login", "netbase", "passwd", "sed", "tar", "tzdata", "util-linux", "zlib1g",
)  # fmt: skip
UNNEEDED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")  # as in Debian's slim
NOT_IN_THE_IMAGE = {"site-packages", "__pycache__", "test", "tests", "idle_test"}
TRUST = "/usr/local/share/ca-certificates/build-machine.pem"
BUILD_SECONDS = 600
PLENTY_BYTES = 8 << 30  # a store of these tests takes about 4 GB

# crun refuses hybrid control groups; the limits avoid "setrlimit: Operation not permitted".
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=512:512"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{folder}/run/libpod"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""
REGISTRIES = """\
[[registry]]
location = "127.0.0.1"
insecure = true
"""


def missing_programs() -> list[str]:
    """Return what this machine lacks."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return missing if os.geteuid() == 0 else [*missing, "the rights of root"]


@dataclass(frozen=True)
class Podman:
    """A podman whose images, containers and temporary files lie in one folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a program must have in its environment to use this podman."""
        return {
            **os.environ,
            "BUILDAH_FORMAT": "docker",  # as the format with HEALTHCHECK is called there
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def __call__(self, *arguments: object, seconds: float = BUILD_SECONDS) -> str:
        """Run podman to its end and return what it wrote to standard output."""
        done = subprocess.run(
            ["podman", *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"podman {arguments[0]}: {done.stderr[-4000:]}")
        return done.stdout.strip()


@contextmanager
def podman_store() -> Iterator[Podman]:
    """Give a podman with an empty store; all it holds is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="podman-", dir=_place()))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "tmp").mkdir()
        for name, text in {
            "containers": CONTAINERS, "storage": STORAGE, "registries": REGISTRIES,
        }.items():  # fmt: skip
            (folder / f"{name}.conf").write_text(text.format(folder=folder))
        engine = Podman(folder)
        stack.callback(_unmount_below, folder)
        stack.callback(engine, "rm", "--all", "--force", "--time=0")
        yield engine


def _place() -> str:
    """Return where a store is kept: in memory where there is plenty, which is twice as fast.

    Both paths are short, as podman's sockets need them.
    """
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    kilobytes = int(memory["MemAvailable"].split()[0])
    shared = Path("/dev/shm")  # noqa: S108 - the folder below has a name that nobody can guess
    has_room = shared.is_dir() and shutil.disk_usage(shared).free > PLENTY_BYTES
    return str(shared) if has_room and kilobytes << 10 > PLENTY_BYTES else "/var/tmp"  # noqa: S108


def _unmount_below(folder: Path) -> None:
    """Take away the mounts with which podman has covered its store."""
    mounted = (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines())
    for place in sorted(mounted, reverse=True):
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", place], check=True)


def add_base_image(engine: Podman, cache: Path) -> str:
    """Put the stand-in for the base image into a store and return its name.

    Args:
        engine: the podman to import it into.
        cache: a folder that keeps the stand-in for the next time.
    """
    recipe = f"{Path(__file__).read_text()} {sys.version}"
    archive = cache / f"{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.tar"
    if not archive.exists():
        partial = archive.with_suffix(".partial.tar")
        _bootstrap(partial)
        partial.rename(archive)
    environment = {
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHON_VERSION": platform.python_version(),
    }
    if os.environ.get("SSL_CERT_FILE"):  # whose network has an authority of its own
        environment |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), TRUST)
    changes = [f"--change=ENV {name}={value}" for name, value in environment.items()]
    engine("import", *changes, "--change=CMD python3", archive, BASE_IMAGE)
    return BASE_IMAGE


def _bootstrap(archive: Path) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        python = Path(folder) / "python.tar"
        _pack_python(python)
        hooks = [
            f"tar-in {python} /",
            # What the scripts of Debian's packages would do.
            'for file in passwd group; do cp "$1/usr/share/base-passwd/$file.master" '
            '"$1/etc/$file"; done',
            'cat "$1"/usr/share/ca-certificates/mozilla/*.crt '
            '>"$1/etc/ssl/certs/ca-certificates.crt"',
            'chroot "$1" ldconfig',
            'chroot "$1" python3 -m ensurepip --default-pip',
        ]
        if trusted := os.environ.get("SSL_CERT_FILE"):
            hooks.append(f'install -D -m 644 {trusted} "$1{TRUST}"')
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=extract"),
                f"--include={','.join(PACKAGES)}",
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNNEEDED),
                *(f"--extract-hook={hook}" for hook in hooks),
                *("bookworm", str(archive)),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=BUILD_SECONDS,
        )


def _pack_python(archive: Path) -> None:
    """Pack the interpreter with its standard library, without what was installed into it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    library = sysconfig.get_config_var("INSTSONAME") or ""
    with tarfile.open(archive, "w") as tar:
        tar.add((base / "bin" / f"python{version}").resolve(), f"usr/local/bin/python{version}")
        for shared in base.glob(f"lib/{library}" if ".so" in library else "lib/libpython*.so*"):
            tar.add(shared, f"usr/local/lib/{shared.name}")
        tar.add(base / "lib" / f"python{version}", f"usr/local/lib/python{version}", filter=_needed)
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"usr/local/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"python{version}"
            tar.addfile(link)


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = set(Path(member.name).parts)
    return None if parts & NOT_IN_THE_IMAGE or member.name.endswith((".pyc", ".a")) else member
