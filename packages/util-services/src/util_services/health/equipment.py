"""What this machine and these settings have: looked at by ``data-services doctor``.

Each function returns what it found, raises `NotApplicableError` with what the absent thing is for
and how to get it, and `UnhealthyError`, or any other error of the project, where something was
asked for and does not work. Nothing is changed or sent.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from util_services import settings
from util_services.health.checks import NotApplicableError, UnhealthyError

LITTLE_SPACE = 1 << 30  # bytes
FIRST_JAVA = 17
JAVA_SECONDS = 30


def python() -> str:
    """Name the interpreter and the versions that matter."""
    return (
        f"Python {platform.python_version()} at '{sys.executable}', util-services "
        f"{version('util-services')}, Dagster {version('dagster')}, on {platform.platform()}."
    )


def dagster_home() -> str:
    """Look at the folder in which Dagster keeps its runs."""
    from util_services.runs.home import dagster_home

    home = dagster_home()
    return f"Runs are kept in '{home}' ({_room(home, 'DAGSTER_HOME')} free)."


def working_folder() -> str:
    """Look at the folder from which paths of datasets start."""
    root = settings.root()
    named = "DATA_SERVICES_ROOT" if settings.text("ROOT") else "the current folder"
    return f"Paths start from '{root}', {named} ({_room(root, 'DATA_SERVICES_ROOT')} free)."


def s3() -> str:
    """Look at the settings of the S3 store."""
    from util_services.health.checks import DEFAULT_RESOURCE
    from util_services.storage import S3Settings
    from util_services.storage.s3_settings import is_configured

    if not is_configured(DEFAULT_RESOURCE):
        raise NotApplicableError(
            "For the jobs …_s3: set S3_ENDPOINT_URL, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY."
        )
    found = S3Settings.from_environment(DEFAULT_RESOURCE)
    present = {
        "S3_BUCKET": found.bucket,
        "S3_ACCESS_KEY": found.access_key,
        "S3_SECRET_KEY": found.secret_key,
    }
    if missing := [name for name, value in present.items() if not value]:
        raise UnhealthyError(
            f"The settings of the S3 store lack {' and '.join(missing)}; set them."
        )
    return f"The bucket '{found.bucket}' at {found.endpoint_url or 'Amazon'}."


def keysets() -> str:
    """Look for keysets, without loading any."""
    from util_services.keys.providers.choice import key_provider

    provider = key_provider()
    names = provider.names()
    if not names:
        raise NotApplicableError(
            "For pseudonyms: make one with 'data-services keys create demo --purpose "
            "pseudonymisation'; keysets are kept by the provider "
            f"'{provider.name}' (DATA_SERVICES_KEY_PROVIDER)."
        )
    return (
        f"{len(names)} at the key provider '{provider.name}'; 'data-services keys list' tells more."
    )


def release_key() -> str:
    """Look for the key that signs releases."""
    from util_services.releases.signing import SETTING, release_key

    if settings.text(SETTING) is None:
        raise NotApplicableError(
            "For signed releases: make one with 'data-services release key', and set "
            "DATA_SERVICES_RELEASE_KEY to its private file."
        )
    release_key()
    return "The key of DATA_SERVICES_RELEASE_KEY can sign."


def notifications() -> str:
    """Look at the settings of the channels that tell of runs."""
    from util_services.sensors.channels import configured_channels, fault_of

    channels = configured_channels()
    if not channels:
        raise NotApplicableError(
            "To be told of runs: set DATA_SERVICES_NOTIFY_… of a file, a mail server or a webhook."
        )
    faults = {name: fault_of(channel) for name, channel in channels.items()}
    for name, fault in faults.items():
        if fault:
            raise UnhealthyError(f"The channel '{name}' would deliver nothing: {fault}.")
    return f"Runs are told of by {', '.join(faults)}."


def avro() -> str:
    """Look for what reads and writes Avro."""
    return extra("fastavro", "Avro files", "util-services[avro]")


def spark() -> str:
    """Look for PySpark, and for the Java that it needs unless it is a client of Spark Connect."""
    found = extra("pyspark", "the engine 'spark'", "util-services[spark]")
    from util_services.engines.spark_session import java_program

    java = java_program()
    if java is None:
        raise NotApplicableError(
            "PySpark is here. For clusters other than Spark Connect: install Java 17 or newer, or "
            "set JAVA_HOME."
        )
    number = _java_version(java)
    if number is not None and number < FIRST_JAVA:
        raise UnhealthyError(
            f"'{java}' is Java {number}; Spark needs {FIRST_JAVA} or newer: install it, or set "
            "JAVA_HOME."
        )
    return f"{found.rstrip('.')}, Java {number or 'of an unknown version'} at '{java}'."


def program(name: str, use: str, cure: str) -> str:
    """Return where a program is: beside the interpreter, or on the path.

    Raises:
        NotApplicableError: if it is nowhere: ``use`` needs it, ``cure`` brings it.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        raise NotApplicableError(f"For {use}: {cure}.")
    return f"'{found}'."


def extra(module: str, use: str, requirement: str) -> str:
    """Return the version of a module that an extra brings.

    Raises:
        NotApplicableError: if it is not installed: ``use`` needs it, ``requirement`` brings it.
    """
    if find_spec(module) is None:
        raise NotApplicableError(f"For {use}: pip install '{requirement}'.")
    return f"{requirement} is installed ({version(module.replace('_', '-'))})."


def _java_version(java: str) -> int | None:
    """Return the number of a Java, None where it does not tell."""
    try:
        answer = subprocess.run(  # noqa: S603 - the program that Spark would start
            [java, "-version"], capture_output=True, text=True, timeout=JAVA_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    words = answer.stderr.split('"')  # openjdk version "17.0.15" 2025-04-15
    number = words[1].partition(".")[0] if len(words) > 1 else ""
    return int(number) if number.isdigit() else None


def _room(folder: Path, setting: str) -> str:
    """Return how much room a folder has, which may not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UnhealthyError(
            f"'{there}' is no folder that can be written; let it be one, or set {setting}."
        )
    free = shutil.disk_usage(there).free
    if free < LITTLE_SPACE:
        raise UnhealthyError(
            f"'{there}' has {free / 1e6:.0f} MB free, which is little; make room, or set {setting}."
        )
    return f"{free / 1e9:.0f} GB"
