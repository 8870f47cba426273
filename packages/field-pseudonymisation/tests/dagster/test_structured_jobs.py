"""The jobs on tables: there and back, approved and audited, or nothing at all."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from importlib.resources import files as files_of

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from field_pseudonymisation import jobs
from field_pseudonymisation.config import AnonymisePseudonymiseStructuredConfig
from field_pseudonymisation.errors import PolicyError
from field_pseudonymisation.jobs import (
    anonymise_pseudonymise_structured_job,
    depseudonymise_structured_job,
    repseudonymise_structured_job,
)
from field_pseudonymisation.reidentification import ReidentificationKeys
from field_pseudonymisation.structured import policy_of
from util_services.errors import ConfigurationError
from util_services.keys import Keyset, KeysetInfo
from util_services.keys.providers.choice import key_provider
from util_services.runs.check import check_config

CSV = (
    "id,email,phone,born,note\n"
    '007,åse@example.org,0047 123 45 678,1980-02-29,"a ""quoted""\nline"\n'
    "08,,0047 999 99 999,1999-12-31,\n"
    '007,"",0047 123 45 678,1980-03-01,x\n'
)
RULES = {
    "id": {"technique": "encrypt"},
    "email": {"technique": "encrypt", "mode": "random"},
    "phone": {
        "technique": "format_preserving_encrypt",
        "separators": " ",
        "keep_prefix": 4,
    },
    "born": {"technique": "date_shift", "entity": "id", "days": 30},
    "note": {"technique": "tokenise"},
}
ASK = {"purpose": "complaint 17", "requester": "bob"}


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def files(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def pseudonymised(run, root, content=CSV, name="in.csv", target="out.csv", **config):
    (root / name).write_text(content)
    options = {"keyset": "clinic", "domain": "clinic-a", "rules": RULES} | config
    return run(anonymise_pseudonymise_structured_job, name, target, **options)


def audited(root, action):
    found = []
    for chain in (root.parent / "audit_dir").glob("*.jsonl"):
        found += map(json.loads, chain.read_text().splitlines())
    return [line for line in found if line.get("action") == action]


def test_a_csv_file_goes_there_and_back_byte_by_byte(run, root, approval):
    assert pseudonymised(run, root).success

    done = (root / "out.csv").read_text()
    for value in ("åse", "123 45 678", "quoted"):
        assert value not in done
    table = rows(done)
    for before, after in zip(rows(CSV)[1:], table[1:], strict=True):
        assert all(not old or old != new for old, new in zip(before, after, strict=True))
    assert table[1][0] == table[3][0]  # the policy is deterministic
    assert table[1][2].startswith("0047 ")
    assert done.splitlines()[2].split(",")[1] == ""
    assert run(
        depseudonymise_structured_job, "out.csv", "back.csv", approval=approval("out.csv"), **ASK
    ).success
    assert (root / "back.csv").read_text() == CSV


def test_types_of_parquet_go_there_and_back(run, root, approval):
    schema = pa.schema(
        [
            pa.field("n", pa.int16(), nullable=False),
            ("d", pa.decimal128(9, 2)),
            ("t", pa.timestamp("us", "Europe/Oslo")),
            ("day", pa.date32()),
            ("tags", pa.list_(pa.string())),
            ("f", pa.float32()),
        ]
    )
    moment = dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC)
    table = pa.table(
        {
            "n": [1, -7],
            "d": [Decimal("1.50"), None],
            "t": [moment, None],
            "day": [dt.date(2024, 2, 29), None],
            "tags": [["a", None, ""], []],
            "f": [1.5, None],
        },
        schema,
    )
    pq.write_table(table, root / "in.parquet")
    rules = {name: {"technique": "encrypt"} for name in schema.names if name != "tags"}
    rules["tags -> $[*]"] = {"technique": "encrypt"}
    options = {"keyset": "clinic", "domain": "clinic-a", "rules": rules}

    first = run(anonymise_pseudonymise_structured_job, "in.parquet", "out.parquet", **options)
    token = approval("out.parquet")
    second = run(
        depseudonymise_structured_job, "out.parquet", "back.parquet", approval=token, **ASK
    )

    assert first.success
    assert second.success
    back = pq.read_table(root / "back.parquet")
    assert back.to_pylist() == table.to_pylist()
    assert [(f.name, f.type) for f in back.schema] == [(f.name, f.type) for f in schema]


def test_batches_do_not_show(run, root, monkeypatch):
    content = "id\n" + "".join(f"{number % 700:04}\n" for number in range(2000))
    rules = {"id": {"technique": "encrypt"}}
    pseudonymised(run, root, content, rules=rules)
    monkeypatch.setenv("DATA_SERVICES_BATCH_ROWS", "17")

    pseudonymised(run, root, content, name="again.csv", target="small.csv", rules=rules)

    assert (root / "small.csv").read_text() == (root / "out.csv").read_text()


def test_columns_are_shuffled_as_wholes(run, root, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_BATCH_ROWS", "17")
    content = "g,v\n" + "".join(f"{n % 3},{n}\n" for n in range(300))
    rules = {"g": {"technique": "retain"}, "v": {"technique": "shuffle", "within": ["g"]}}

    assert pseudonymised(run, root, content, rules=rules).success

    before, after = rows(content)[1:], rows((root / "out.csv").read_text())[1:]
    assert sorted(map(tuple, before)) == sorted(map(tuple, after))
    assert before != after


def test_the_report_counts_and_names_and_holds_no_value(run, root):
    pseudonymised(run, root)

    text = (root / "out.csv.report.json").read_text()
    columns = json.loads(text)["steps"][0]["facts"]["columns"]
    by_name = {one["column"]: one for one in columns}
    assert (by_name["id"]["rows"], by_name["id"]["distinct"], by_name["email"]["nulls"]) == (
        3,
        2,
        1,
    )
    assert by_name["id"]["domain"] == "clinic-a"
    for file in root.glob("out.csv.*"):
        for value in ("åse", "45 678", "quoted", "1980-02", "999 99"):
            assert value not in file.read_text()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rules": {}}, "There is no rule for 'id', 'email'"),
        ({"rules": RULES | {"emial": {"technique": "hash"}}}, "rules.emial: matches no column"),
        (
            {"rules": RULES | {"e*": {"technique": "hash"}}},
            "matched by several rules: 'email', 'e\\*'",
        ),
        ({"rules": RULES | {"id": {"technique": "hsah"}}}, "did you mean 'hash'"),
        ({"rules": RULES | {"id": {"used_function": "x"}}}, "must be a mapping with 'technique'"),
        ({"keyset": "nobody"}, "no keyset"),
        ({"domain": ""}, "'domain' is missing"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_before_a_row_is_read(
    run, root, reason, change, sentence
):
    result = pseudonymised(run, root, **change)

    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(reason(result))
    assert files(root) == ["in.csv"]


@pytest.mark.parametrize(
    ("key", "counterpart"), [("used_function", "'rules'"), ("key_name", "'keyset'")]
)
def test_keys_of_the_former_configuration_are_answered_with_their_counterparts(
    root, key, counterpart
):
    config = {"ops": {"anonymise_pseudonymise_structured": {"config": {key: "hash"}}}}

    with pytest.raises(ConfigurationError, match=f"'{key}'.*here it is {counterpart}"):
        check_config(anonymise_pseudonymise_structured_job, config)


def test_what_brings_originals_back_is_never_only_tried(root):
    from util_services.runs.dry_run import dry_run

    (root / "in.csv").write_text(CSV)
    (root / "approval.token").write_text("x")
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "depseudonymise_structured": {"config": ASK | {"approval": "approval.token"}},
        "write_dataset": {"config": {"path": "back.csv"}},
    }

    with pytest.raises(ConfigurationError, match="run it"):
        dry_run(depseudonymise_structured_job, {"ops": ops}, "run-1")


def test_a_date_cannot_be_shifted_back_without_its_entity(run, root, approval, reason):
    pseudonymised(run, root)
    table = [row[1:] for row in rows((root / "out.csv").read_text())]
    with (root / "cut.csv").open("w", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows(table)
    options = ASK | {"approval": approval("cut.csv"), "recipe": "out.csv.pseudonymisation.json"}

    result = run(depseudonymise_structured_job, "cut.csv", "back.csv", **options)

    assert "'born' was shifted by 'id'" in reason(result)


def test_a_world_readable_key_file_is_refused(run, root, reason):
    pseudonymised(run, root)
    before = files(root)
    (file,) = (root.parent / "keys").glob("clinic*")
    file.chmod(0o644)

    result = pseudonymised(run, root, target="again.csv")

    assert "is open to others (mode 0644)" in reason(result)
    assert files(root) == before


def test_an_unencryptable_value_fails_the_run_with_its_row_and_leaves_nothing(run, root, reason):
    content = CSV + "9,x@y.z,0047 12,2000-01-01,z\n"

    result = pseudonymised(run, root, content)

    assert "Column 'phone', row 3 (the first row is 0)" in reason(result)
    assert "0047 12" not in reason(result)
    assert files(root) == ["in.csv"]


@pytest.mark.parametrize(
    "option",
    [{"rules": RULES}, {"keyset": "clinic"}, {"domain": "x"}, {"unmatched": "keep"}],
    ids=str,
)
def test_a_policy_of_a_file_is_not_overridden_unawares(option):
    config = AnonymisePseudonymiseStructuredConfig(policy_file="policy.yaml", **option)

    with pytest.raises(PolicyError, match=f"'policy_file' and '{next(iter(option))}' are both"):
        policy_of(config, lambda _: b"{}")


def test_the_policy_may_be_a_file(run, root):
    (root / "policy.yaml").write_text(
        "keyset: clinic\ndomain: clinic-a\nunmatched: drop\nrules: {id: {technique: hash}}\n"
    )

    none = {"rules": {}, "keyset": "demo", "domain": "demo"}
    assert pseudonymised(run, root, policy_file="policy.yaml", **none).success
    assert rows((root / "out.csv").read_text())[0] == ["id"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"purpose": "curiosity"}, "purpose"),
        ({"requester": "eve"}, "'eve'"),
        ({"columns": ["id", "email"]}, "email"),
        ({"purpose": ""}, "purpose: is missing"),
        ({"columns": ["nobody"]}, "nobody"),
    ],
)
def test_what_was_not_approved_is_refused_and_audited(run, root, approval, reason, asked, sentence):
    pseudonymised(run, root)
    before = files(root)
    options = ASK | {"columns": ["id"], "approval": approval("out.csv", columns=("id",))} | asked

    result = run(depseudonymise_structured_job, "out.csv", "back.csv", **options)

    assert sentence in reason(result)
    assert files(root) == sorted([*before, "approval.token"])
    assert not audited(root, "reidentification")


def test_rows_and_columns_are_brought_back_as_approved_and_audited_before_and_after(
    run, root, approval
):
    pseudonymised(run, root)
    table = rows((root / "out.csv").read_text())
    (root / "rows.csv").write_text(f"id\n{table[2][0]}\n")
    token = approval("out.csv", columns=("id",), rows="rows.csv")

    result = run(
        depseudonymise_structured_job,
        "out.csv",
        "back.csv",
        columns=["id"],
        rows="rows.csv",
        approval=token,
        **ASK,
    )

    assert result.success
    assert rows((root / "back.csv").read_text()) == [table[0], ["08", *table[2][1:]]]
    before, after = audited(root, "reidentification")
    assert (before["phase"], after["phase"], after["outcome"]) == ("before", "after", "success")
    assert (after["requester"], after["purpose"]) == ("bob", "complaint 17")
    assert after["counts"] == {"rows_restored": 1}
    (approved,) = audited(root, "approval")
    assert approved["approval"] == before["approval"]


def test_a_changed_token_fails_the_way_back_with_its_row_and_leaves_nothing(
    run, root, approval, reason
):
    pseudonymised(run, root)
    file = root / "out.csv"
    table = rows(file.read_text())
    body = table[3][0]
    table[3][0] = body[:-6] + ("A" if body[-6] != "A" else "B") + body[-5:]
    with file.open("w", newline="") as opened:
        csv.writer(opened, lineterminator="\n").writerows(table)

    result = run(
        depseudonymise_structured_job, "out.csv", "back.csv", approval=approval("out.csv"), **ASK
    )

    assert "Column 'id', row 2" in reason(result)
    assert not (root / "back.csv").exists()
    assert [entry["outcome"] for entry in audited(root, "reidentification")[1:]] == ["failure"]


def test_a_rotated_key_and_another_domain_come_in_one_pass(run, root, approval):
    pseudonymised(run, root)
    provider = key_provider()
    provider.update("clinic", KeysetInfo.rotated)
    primary = Keyset.load("clinic").primary.id

    result = run(repseudonymise_structured_job, "out.csv", "new.csv", domain="clinic-b")
    back = run(
        depseudonymise_structured_job,
        "new.csv",
        "back.csv",
        approval=approval("new.csv"),
        domain="clinic-b",
        **ASK,
    )

    assert result.success
    assert back.success
    assert rows((root / "new.csv").read_text())[1][0].split(".")[1] == primary
    assert rows((root / "new.csv").read_text())[1][4].split(".")[:2] == ["tok1", primary]
    assert (root / "back.csv").read_text() == CSV


def test_a_rotation_leaves_no_token_of_the_former_key(run, root, approval):
    pseudonymised(run, root)
    key_provider().update("clinic", KeysetInfo.rotated)
    primary, former = (key.id for key in Keyset.load("clinic").keys)

    assert run(repseudonymise_structured_job, "out.csv", "new.csv").success
    key_provider().update("clinic", lambda info: info.disabled(former))
    back = run(
        depseudonymise_structured_job, "new.csv", "back.csv", approval=approval("new.csv"), **ASK
    )

    assert former not in (root / "new.csv").read_text()
    assert rows((root / "new.csv").read_text())[1][4].split(".")[1] == primary
    assert back.success
    assert (root / "back.csv").read_text() == CSV


def test_a_table_comes_under_another_keyset_and_keeps_what_was_hashed(run, root, approval):
    rules = RULES | {"note": {"technique": "hash"}}
    pseudonymised(run, root, rules=rules)
    key_provider().create(Keyset.generate("other"))

    result = run(
        repseudonymise_structured_job,
        "out.csv",
        "new.csv",
        keyset="other",
        approval=approval("out.csv", job="repseudonymise_structured_job"),
        **ASK,
    )
    back = run(
        depseudonymise_structured_job, "new.csv", "back.csv", approval=approval("new.csv"), **ASK
    )

    assert result.success
    assert back.success
    restored = rows((root / "back.csv").read_text())
    assert [row[:4] for row in restored] == [row[:4] for row in rows(CSV)]
    assert restored[1][4].startswith("mac1.")


def test_pseudonymising_anew_keeps_what_cannot_be_brought_back(run, root):
    rules = {name: {"technique": "hash"} for name in RULES} | {"id": {"technique": "encrypt"}}
    pseudonymised(run, root, rules=rules)

    result = run(
        repseudonymise_structured_job, "out.csv", "new.csv", rules={"id": {"technique": "hash"}}
    )

    assert result.success
    old, new = rows((root / "out.csv").read_text()), rows((root / "new.csv").read_text())
    assert [row[1:] for row in new] == [row[1:] for row in old]
    assert new[1][0].startswith("mac1.")
    facts = json.loads((root / "new.csv.report.json").read_text())["steps"][0]["facts"]
    assert facts["columns_kept"] == ["email", "phone", "born", "note"]


@pytest.mark.parametrize(
    ("options", "is_told"),
    [({}, False), ({"keyset": "demo"}, True), ({"domain": "demo"}, True)],
)
def test_a_warning_tells_of_real_data_under_what_is_for_the_sample(run, root, options, is_told):
    result = pseudonymised(
        run, root, rules={"id": {"technique": "hash"}}, unmatched="drop", **options
    )

    assert result.success
    report = json.loads((root / "out.csv.report.json").read_text())
    assert ("is for the bundled sample" in json.dumps(report)) == is_told


def test_the_default_config_lets_no_column_of_other_data_pass_unnamed(run, root, reason):
    config = anonymise_pseudonymise_structured_job.run_config["ops"]
    options = config["anonymise_pseudonymise_structured"]["config"]
    (root / "in.csv").write_text(
        (files_of("util_services") / "samples/patients.csv").read_text().replace("ward", "ssn", 1)
    )

    result = run(
        anonymise_pseudonymise_structured_job,
        "in.csv",
        "out.csv",
        **options | {"rules": {n: r for n, r in options["rules"].items() if n != "ward"}},
    )

    assert "There is no rule for 'ssn'" in reason(result)


def test_a_path_that_names_nothing_in_any_row_fails_without_output(run, root, reason):
    content = 'id,contact\n1,"{""tel"": ""123""}"\n2,\n'

    result = pseudonymised(
        run, root, content, rules={"contact -> $.tell": {"technique": "hash"}}, unmatched="keep"
    )

    assert "rules.contact -> $.tell: the path names nothing in any row" in reason(result)
    assert not list(root.glob("out.csv*"))


def test_pseudonymising_anew_is_no_way_back(run, root, approval, reason, monkeypatch):
    pseudonymised(run, root)
    key_provider().create(Keyset.generate("other"))

    shown = run(
        repseudonymise_structured_job,
        "out.csv",
        "new.csv",
        rules={"email": {"technique": "retain"}},
    )
    moved = run(repseudonymise_structured_job, "out.csv", "new.csv", keyset="other")
    unfit = run(
        repseudonymise_structured_job,
        "out.csv",
        "new.csv",
        keyset="other",
        approval=approval("out.csv"),
        **ASK,
    )
    monkeypatch.setenv("DATA_SERVICES_REIDENTIFICATION", "false")
    forbidden = run(repseudonymise_structured_job, "out.csv", "new.csv", keyset="other")

    assert "'retain' would show originals of 'email'" in reason(shown)
    assert "purpose: is missing" in reason(moved)
    assert not unfit.success
    assert "moves no pseudonyms to another keyset" in reason(forbidden)
    assert not list(root.glob("new.csv*"))


@pytest.mark.parametrize(
    "job", [anonymise_pseudonymise_structured_job, repseudonymise_structured_job]
)
def test_the_default_config_runs_on_the_sample(instance, root, job):
    result = job.execute_in_process(instance=instance, raise_on_error=False)

    assert result.success
    (out,) = root.glob("_test_runs/*/patients.csv")
    assert "@" in out.read_text()


def test_jobs_ask_their_host_for_what_they_need_alone():
    needs = {job.name: set(job.required_resource_keys) - {"io_manager"} for job in jobs.JOBS}
    assert needs["anonymise_pseudonymise_structured_job_s3"] == {"s3"}
    assert jobs.depseudonymise_structured_job_s3.resource_defs.keys() <= {"io_manager"}
    assert jobs.depseudonymise_structured_job_s3.required_resource_keys == {
        "s3",
        "io_manager",
        "reidentification_keys",
    }


def test_a_deployment_can_leave_out_the_way_back(monkeypatch):
    from field_pseudonymisation import plugin

    assert "reidentification_keys" in plugin.register_resources()
    monkeypatch.setenv("DATA_SERVICES_REIDENTIFICATION", "false")

    assert "reidentification_keys" not in plugin.register_resources()
    assert not [job for job in plugin.register_jobs() if job.name.startswith("depseudonymise")]
    with pytest.raises(ConfigurationError, match="brings no originals back"):
        ReidentificationKeys().load("clinic")
