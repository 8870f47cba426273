"""Two runs side by side: what differs is told, and nothing else."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from sample_report import sample_report

from util_services.cli.compare import compare as command
from util_services.errors import ConfigurationError, quoted_name
from util_services.reports.comparison import Difference, compare


def changed(report, **changes):
    """Return the report with another last step, and another time."""
    step = replace(report.steps[-1], **changes)
    run = replace(report.run, run_id="run-2", started="2027-01-01T00:00:00.000Z")
    return replace(report, steps=(*report.steps[:-1], step), run=run)


def test_equal_runs_differ_in_nothing_whenever_they_ran():
    report = sample_report()
    facts = {**report.steps[-1].facts, "search_seconds": 99}

    assert compare(report, changed(report, facts=facts)) == []


def test_what_differs_is_told_by_part_and_key():
    report = sample_report()
    last = report.steps[-1]
    other = changed(
        report,
        rows_out=900,
        configuration={**last.configuration, "k": 10, "hierarchies": {"age": {"kind": "mask"}}},
        facts={key: value for key, value in last.facts.items() if key != "classes"},
    )

    assert compare(report, replace(other, rows=replace(report.rows, out=900, dropped=95))) == [
        Difference("rows", "out", 945, 900),
        Difference("rows", "dropped", 50, 95),
        Difference("configuration of k_anonymity", "k", 5, 10),
        Difference("configuration of k_anonymity", "hierarchies.age.kind", "date", "mask"),
        Difference("rows of k_anonymity", "out", 945, 900),
        Difference("found by k_anonymity", "classes", 55, None),
    ]


def test_steps_are_compared_with_those_of_their_operation():
    report = sample_report()
    first, last = report.steps
    more = replace(report, steps=(first, replace(first, rows_out=1), last))

    assert {one.part for one in compare(report, more)} == {
        "configuration of remove_duplicates (2)",
        "rows of remove_duplicates (2)",
    }


def test_the_command_shows_both_values_in_a_line(tmp_path):
    report = sample_report()
    files = [tmp_path / "a.report.json", tmp_path / "b.report.json"]
    files[0].write_text(report.to_json())
    files[1].write_text(changed(report, configuration={"k": 10}).to_json())

    said = CliRunner().invoke(command, [str(files[0]), str(files[1])])
    told = CliRunner().invoke(command, [*map(str, files), "--json"])
    page = tmp_path / "compared.html"
    CliRunner().invoke(command, [*map(str, files), "--html", str(page)])
    same = CliRunner().invoke(command, [str(files[0]), str(files[0])])

    assert said.exit_code == 0
    assert ["k", "5", "10"] in [line.split() for line in said.stdout.splitlines()]
    assert json.loads(told.stdout)["differences"][0]["part"] == "configuration of k_anonymity"
    assert '<th scope="row">k</th><td>5</td><td>10</td>' in page.read_text()
    assert same.stdout == "The runs differ in nothing but their times.\n"


@pytest.mark.parametrize("content", ["id,name\n1,canary\n", "{}", '{"schema": 99}'])
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(ConfigurationError) as refusal:
        CliRunner().invoke(command, [str(file), str(file)], catch_exceptions=False)

    assert str(refusal.value).startswith(f"{quoted_name(str(file))} cannot be compared: ")
    assert "canary" not in str(refusal.value)
