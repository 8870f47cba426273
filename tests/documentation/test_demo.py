"""``data-services demo``: what a newcomer sees first does what it says, in a folder of its own."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PROGRAM = Path(sys.executable).with_name("data-services")


def run(home, *arguments):
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env={**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data")},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Run the demonstration once; return its home, its folder and what it said."""
    home = tmp_path_factory.mktemp("newcomer")
    answer = run(home, "demo", "try it")
    assert (answer.returncode, answer.stderr) == (0, "")
    return home, home / "try it", answer.stdout


def test_each_step_is_shown_with_the_command_that_ran_and_some_rows(shown):
    _, folder, said = shown

    assert [line[0] for line in said.splitlines() if line[1:3] == ". "] == list("12345678")
    assert said.count("$ data-services ") == 13
    for dataset in ("messy.csv", "clean.parquet", "pseudonymised.parquet", "anonymous.parquet"):
        assert f"Some rows of {dataset}:" in said
    assert str(folder) not in said


def test_the_early_release_is_refused_and_the_later_one_holds_what_it_says(shown):
    _, folder, said = shown

    refusal = said.index("error: The release is refused")
    assert refusal < said.index("6. Anonymise it")
    assert "k-anonymity of persons with k = 5" in said[refusal:]
    released = pd.read_parquet(folder / "released" / "patients.parquet")
    quasi_identifiers = ["sex", "birth_date", "postcode"]
    classes = released.groupby(quasi_identifiers, dropna=False)["diagnosis_code"]
    assert classes.size().min() >= 5
    assert classes.nunique().min() >= 2
    assert "16 rules hold; signed by The officer" in said


def test_no_identifier_of_the_sample_is_in_the_release_or_in_any_report(shown):
    _, folder, _ = shown
    with (folder / "messy.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    identifiers = {row[name] for row in rows for name in ("patient_id", "email", "iban", "phone")}
    texts = [path.read_text() for path in folder.rglob("*.report.*")]
    released = pd.read_parquet(folder / "released" / "patients.parquet")

    assert len(texts) == 10
    assert not {one for one in identifiers if len(one) > 6 and any(one in text for text in texts)}
    assert not identifiers & set(released.astype(str).to_numpy().ravel()) - {"", "-", "NA", "n/a"}


def test_everything_lies_in_the_folder_and_another_run_touches_none_of_it(shown):
    home, folder, _ = shown
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    again = run(home, "demo", folder)

    assert again.returncode == 2
    assert again.stderr == (
        f"error: '{folder}' is there already; name another folder: data-services demo FOLDER.\n"
    )
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert list(home.iterdir()) == [folder]
    secrets = {"passphrase", "release.key", "officer.key"}
    assert {folder.joinpath(name).stat().st_mode & 0o077 for name in secrets} == {0}


def test_the_settings_lead_to_what_was_made(shown):
    home, folder, _ = shown

    listed = subprocess.run(
        ["sh", "-c", f'. ./settings.sh; "{PROGRAM}" keys list; "{PROGRAM}" audit verify'],
        cwd=folder,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "demo" in listed
    assert f"The audit in {folder / 'audit'} is whole" in listed
