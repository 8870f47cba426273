"""Which runs belong to one activity, told by digests, purposes and what people have stated."""

from util_services.processing_record import Activities, Known
from util_services.processing_record.activities import StatedFile
from util_services.processing_record.grouping import groups
from util_services.processing_record.recorded import RecordedRun
from util_services.releases.registered import RegisteredRelease, RegisteredTable, Standing

STAYS = "research on stays"


def run(name, read, made, *, purpose=None, outcome="success"):
    return RecordedRun(
        id=name,
        job="a_job",
        user="root",
        requester=None,
        purpose=purpose,
        began=f"2026-01-01T00:00:0{len(name)}Z",
        outcome=outcome,
        inputs=({"path": f"/data/{read}", "sha256": read},),
        outputs=({"path": f"/data/{made}", "sha256": made},),
        counts={},
        sources=(),
    )


def release(run_id, source, made, *, dataset=None, purpose=STAYS):
    table = RegisteredTable(made, f"/data/{made}", "csv", None, ",", made, 1, {"a": "sensitive"})
    found = RegisteredRelease(
        id=f"id of {made}",
        statement_sha256="0",
        dataset=dataset,
        purpose=purpose,
        requester="bob",
        approval=None,
        policy={"sha256": "0", "signed_by": "Ada"},
        source={"path": f"/data/{source}", "sha256": source},
        run={"id": run_id, "job": "a_job"},
        checks={},
        released="2026-01-01T00:00:00Z",
        expires="2027-01-01T00:00:00Z",
        tables={"": table},
    )
    return Standing(found, is_out=True)


def grouped(runs, releases=(), stated=None):
    file = StatedFile("a.yaml", "0", Activities(**(stated or {})))
    known = Known("2026-12-31", None, runs=tuple(runs), releases=tuple(releases), stated=file)
    return [(one.title, [each.id for each in one.runs]) for one in groups(known)]


def test_all_runs_that_made_what_was_released_belong_to_the_release():
    runs = [
        run("clean", "raw", "cleaned"),
        run("hide", "cleaned", "hidden"),
        run("gate", "hidden", "out"),
        run("other", "elsewhere", "made"),
        run("broken", "raw", "nothing", outcome="failure"),
    ]

    found = grouped(runs, [release("gate", "hidden", "out", dataset="patients")])

    assert found == [
        ("Research on stays: patients", ["clean", "hide", "gate"]),
        ("/data/elsewhere", ["other"]),
    ]


def test_each_purpose_on_the_same_data_is_an_activity():
    runs = [run("hide", "raw", "hidden"), run("one", "hidden", "a"), run("two", "hidden", "b")]
    releases = [
        release("one", "hidden", "a", dataset="patients"),
        release("two", "hidden", "b", dataset="patients", purpose="teaching"),
    ]

    assert grouped(runs, releases) == [
        ("Research on stays: patients", ["hide", "one"]),
        ("Teaching: patients", ["hide", "two"]),
    ]


def test_what_people_state_takes_releases_by_purpose_and_runs_by_what_they_read():
    runs = [run("gate", "hidden", "out"), run("mine", "in/a.csv", "x"), run("not", "b.csv", "y")]
    stated = {"activities": [{"name": "Stays", "purpose": STAYS, "reads": ["/data/in/*.csv"]}]}

    assert grouped(runs, [release("gate", "hidden", "out")], stated) == [
        ("Stays", ["gate", "mine"]),
        ("/data/b.csv", ["not"]),
    ]


def test_a_stated_dataset_leaves_releases_of_others_alone():
    stated = {"activities": [{"name": "Stays", "purpose": STAYS, "dataset": "patients"}]}
    releases = [
        release("one", "hidden", "a", dataset="patients"),
        release("two", "hidden", "b", dataset="staff"),
    ]

    assert grouped([run("one", "r", "a"), run("two", "s", "b")], releases, stated) == [
        ("Stays", ["one"]),
        ("Research on stays: staff", ["two"]),
    ]


def test_runs_that_were_started_for_a_purpose_are_told_by_it():
    runs = [run("one", "raw", "a", purpose=STAYS), run("two", "raw", "b")]

    assert grouped(runs) == [
        ("Research on stays: /data/raw", ["one"]),
        ("/data/raw", ["two"]),
    ]
