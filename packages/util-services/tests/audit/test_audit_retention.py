"""What has outlived its time goes, and the chains stay whole."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from util_services.audit import retention
from util_services.audit import writer as writer_module
from util_services.audit.chain import Link
from util_services.audit.errors import AuditError
from util_services.audit.record import WorkRecord
from util_services.audit.retention import prune, retention_days
from util_services.audit.verify import RETIRED
from util_services.errors import ConfigurationError

DAYS = 30


@pytest.fixture
def at(monkeypatch):
    """Return a function that lets records be written as if some days ago."""

    def set_time(days_ago):
        then = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="milliseconds")
        monkeypatch.setattr(writer_module, "now", lambda: then.replace("+00:00", "Z"))

    return set_time


@pytest.fixture
def long_ago(at, monkeypatch):
    """Let records be written as if that were a year ago, until that is undone."""
    at(days_ago=365)
    return monkeypatch


def test_old_files_go_and_the_chain_is_whole(audit, long_ago):
    links = audit.write(12, segment_bytes=900)
    long_ago.undo()
    before = audit.files()
    contents = [audit.lines(file) for file in before]
    chosen = audit.writer()
    audit.write(1, chosen)

    pruned = prune(chosen, [audit.key], DAYS)

    *gone, last = before  # which the chain went on in
    assert pruned.files == tuple(file.name for file in gone)
    assert pruned.records == sum(len(lines) for lines in contents[:-1])
    assert set(before) & set(audit.files()) == {last}
    assert audit.found(*links) == []


def test_the_rest_of_a_chain_begins_where_the_statement_leaves_off(audit, long_ago):
    links = audit.write(6, segment_bytes=900)
    long_ago.undo()
    links += audit.write(2)
    first, *_ = audit.files()

    pruned = prune(audit.writer(), [audit.key], DAYS)

    assert pruned.files[0] == first.name
    assert audit.files()[0].name > first.name
    assert audit.found(*links) == []
    audit.files()[0].unlink()
    assert audit.found() != []


def test_more_than_was_stated_may_not_be_missing(audit, long_ago):
    audit.write(12, segment_bytes=900)
    long_ago.undo()
    audit.write(6, segment_bytes=900)
    prune(audit.writer(), [audit.key], DAYS)
    assert audit.found() == []

    first, *others = audit.files()
    assert len(others) > 1
    first.unlink()

    assert audit.found() == [(1, "missing")]


def test_statements_outlive_the_files_that_they_stand_in(audit, at):
    one, other = audit.writer(), audit.writer(segment_bytes=1)
    at(days_ago=365)
    links = audit.write(2, one)
    at(days_ago=300)
    audit.write(1, other)
    one.close()
    assert len(prune(other, [audit.key], 330).files) == 1
    [stated] = audit.verify().statements.values()

    at(days_ago=100)
    audit.write(2, other)
    prune(other, [audit.key], 200)

    [stated_anew] = [s for s in audit.verify().statements.values() if s.chain == links[0].chain]
    assert stated_anew.link == stated.link
    assert stated_anew.place.sequence > stated.place.sequence
    assert not any(file.name.startswith(links[0].chain) for file in audit.files())
    assert audit.found(*links) == []


def test_a_record_that_was_removed_cannot_have_been_another_one(audit, at):
    one, other = audit.writer(), audit.writer()
    at(days_ago=365)
    *_, last = audit.write(2, one)
    one.close()
    at(days_ago=0)
    prune(other, [audit.key], DAYS)

    assert audit.found(last) == []
    assert audit.found(replace(last, mac="0" * 64)) == [(None, "rewritten")]
    assert audit.found(replace(last, sequence=9)) == [(None, "chain_missing")]


def test_a_statement_about_another_record_accounts_for_nothing(audit):
    audit.write(4, segment_bytes=900)
    first, *_ = audit.files()
    *_, last = audit.lines(first)
    record = json.loads(last)
    link = Link(record["chain"], record["sequence"], record["mac"])
    chosen = audit.writer()

    chosen.append(RETIRED, {"through": str(replace(link, mac="0" * 64)), "segment": 1})
    first.unlink()
    assert audit.found() == [(1, "missing")]
    chosen.append(RETIRED, {"through": str(link), "segment": 1})
    assert audit.found() == []


def test_work_that_is_open_keeps_its_file(audit, long_ago):
    chosen = audit.writer()
    chosen.append("work", WorkRecord("run").to_dict())
    chosen.close()
    long_ago.undo()

    assert prune(audit.writer(), [audit.key], DAYS).files == ()


def test_a_file_that_another_writer_holds_stays(audit, long_ago):
    audit.write(2, audit.writer())
    long_ago.undo()

    assert prune(audit.writer(), [audit.key], DAYS).files == ()


def test_nothing_is_removed_from_a_broken_audit(audit, long_ago):
    audit.write(3)
    long_ago.undo()
    audit.put(audit.lines()[:1] + audit.lines()[2:])

    with pytest.raises(AuditError, match="Nothing is removed from an audit that is broken"):
        prune(audit.writer(), [audit.key], DAYS)
    assert len(audit.files()) == 1


def test_a_removal_that_was_interrupted_leaves_the_audit_whole(audit, long_ago):
    links = audit.write(12, segment_bytes=900)
    long_ago.undo()

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    long_ago.setattr("pathlib.Path.unlink", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prune(audit.writer(), [audit.key], DAYS)
    long_ago.undo()
    audit.close()

    assert audit.found(*links) == []
    prune(audit.writer(), [audit.key], DAYS)
    assert audit.found(*links) == []


@pytest.mark.parametrize(("text", "days"), [("", None), ("30", 30)])
def test_the_time_of_retention_is_a_setting(monkeypatch, text, days):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_RETENTION_DAYS", text)

    assert retention_days() == days


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5"])
def test_a_time_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_RETENTION_DAYS", text)

    with pytest.raises(ConfigurationError, match="must be a whole number of days"):
        retention_days()


def test_the_removal_is_recorded_itself(audit, at, in_environment):
    at(days_ago=365)
    audit.write(2)
    at(days_ago=0)
    retention.prune_recorded(DAYS, "ada")

    writer_module.writer().close()
    work = [record for record in audit.records() if record["kind"] == "work"]
    assert [record.get("outcome") for record in work][-2:] == [None, "success"]
    assert {record["action"] for record in work[-2:]} == {"audit.prune"}
    assert audit.found() == []
