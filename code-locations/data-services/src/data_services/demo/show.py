"""Prepare the folder of the demonstration, run its steps as real commands, and tell of each."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from data_services.demo.steps import STEPS
from util_services.errors import DataServicesError, RefusedError
from util_services.samples import sample_path

SAMPLE = "patients.csv"
PROGRAM = "data-services"
SETTINGS = {  # where everything is kept, by the name of its file or folder
    "DATA_SERVICES_ROOT": ".",
    "DATA_SERVICES_KEYS": "keys",
    "DATA_SERVICES_AUDIT_DIR": "audit",
    "DATA_SERVICES_TRUST": "trust",
    "DATA_SERVICES_RELEASE_KEY": "release.key",
    "DAGSTER_HOME": "dagster",
}
OTHERS = ("DATA_SERVICES_", "S3_", "SELFS3_")  # settings that would lead out of the folder
COLUMNS = (
    "patient_id", "given_name", "sex", "birth_date", "postcode", "diagnosis_code",
    "length_of_stay",
)  # fmt: skip
ROWS = 4
WIDTH = 88
CELL = 18


class DemonstrationError(DataServicesError, RuntimeError):
    """Raised when a step did not end as it should."""


class FolderTakenError(RefusedError):
    """Raised when the folder is there already."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A folder with data, configs and settings of its own."""

    folder: Path

    @classmethod
    def prepared(cls, folder: Path) -> Demonstration:
        """Make the folder, with the sample and the configs.

        Raises:
            FolderTakenError: if it is there already.
            DemonstrationError: if it cannot be made.
        """
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise FolderTakenError(
                f"'{folder}' is there already; name another folder: data-services demo FOLDER."
            ) from None
        except OSError as error:
            raise DemonstrationError(
                f"'{folder}' cannot be made ({os.strerror(error.errno or 0)}); name another folder."
            ) from None
        (folder / "messy.csv").write_bytes(sample_path(SAMPLE).read_bytes())
        for file in (files("data_services") / "demo").iterdir():
            if file.name.endswith(".yaml"):
                (folder / file.name).write_bytes(file.read_bytes())
        (folder / "dagster").mkdir()
        (folder / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        made = cls(folder)
        secret = folder / "passphrase"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16) + "\n")
        exports = [f"export {name}={shlex.quote(value)}" for name, value in made.settings.items()]
        (folder / "settings.sh").write_text("\n".join(exports) + "\n")
        return made

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that keep everything in the folder."""
        return {name: str((self.folder / place).resolve()) for name, place in SETTINGS.items()}

    def show(self, *, pause: bool = False) -> None:
        """Go through all steps, and tell of each.

        Raises:
            DemonstrationError: if a step did not end as it should.
        """
        for number, step in enumerate(STEPS, 1):
            if pause and number > 1:
                click.pause("\nPress Enter for the next step.")
            click.secho(f"\n{number}. {step.title}", bold=True)
            click.echo(textwrap.fill(step.why, WIDTH) + "\n")
            for command in step.commands:
                is_refused = step.is_refused and command == step.commands[-1]
                self._run(command, is_refused=is_refused)
            if step.shows:
                _tell(self.folder / step.shows)
        self._close()

    def _run(self, command: str, *, is_refused: bool) -> None:
        click.secho(f"$ {command}", fg="cyan")
        program, *arguments = shlex.split(command)
        assert program == PROGRAM  # noqa: S101 - of our own steps
        answer = subprocess.run(  # noqa: S603 - a command of our own
            [_program(), *arguments],
            cwd=self.folder,
            env=_environment() | self.settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = answer.stdout + answer.stderr
        click.echo(textwrap.indent("\n".join(_wrapped(said, self.folder)), "  "))
        if (answer.returncode != 0) != is_refused:
            raise DemonstrationError(
                f"'{command}' ended with status {answer.returncode}; what it left is in "
                f"'{self.folder}'. 'data-services doctor' may tell what is wrong here."
            )

    def _close(self) -> None:
        folder = os.path.relpath(self.folder)
        click.secho("\nWhat to look at now", bold=True)
        for place, what in {
            "released/patients.parquet.report.html": "the report of the release, in a browser",
            "clean.parquet.report.html": "what cleaning changed",
            "anonymous.parquet.report.html": "what anonymising cost, and what it guarantees",
            "profile.json.report.html": "what is in the messy data",
            "*.yaml": "the configs, to copy and change",
        }.items():
            click.echo(f"  {folder}/{place:<40} {what}")
        click.echo(
            f"\n  cd {shlex.quote(folder)} && . ./settings.sh && data-services dev\n"
            "  opens the Dagster UI with these runs."
        )


def _tell(dataset: Path) -> None:
    report = dataset.with_name(f"{dataset.name}.report.json")
    if report.exists():
        rows = json.loads(report.read_text())["rows"]
        click.echo(f"\n  {rows['in']} rows read, {rows['out']} published.")
    click.echo(f"\n  Some rows of {dataset.name}:\n")
    click.echo(textwrap.indent("\n".join(_table(dataset)), "  "))


def _program() -> str:
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else PROGRAM


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}


def _wrapped(said: str, folder: Path) -> list[str]:
    """Return lines for the terminal, with paths as seen from the folder."""
    lines = said.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "").splitlines()
    return [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ")]


def _table(dataset: Path) -> list[str]:
    """Return some rows of a dataset, spread evenly over it, as lines below their header."""
    import pandas as pd

    is_csv = dataset.suffix == ".csv"
    frame = pd.read_csv(dataset, dtype=str) if is_csv else pd.read_parquet(dataset)
    shown = frame[[name for name in COLUMNS if name in frame]]
    some = shown.iloc[[len(shown) * place // ROWS for place in range(ROWS)]]
    rows = [list(some), *some.astype(object).where(some.notna(), "").values.tolist()]
    cells = [[_short(str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def _short(value: str) -> str:
    return value if len(value) <= CELL else value[: CELL - 1] + "…"
