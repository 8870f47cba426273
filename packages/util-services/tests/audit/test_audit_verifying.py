"""Whatever is done to the files without the key is found, and the first broken link is named."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.audit import verify as verifying
from util_services.audit.anchors import anchor_in_report
from util_services.audit.chain import Link, sealed
from util_services.audit.errors import AuditError, BrokenAuditError
from util_services.audit.record import WorkRecord
from util_services.audit.verify import verify
from util_services.errors import ConfigurationError


def test_a_whole_audit_is_whole(audit):
    links = audit.write(5)
    audit.write(5)

    found = audit.verify(links[-1])

    assert found.is_whole
    assert (len(found.chains), found.records, found.anchors) == (1, 12, 1)
    found.require_whole()


def test_an_edited_record_is_found(audit):
    audit.write(5)
    lines = audit.lines()
    lines[3] = lines[3].replace(b"success", b"failure")
    audit.put(lines)

    [finding] = audit.verify().findings

    assert finding.line == 4
    assert str(finding) == (
        f"{audit.files()[0].name}, line 4: the record was changed, or was written without the key."
    )
    with pytest.raises(BrokenAuditError, match=r"The audit is broken at .*, line 4: the record"):
        audit.verify().require_whole()


TAMPERED = {
    "deleted": (lambda lines: lines[:2] + lines[3:], (3, "missing")),
    "several deleted": (lambda lines: lines[:2] + lines[5:], (3, "missing")),
    "first deleted": (lambda lines: lines[1:], (1, "unknown_key")),
    "swapped": (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], (3, "missing")),
    "repeated": (lambda lines: [*lines[:3], lines[2], *lines[3:]], (4, "order")),
    "moved to the end": (lambda lines: [*lines[:2], *lines[3:], lines[2]], (3, "missing")),
    "inserted": (lambda lines: [*lines[:3], b"{}\n", *lines[3:]], (4, "changed")),
    "cut within": (lambda lines: [*lines[:3], lines[3][:50] + b"\n", *lines[4:]], (4, "changed")),
    "joined": (lambda lines: [*lines[:3], lines[3][:-1], *lines[4:]], (4, "changed")),
    "another space": (lambda lines: [*lines[:3], b" " + lines[3], *lines[4:]], (4, "changed")),
    "an endless line": (lambda lines: [*lines[:3], b"x" * 500_000, *lines[3:]], (4, "changed")),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "expected"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_done_to_lines_is_found_at_the_first_of_them(audit, tamper, expected):
    audit.write(7)
    audit.put(tamper(audit.lines()))

    assert audit.found() == [expected]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_other_order_or_choice_of_lines_is_found_by_a_kept_head(audit, data):
    shutil.rmtree(audit.directory, ignore_errors=True)
    head = audit.write(6)[-1]
    lines = audit.lines()
    kept = data.draw(st.lists(st.sampled_from(lines), max_size=8).filter(lambda k: k != lines))

    audit.put(kept)

    assert len(audit.found(head)) == 1


def test_missing_records_are_counted(audit):
    audit.write(7)
    lines = audit.lines()
    audit.put(lines[:2] + lines[5:])

    [finding] = audit.verify().findings

    assert finding.reason == "record 6 stands here, and records 3 to 5 are missing before it."


def test_a_cut_end_is_found_by_who_keeps_a_link(audit):
    links = audit.write(5)
    audit.put(audit.lines()[:3])

    assert audit.found() == []  # the files alone cannot know
    assert audit.found(links[0], links[-1]) == [(4, "cut")]
    [finding] = audit.verify(links[-1]).findings
    assert "run 1 knows record 6; 3 are left, its end was cut off" in finding.reason


def test_a_cut_end_is_found_though_the_chain_went_on(audit):
    links = audit.write(5)
    audit.put(audit.lines()[:3])
    audit.write(5)

    assert audit.found(links[-1]) == [(6, "rewritten")]
    assert audit.found(*links) == [(4, "rewritten")]


def test_a_record_of_a_history_that_was_given_up_is_found(audit):
    audit.write(4)
    lines = audit.lines()
    audit.put(lines[:3])
    audit.write(3)
    assert audit.found() == []
    anew = audit.lines()

    audit.put([*anew[:4], lines[4], *anew[5:]])

    assert audit.found() == [(5, "rewritten")]


def test_a_removed_chain_is_found_by_who_keeps_a_link(audit):
    links = audit.write(2)
    audit.files()[0].unlink()

    [finding] = audit.verify(*links).findings

    assert finding.kind == "chain_missing"
    assert finding.reason == "the chain is missing; run 1 knows its record 2."


def test_a_removed_or_cut_chain_is_found_by_the_other_chains(audit):
    one, other = audit.writer(), audit.writer()
    first = audit.write(3, one)[-1]
    audit.write(1, other)
    [file] = [file for file in audit.files() if file.name.startswith(first.chain)]
    content = audit.lines(file)

    audit.put(content[:-1], file)
    assert audit.found() == [(4, "cut")]
    file.unlink()
    assert audit.found() == [(None, "chain_missing")]


def rebuilt(audit, key):
    """Write all records anew with another text, as somebody who has a key can."""
    lines, previous = [], ""
    for record in audit.records():
        fields = {name: value for name, value in record.items() if name != "mac"}
        fields |= {"key": key.id} if "key" in fields else {}
        fields |= {"purpose": "a better one"} if fields["kind"] == "work" else {}
        chain, sequence = fields.pop("chain"), fields.pop("sequence")
        del fields["schema"], fields["previous"]
        line, link = sealed(chain, sequence, previous, fields, key)
        lines.append(line)
        previous = link.mac
    return lines


def test_a_chain_rebuilt_without_the_key_is_found(audit):
    audit.write(4)
    own = audit.key
    audit.rotate()
    audit.put(rebuilt(audit, audit.key))
    audit.key = own

    assert audit.found() == [(1, "unknown_key")]


def test_a_chain_rebuilt_with_the_key_is_found_by_who_keeps_a_link(audit):
    links = audit.write(4)
    audit.put(rebuilt(audit, audit.key))

    assert audit.found() == []
    assert audit.found(links[2]) == [(4, "rewritten")]


def test_a_file_of_another_chain_is_found(audit):
    one, other = audit.writer(), audit.writer()
    audit.write(2, one)
    audit.write(2, other)
    first, second = audit.files()
    shutil.copy(first, second)

    assert audit.found()[0] == (1, "foreign")


def test_a_missing_file_in_the_middle_and_at_the_beginning_are_found(audit):
    audit.write(12, segment_bytes=900)
    first, second, *_ = files = audit.files()
    assert len(files) > 3

    content = second.read_bytes()
    second.unlink()
    assert audit.found() == [(None, "segment_missing")]
    second.write_bytes(content)
    first.unlink()
    assert audit.found() == [(1, "missing")]


def test_an_empty_file_of_a_writer_that_died_at_once_is_no_fault(audit):
    audit.write(1)
    (audit.directory / "host-0123456789ab-0123456789ab.000001.jsonl").touch()

    assert audit.found() == []


def test_a_file_emptied_later_is_found_by_who_keeps_a_link(audit):
    links = audit.write(1)
    audit.put([])

    assert audit.found(*links) == [(1, "cut")]


def test_former_keys_verify_what_was_written_with_them(audit):
    audit.write(2)
    former = audit.rotate()
    audit.write(2)

    assert len(audit.files()) == 2
    assert audit.found(keys=[audit.key, former]) == []
    assert audit.found(keys=[audit.key]) == [(1, "unknown_key")]


def test_work_that_was_begun_and_not_ended_is_open_wherever_its_end_is(audit):
    one, other = audit.writer(), audit.writer()
    begun = [WorkRecord("run", job=f"job {number}", user="ada") for number in range(3)]
    for entry in begun:
        one.append("work", entry.to_dict())
    other.append("work", begun[0].after("success").to_dict())
    one.append("work", begun[1].after("cancelled").to_dict())

    assert [(open_.work, open_.job) for open_ in audit.verify().open.values()] == [
        (begun[2].work, "job 2")
    ]


def test_writers_at_work_meanwhile_are_no_fault(audit, monkeypatch):
    writers = [audit.writer(), audit.writer()]
    begun = [(audit.write(1, chosen)[0], chosen) for chosen in writers]
    links, (first, second) = zip(*sorted(begun, key=lambda one: one[0].chain), strict=True)
    read_chains, is_written = verifying.read_chains, []

    def read_slowly(found, *keys):
        for line in read_chains(found, *keys):
            yield line
            # The first chain has been read, and the second is about to be.
            if line.file.startswith(links[1].chain) and not is_written:
                is_written.append(True)
                audit.write(3, first)
                second.close()
                audit.write(1, second)  # a witness of what was not there yet

    monkeypatch.setattr(verifying, "read_chains", read_slowly)

    assert audit.found(*links) == []
    assert is_written
    assert audit.records()[-2]["heads"]


def test_without_a_key_or_a_folder_nothing_can_be_verified(audit, tmp_path):
    audit.write(1)

    with pytest.raises(AuditError, match="cannot be verified without the keyset 'audit'"):
        audit.verify(keys=[])
    with pytest.raises(AuditError, match="There is no audit in"):
        verify(tmp_path / "absent", [audit.key])


def test_a_report_keeps_the_link_of_the_beginning_of_its_run(tmp_path):
    link = Link("host-0123456789ab-0123456789ab", 2, "ab" * 32)
    report = tmp_path / "out.csv.report.json"
    report.write_text(json.dumps({"run": {"audit": str(link)}}))

    kept = anchor_in_report(report)

    assert kept.link == link
    assert kept.keeper == "the report 'out.csv.report.json'"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": {"audit": ""}}', '{"run": 1}'])
def test_a_file_that_is_no_report_is_refused(tmp_path, content):
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(ConfigurationError, match="is no report of a run with a link"):
        anchor_in_report(file)


def test_what_was_written_with_a_disabled_key_cannot_be_verified_and_is_not_called_broken(audit):
    audit.write(2)
    former = audit.rotate()

    with pytest.raises(AuditError) as refusal:
        verify(audit.directory, [audit.key], unusable={former.id: "disabled"})

    assert str(refusal.value) == (
        f"The audit cannot be verified: '{audit.files()[0].name}' was written with the key "
        f"'{former.id}' of the keyset 'audit', which is disabled; enable it with 'data-services "
        f"keys enable audit {former.id}'."
    )


def test_of_a_destroyed_key_it_is_said_that_it_was_destroyed(audit):
    audit.write(2)
    former = audit.rotate()

    [finding] = verify(audit.directory, [audit.key], unusable={former.id: "destroyed"}).findings

    assert f"the key '{former.id}', which was destroyed" in finding.reason
