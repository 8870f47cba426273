"""Snapshots by their metrics: a table, the best one, and a page."""

import json


def take(dws, workspace, tag, **metrics):
    (workspace / "results/results.json").write_text(json.dumps({"metrics": metrics}))
    dws("snapshot", tag, "--message", f"try {tag}")


def taken(dws, workspace):
    take(dws, workspace, "first", accuracy=0.5, loss=2.0, report={"north": 0.25})
    take(dws, workspace, "second", accuracy=0.75, loss=1.0)
    dws("snapshot", "nothing-new")
    take(dws, workspace, "third", accuracy=0.75, loss=4.0)


def test_a_table_has_all_metrics_and_marks_the_best(dws, workspace):
    taken(dws, workspace)

    lines = dws("report", "metrics").splitlines()

    assert [line.split()[:1] + line.split()[2:] for line in lines] == [
        ["snapshot", "loss"],
        ["001", "(first)", "0.5", "2"],
        ["002", "(second)", "0.75", "*", "1", "*"],
        ["004", "(third)", "0.75", "4"],
    ]
    assert "accuracy" in lines[0]
    found = dws.json("report", "metrics", "--limit", "2", "--metric", "accuracy")
    assert [one["tags"] for one in found] == [["second"], ["third"]]
    assert found[0]["metrics"] == {"accuracy": 0.75, "loss": 1.0}


def test_metrics_within_metrics_are_shown_when_they_are_asked_for(dws, workspace):
    taken(dws, workspace)

    shown = dws("report", "metrics", "--metric", "report")

    assert shown.splitlines()[0].split() == ["snapshot", "report.north"]
    assert "report" not in dws("report", "metrics")


def test_a_baseline_tells_what_is_better(dws, workspace):
    taken(dws, workspace)

    lines = dws("report", "metrics", "--baseline", "second").splitlines()

    assert lines[1].endswith("0.5 (worse)  2 (worse)")
    assert lines[3].endswith("0.75         4 (worse)")
    assert "4 (better)" in dws(
        "report", "metrics", "--baseline", "second", "--maximize-metrics", "loss"
    )


def test_the_best_is_the_first_of_equals_and_its_side_can_be_chosen(dws, workspace):
    taken(dws, workspace)

    assert dws("report", "best", "accuracy").splitlines()[0].startswith("002 ")
    assert dws("report", "best", "accuracy").splitlines()[1] == (
        "    accuracy = 0.75, the highest of 3 snapshots"
    )
    assert "loss = 1.0, the lowest of 3" in dws("report", "best", "loss")
    assert "loss = 4.0, the highest of 3" in dws("report", "best", "loss", "--highest")
    found = dws.json("report", "best", "report.north")
    assert (found["value"], found["compared"]) == (0.25, 1)
    assert found["snapshot"]["tags"] == ["first"]


def test_what_cannot_be_compared_is_one_sentence(dws, workspace):
    assert dws("report", "metrics").startswith("No snapshot has metrics;")
    refused = dws.refused("report", "best", "accuracy")
    assert refused.strip().endswith("has the metric 'accuracy'; no snapshot has metrics.")
    assert "No snapshot has metrics" in dws.refused("report", "metrics", "--out", "m.html")
    dws("snapshot", "bare")
    taken(dws, workspace)
    assert "there are 'accuracy', 'loss', 'report.north'." in dws.refused("report", "best", "x")
    assert "'bare' has no metrics" in dws.refused("report", "metrics", "--baseline", "bare")
    assert "end its name with .html or .svg" in dws.refused("report", "metrics", "--out", "m.png")
    assert "no folder for" in dws.refused("report", "metrics", "--out", "no/m.html")


def test_a_page_and_drawings_are_files_of_their_own(dws, workspace, tmp_path):
    taken(dws, workspace)

    said = dws("report", "metrics", "--out", tmp_path / "metrics.html")
    dws("report", "metrics", "--out", tmp_path / "metrics.svg")

    assert said.endswith("metrics.html': 3 snapshots\n") or "3 snapshots" in said
    page = (tmp_path / "metrics.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert (tmp_path / "metrics.svg").read_text().startswith("<svg ")


def test_results_of_earlier_snapshots_stay_whatever_is_restored(dws, workspace):
    taken(dws, workspace)

    dws("restore", "first", "--force")

    places = sorted(one.name for one in (workspace / "results/snapshots").iterdir())
    assert places == ["lab-first", "lab-second", "lab-third"]
    assert "0.75" in dws("report", "results", "--snapshot", "second")
    assert dws("report", "best", "accuracy").startswith("002 ")
