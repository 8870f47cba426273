"""Who objected is in no release, and the list of them goes nowhere."""

import json

import pytest
from releasing_deployment import CSV, POLICY, TOKEN

from field_pseudonymisation.ops import remove_objections
from util_services.chain import Link, chain_of, default_of, jobs_of
from util_services.ops import read_dataset, write_dataset
from util_services.releases.ops import release_gate

IDENTIFIER = "0004711"
OBJECTED = f"{TOKEN}3"


def policy(**config):
    checks = {"objections": {"list": "objections.csv", "column": "person", **config}}
    return POLICY | {"checks": POLICY["checks"] | checks}


def everything_told(deployment, result):
    told = [
        json.dumps(event.to_dict() if hasattr(event, "to_dict") else str(event), default=str)
        for event in result.all_events
    ]
    files = [
        path
        for path in deployment.root.iterdir()
        if "report" in path.name or "release" in path.name
    ]
    told += [path.read_text() for path in files]
    told += [path.read_text() for path in deployment.audit.glob("*.jsonl")]
    return "".join(told)


def test_who_objected_and_is_left_refuses_the_release(deployment):
    (deployment.root / "objections.csv").write_text(f"person\n{OBJECTED}\n")
    deployment.sign(policy())

    sentence = deployment.refusal()

    assert "nobody in 'person' who objected (2 rows of 1 who objected)" in sentence
    assert OBJECTED not in sentence


def test_identifiers_say_nothing_of_tokens(deployment):
    (deployment.root / "objections.csv").write_text(f"person\n{IDENTIFIER}\n{OBJECTED[:-1]}9\n")
    deployment.sign(policy())

    sentence = deployment.refusal()

    assert "tokens alone on the list of objections (1 entries are not)" in sentence
    assert IDENTIFIER not in sentence


def test_a_list_that_is_missing_refuses_the_release(deployment):
    deployment.sign(policy())

    assert "objections: can be tested (There is no" in deployment.refusal()


REMOVING = {"objections": "objections.csv", "column": "person", "list_column": "who"}
LINKS = (
    Link(read_dataset, "read_dataset", default_of("read_dataset", path="in.csv")),
    Link(remove_objections.op, "remove_objections", REMOVING),
    Link(release_gate.op, "release_gate", {"policy": "policy.yaml", "requester": "bob"}),
    Link(write_dataset, "write_dataset"),
)
GRAPH = chain_of("without_objections", "Removes, then releases.", LINKS)
JOB, _ = jobs_of(GRAPH, LINKS, resources={}, tags={})


def run(deployment, **removing):
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "remove_objections": {"config": REMOVING | removing},
        "release_gate": {"config": {"policy": "policy.yaml", "requester": "bob"}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }
    return JOB.execute_in_process({"ops": ops}, instance=deployment.instance, raise_on_error=False)


def test_rows_of_those_who_objected_are_removed_counted_and_told_nowhere(deployment):
    listed = [OBJECTED, f"  {TOKEN}4 ", f"{TOKEN[:-1]}BZ"]
    (deployment.root / "objections.csv").write_text("who\n" + "\n".join(listed) + "\n")
    few = {"privacy_models": {"k": 3, "l": 2}}  # persons in each class are left
    asked = policy(list_column="who")
    deployment.sign(asked | {"checks": asked["checks"] | few})

    result = run(deployment)

    assert result.success
    kept = (deployment.root / "out.csv").read_text().splitlines()
    expected = [
        line for line in CSV.splitlines() if not line.startswith((f"{TOKEN}3,", f"{TOKEN}4,"))
    ]
    assert kept == expected  # in their order
    report = json.loads((deployment.root / "out.csv.report.json").read_text())
    step = report["steps"][0]
    assert step["facts"] == {"objections_listed": 3, "objections_found": 2, "rows_removed": 4}
    assert step["rows"] == {"in": 20, "out": 16, "dropped": 4}
    assert "inputs" not in step
    told = everything_told(deployment, result)
    assert not any(one.strip() in told for one in listed)


def test_an_empty_list_removes_nobody(deployment):
    (deployment.root / "objections.csv").write_text("who\n")
    deployment.sign(policy(list_column="who"))

    assert run(deployment).success
    assert (deployment.root / "out.csv").read_text() == CSV


@pytest.mark.parametrize(
    ("content", "removing", "sentence"),
    [
        (None, {}, "objections.csv"),
        ("person\na\n", {}, "There is no column 'who' in the list of objections"),
        ("who\na\n", {"column": "persons"}, "persons"),
    ],
    ids=["no list", "no such column of the list", "no such column"],
)
def test_a_list_that_cannot_be_read_removes_nobody_and_publishes_nothing(
    deployment, content, removing, sentence
):
    if content is not None:
        (deployment.root / "objections.csv").write_text(content)

    result = run(deployment, **removing)

    assert not result.success
    failed = [event for event in result.all_events if event.is_step_failure]
    assert sentence in failed[0].event_specific_data.error.message
    assert not (deployment.root / "out.csv").exists()
