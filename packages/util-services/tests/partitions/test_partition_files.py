"""What the file of a partitioned job may say, and the sentence for what is wrong."""

from datetime import date

import pytest

from util_services.partitions.file import PartitionsError, PartitionsFile, Watch
from util_services.partitions.scheme import Scheme

WHOLE = """
description: >
  Clean the visits of each day.
job: remove_duplicates
partitions: {scheme: daily, start: 2026-01-01, timezone: Europe/Madrid}
ops:
  read_dataset: {path: "in/{partition}.csv"}
  remove_duplicates: {subset: [id]}
  write_dataset: {path: "out/{partition}.csv"}
watch: {storage: s3, running: true, stable_seconds: 2.5, ignore: ["*.log"]}
packages: [data-processing]
"""
HEAD = "description: d\njob: j\n"
PREFIX = "partitions: {scheme: prefix}\n"
PATHS = "ops:\n  read_dataset: {path: 'a/{partition}'}\n  write_dataset: {path: 'b/{partition}'}\n"
SCHEME = "'partitions' must be a mapping such as {scheme: daily, start: 2026-01-01}."
WITHOUT = "must have a 'path' with {partition} in it, or all partitions would have the same."


def read(folder, text, name="p.yaml"):
    (folder / name).write_text(text)
    return PartitionsFile.read(folder / name)


def test_a_file_is_a_job_a_scheme_paths_and_a_watch(tmp_path):
    file = read(tmp_path, WHOLE, "daily_visits.yaml")

    assert (file.name, file.job) == ("daily_visits", "remove_duplicates")
    assert file.description == "Clean the visits of each day."
    assert file.scheme == Scheme("daily", date(2026, 1, 1), "Europe/Madrid")
    assert file.ops["remove_duplicates"] == {"subset": ["id"]}
    assert file.source.path_of("2026-01-31") == "in/2026-01-31.csv"
    assert file.watch == Watch("s3", True, {"stable_seconds": 2.5, "ignore": ["*.log"]})
    assert file.packages == ("data-processing",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "- a",
            "line 1: a partitioned job is a mapping of 'description', 'job', 'partitions' and "
            "'ops'.",
        ),
        ("job: j", "line 1: say in 'description' what the partitioned job is for."),
        ("description: d\njob: [j]", "line 2: name under 'job' what is run for each partition."),
        (f"{HEAD}jobs: j", "line 3: unknown key 'jobs'; did you mean 'job'?"),
        (f"{HEAD}packages: a", "line 3: 'packages' must be a list of distributions."),
        (f"{HEAD}partitions: daily", f"line 3: {SCHEME}"),
        (
            f"{HEAD}partitions:\n  scheme: hourly",
            "line 4: 'scheme' must be one of daily, weekly, monthly, prefix.",
        ),
        (
            f"{HEAD}partitions:\n  scheme: daily\n  start: 31/01/2026",
            "line 5: 'start' must be a day, such as 2026-01-01.",
        ),
        (
            f"{HEAD}partitions:\n  scheme: daily\n  start: 2026-02-30",
            "line 5: 'start' must be a day, such as 2026-01-01.",
        ),
        (
            f"{HEAD}partitions: {{scheme: daily}}",
            "line 3: 'start' must be a day, such as 2026-01-01.",
        ),
        (
            f"{HEAD}partitions:\n  scheme: daily\n  start: 2026-01-01\n  timezone: Nowhere/Town",
            "line 6: 'timezone' must be the name of a zone, such as Europe/Madrid.",
        ),
        (
            f"{HEAD}partitions:\n  scheme: prefix\n  start: 2026-01-01",
            "line 5: a prefix has no 'start'; leave it out.",
        ),
        (
            f"{HEAD}partitions:\n  scheme: prefix\n  strat: 2026-01-01",
            "line 5: unknown key 'strat'; did you mean 'start'?",
        ),
        (
            f"{HEAD}{PREFIX}",
            "line 1: 'ops' must be a mapping of the names of ops and their configs.",
        ),
        (
            f"{HEAD}{PREFIX}ops:\n  read_dataset: a",
            "line 5: the config of an op must be a mapping of keys.",
        ),
        (
            f"{HEAD}{PREFIX}ops:\n  read_dataset:\n    path: a.csv",
            f"line 6: 'read_dataset' {WITHOUT}",
        ),
        (
            f"{HEAD}{PREFIX}ops:\n  read_dataset: {{path: 'a/{{partition}}'}}\n"
            "  write_dataset:\n    path: 'b.csv'",
            f"line 7: 'write_dataset' {WITHOUT}",
        ),
        (
            f"{HEAD}{PREFIX}ops:\n  read_dataset:\n    path: 'a/{{partition:%Y}}'",
            "line 6: a prefix has no date; write {partition} alone.",
        ),
        (
            f"{HEAD}partitions: {{scheme: daily, start: 2026-01-01}}\nops:\n"
            "  read_dataset:\n    path: 'a/{partition:%Y-%m}'",
            "line 6: '{partition:%Y-%m}' must hold %Y, %d, %m, and nothing with '%' besides "
            "%Y, %m, %d.",
        ),
        (
            f"{HEAD}partitions: {{scheme: monthly, start: 2026-01-01}}\nops:\n"
            "  read_dataset:\n    path: 'a/{partition:%Y-%m-%H}'",
            "line 6: '{partition:%Y-%m-%H}' must hold %Y, %m, and nothing with '%' besides "
            "%Y, %m, %d.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch: s3",
            "line 7: 'watch' must be a mapping such as {storage: s3}.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: ftp",
            "line 8: 'storage' must be 'local' or 's3'.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: s3\n  runing: true",
            "line 9: unknown key 'runing'; did you mean 'running'?",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: s3\n  running: 1",
            "line 9: 'running' must be true or false.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: s3\n  stable_seconds: -1",
            "line 9: 'stable_seconds' must be a number of at least 0.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: s3\n  most_runs: 0.5",
            "line 9: 'most_runs' must be a whole number of at least 1.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS}watch:\n  storage: s3\n  ignore: a",
            "line 9: 'ignore' must be a list of patterns.",
        ),
        (
            f"{HEAD}{PREFIX}{PATHS.replace('a/{partition}', 'a/{partition}/*')}"
            "watch: {storage: s3}",
            "line 5: a path with '*' cannot be watched; end it in '/' for all objects in a folder.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tmp_path, text, sentence):
    with pytest.raises(PartitionsError) as error:
        read(tmp_path, text)

    assert str(error.value) == f"p.yaml, {sentence}"


def test_a_name_that_is_none_of_a_job_is_refused(tmp_path):
    with pytest.raises(PartitionsError, match="a partitioned job has the name of its file"):
        read(tmp_path, WHOLE, "Daily Visits.yaml")
