"""Intermediate data that are out of date are found and removed, and can be had back."""

import pytest


@pytest.fixture
def made(dws, workspace):
    """A workspace with data that were made of others, in a snapshot with them."""
    (workspace / "clean").mkdir()
    (workspace / "clean/a.csv").write_text("made of 1\n")
    dws("add", "local-files", "--role", "i", "clean")
    dws("snapshot", "first")
    return workspace


def stale(dws):
    found = dws.json("prune", "--stale", "--dry-run")["stale"]
    return {one["resource"]: one["causes"] for one in found}


def test_data_are_stale_once_their_source_has_changed(dws, made):
    assert stale(dws) == {}

    (made / "raw/a.csv").write_text("id\n2\n")

    assert stale(dws) == {"clean": ["raw"]}
    assert (made / "clean/a.csv").exists()


def test_a_snapshot_of_stale_data_does_not_make_them_fresh(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")

    assert stale(dws) == {"clean": ["raw"]}


def test_data_that_were_made_anew_are_not_stale(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")
    (made / "clean/a.csv").write_text("made of 2\n")

    assert stale(dws) == {}  # in no snapshot as yet
    dws("snapshot", "second")
    assert stale(dws) == {}


def test_data_are_judged_by_when_they_became_what_they_are(dws, made):
    """They were made of 1, then of 2, and of 1 again: of the source of the third snapshot."""
    for number, source, clean in ((2, "2", "made of 2\n"), (3, "3", "made of 1\n")):
        (made / "raw/a.csv").write_text(f"id\n{source}\n")
        (made / "clean/a.csv").write_text(clean)
        dws("snapshot", f"s{number}")

    assert stale(dws) == {}
    (made / "raw/a.csv").write_text("id\n1\n")
    assert stale(dws) == {"clean": ["raw"]}


def test_a_source_that_is_as_it_was_makes_nothing_stale(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")
    dws("snapshot", "second")
    dws("restore", "first", "--only", "raw")

    assert stale(dws) == {}


def test_stale_data_are_removed_and_come_back_from_the_rescue_snapshot(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")

    done = dws.json("prune", "--stale")

    assert [one["resource"] for one in done["stale"]] == ["clean"]
    assert list((made / "clean").iterdir()) == []
    assert (made / "raw/a.csv").read_text() == "id\n2\n"
    assert dws.git("status", "--porcelain") == ""
    assert dws("prune", "--stale") == "Nothing is stale.\n"
    dws("restore", done["rescue"], "--only", "clean")
    assert (made / "clean/a.csv").read_text() == "made of 1\n"


def test_the_answer_says_how_to_have_it_back(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")

    *_, way = dws("prune", "--stale").splitlines()
    dws(*way.split()[1:])

    assert (made / "clean/a.csv").read_text() == "made of 1\n"


def test_of_what_runs_have_made_only_the_files_that_are_out_of_date_are_removed(dws, made):
    (made / "raw/b.csv").write_text("id\n7\n")
    for name in ("b", "c"):
        dws("run", "--input", f"raw/{'a' if name == 'b' else 'b'}.csv", "--output", "clean", "--",
            "cp", f"raw/{'a' if name == 'b' else 'b'}.csv", f"clean/{name}.csv")  # fmt: skip
    dws("snapshot", "second")
    (made / "raw/a.csv").write_text("id\n2\n")

    (told,) = dws.json("prune", "--stale", "--dry-run")["stale"]
    (late,) = [one for one in dws.json("status") if one["stale"]]
    done = dws.json("prune", "--stale")

    assert late["stale"] == [told]
    assert (told["resource"], told["files"], told["causes"]) == ("clean", ["b.csv"], ["raw"])
    assert done["stale"] == [told]
    assert sorted(one.name for one in (made / "clean").iterdir()) == ["a.csv", "c.csv"]
    assert dws("prune", "--stale") == "Nothing is stale.\n"
    dws("restore", done["rescue"], "--only", "clean")
    assert (made / "clean/b.csv").read_text() == "id\n1\n"


def test_the_status_says_what_snapshots_tell_to_be_out_of_date(dws, made):
    (made / "raw/a.csv").write_text("id\n2\n")

    assert "  ! clean is out of date: raw changed since the snapshot first first kept it" in dws(
        "status"
    )


def test_results_are_told_of_and_never_removed(dws, made):
    (made / "outcome").mkdir()
    dws("add", "local-files", "--role", "r", "outcome")
    dws("run", "--input", "raw/a.csv", "--", "cp", "raw/a.csv", "outcome/a.csv")
    dws("snapshot", "second", "--message", "x")
    (made / "outcome/b.csv").write_text("not of a run\n")
    dws("run", "--input", "raw/a.csv", "--", "cp", "raw/a.csv", "outcome/c.csv")
    (made / "raw/a.csv").write_text("id\n2\n")

    assert "! outcome:/c.csv is out of date" in dws("status")
    dws("prune", "--stale")

    assert (made / "outcome/c.csv").exists()


@pytest.mark.parametrize("moment", range(1, 60, 4))
def test_a_killed_prune_loses_nothing(dws, made, moment):
    (made / "raw/a.csv").write_text("id\n2\n")

    dws.killed_at(moment, "prune", "--stale")
    dws("prune", "--stale")

    assert list((made / "clean").iterdir()) == []
    rescue = [one for one in dws.json("log") if one["message"].startswith("Rescue before stale")]
    dws("restore", rescue[-1]["hash"], "--only", "clean")
    assert (made / "clean/a.csv").read_text() == "made of 1\n"
    dws("verify")
