"""One writer to a chain at a time, and a chain that stays whole whatever happens to writers."""

import json
import logging
import os
import threading
from contextlib import suppress

import jsonschema
import pytest

from util_services.audit import writer as writer_module
from util_services.audit.errors import AuditError
from util_services.audit.place import segments_in
from util_services.audit.record import WorkRecord

TEA = WorkRecord("tea").to_dict()


def kinds(audit):
    return [record["kind"] for record in audit.records()]


def test_a_process_goes_on_with_the_chain_that_another_has_left(audit):
    audit.write(2)
    audit.write(1)

    assert len(audit.files()) == 1
    assert kinds(audit) == ["opened", "work", "work", "continued", "work"]
    assert [record["sequence"] for record in audit.records()] == [1, 2, 3, 4, 5]
    assert audit.verify().is_whole


def test_writers_at_the_same_time_have_a_chain_each(audit):
    first, second = audit.writer(), audit.writer()

    first.append("work", TEA)
    second.append("work", TEA)
    first.append("work", TEA)

    assert [len(audit.lines(file)) for file in audit.files()] in ([3, 2], [2, 3])
    assert audit.verify().is_whole


def test_a_new_writer_is_a_witness_of_the_other_chains(audit):
    first, second = audit.writer(), audit.writer()
    seen = first.append("work", TEA)

    second.append("work", TEA)

    [opening] = [r for r in audit.records() if r["kind"] == "opened" and r["heads"]]
    assert opening["heads"] == [str(seen)]


def test_threads_of_a_process_share_its_chain(audit):
    shared = audit.writer()

    def write():
        audit.write(25, shared)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [record["sequence"] for record in audit.records()] == list(range(1, 102))
    assert audit.verify().is_whole


@pytest.mark.parametrize("cut", [2, 80, 200])
def test_a_line_cut_short_is_closed_by_the_next_writer_and_explained(audit, cut):
    audit.write(2)
    *_, last = lines = audit.lines()
    audit.put([*lines[:-1], last[:-cut]])

    [note] = audit.verify().notes
    audit.write(1)

    assert str(note).endswith(
        "line 3: the end of the file was cut off or not finished, as when a writer is killed or "
        "finds the disk full; the next writer goes on after it. Whether a confirmed record stood "
        "there, the files cannot show; a link kept elsewhere would."
    )
    found = audit.verify()
    assert found.is_whole
    assert found.records == 4
    [explained] = found.notes
    assert (explained.line, "accounts for what is left" in explained.text) == (3, True)


def test_a_record_that_lacks_nothing_but_the_end_of_its_line_counts(audit):
    audit.write(2)
    *_, last = lines = audit.lines()
    audit.put([*lines[:-1], last[:-1]])

    assert audit.verify().records == 3
    audit.write(1)

    found = audit.verify()
    assert (found.is_whole, found.records, found.notes) == (True, 5, [])


def test_a_line_cut_short_twice_is_explained_too(audit):
    audit.write(1)
    for _ in range(2):
        with audit.files()[0].open("ab") as file:
            file.write(b'{"schema":1,"cha')
        with audit.files()[0].open("ab") as file:
            file.write(b"\n")
    audit.write(1)

    assert audit.verify().is_whole
    assert audit.found() == []


GARBAGE = {
    "zeros": bytes(4096),
    "no text": b"\xff\xfe",
    "a text": b"tea",
    "another record": b'{"schema":1,"chain":"host-0123456789ab-0123456789ab","seq',
    "the former record": None,
    "a record with a zero": b'{"schema":1,"chain":"\0',
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_what_no_writer_leaves_is_broken_and_passed_over(audit, garbage):
    audit.write(1)
    with audit.files()[0].open("ab") as file:
        file.write(audit.lines()[-1][:200] if garbage is None else garbage)

    assert audit.found() == [(3, "changed")]
    audit.write(1)

    assert audit.found() == [(3, "changed")]
    assert len(audit.files()) == 2


def test_whether_a_confirmed_record_was_cut_off_a_link_tells(audit):
    *_, last = audit.write(2)
    *lines, end = audit.lines()
    audit.put([*lines, end[:80]])

    assert audit.found() == []
    assert audit.found(last) == [(3, "cut")]
    audit.write(1)
    assert audit.found() == []
    assert "the files cannot show" in audit.verify().notes[0].text
    assert audit.found(last) == [(4, "rewritten")]


def test_a_changed_last_record_is_not_passed_off_as_one_cut_short(audit):
    audit.write(2)
    *_, last = lines = audit.lines()
    audit.put([*lines[:-1], last.replace(b"tea", b"ale")])

    audit.write(1)

    assert len(audit.files()) == 2
    assert audit.found() == [(3, "changed")]


def test_a_chain_goes_on_in_the_next_file_when_one_is_long(audit):
    audit.write(10, segment_bytes=1500)

    names = [file.name for file in audit.files()]
    assert len(names) > 2
    assert [name.split(".")[1] for name in names] == [
        f"{number:06d}" for number in range(1, len(names) + 1)
    ]
    assert kinds(audit).count("rotated") == len(names) - 1
    assert audit.verify().is_whole
    audit.write(1)
    assert len(audit.files()) == len(names)
    assert audit.verify().is_whole


def test_a_chain_goes_on_in_the_next_file_when_one_is_old(audit, monkeypatch):
    monkeypatch.setattr(writer_module, "now", lambda: "2001-01-01T00:00:00.000Z")
    audit.write(1)
    monkeypatch.undo()

    audit.write(2)

    assert kinds(audit) == ["opened", "work", "continued", "rotated", "work", "work"]
    assert audit.verify().is_whole


@pytest.mark.parametrize("interrupted", ["sealed", "write", "fsync"])
def test_an_interrupt_in_the_middle_of_a_record_breaks_no_chain(audit, monkeypatch, interrupted):
    chosen = audit.writer()
    audit.write(1, chosen)
    module = writer_module if interrupted == "sealed" else os
    function = getattr(module, interrupted)

    def interrupt(*arguments):
        monkeypatch.undo()
        function(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, interrupted, interrupt)
    with pytest.raises(KeyboardInterrupt):
        chosen.append("work", TEA)
    audit.write(1, chosen)

    assert len(audit.files()) == 1
    assert audit.verify().is_whole


def test_a_chain_that_went_on_elsewhere_meanwhile_is_not_taken(audit, monkeypatch):
    audit.write(4, segment_bytes=900)
    first, *others = segments_in(audit.directory)
    assert others

    monkeypatch.setattr(writer_module, "segments_in", lambda _: [first])
    audit.write(1)

    assert audit.verify().is_whole
    assert len(audit.verify().chains) == 2


@pytest.mark.parametrize("change", ["removed", "cut", "longer", "replaced"])
def test_a_file_changed_under_the_writer_is_left_with_a_witness(audit, change, caplog):
    chosen = audit.writer()
    audit.write(2, chosen)
    [file] = audit.files()
    content = file.read_bytes()
    match change:
        case "removed":
            file.unlink()
        case "cut":
            os.truncate(file, content.rindex(b"\n", 0, -1) + 1)
        case "longer":
            file.write_bytes(content + b"{}\n")
        case "replaced":
            file.unlink()
            file.write_bytes(content)

    with caplog.at_level(logging.WARNING):
        audit.write(1, chosen)

    assert "was changed or removed from outside" in caplog.text
    kind = {"removed": "chain_missing", "cut": "cut", "longer": "changed"}.get(change)
    assert [found for _, found in audit.found()] == ([kind] if kind else [])


def test_a_full_disk_is_one_sentence_and_nothing_is_left_behind(audit, small_disk):
    audit.directory = small_disk / "audit"
    chosen = audit.writer()
    audit.write(1, chosen)
    filling = small_disk / "filling"
    _fill(filling)

    with pytest.raises(AuditError, match=r"cannot be written to .* \(No space left on device\)"):
        audit.write(100, chosen)
    filling.unlink()
    audit.write(1, chosen)

    found = audit.verify()
    assert (found.is_whole, found.notes) == (True, [])


def test_a_disk_that_is_full_from_the_beginning_gets_no_empty_files(audit, small_disk):
    audit.directory = small_disk / "audit"
    audit.directory.mkdir()
    _fill(small_disk / "filling")

    with pytest.raises(AuditError, match="No space left on device"):
        audit.write(1, audit.writer())

    assert audit.files() == []


def test_a_copy_of_the_process_has_a_chain_of_its_own(audit, in_environment):
    before = writer_module.writer().append("work", TEA)

    child = os.fork()
    if child == 0:
        writer_module.writer().append("work", TEA)
        os._exit(0)
    os.waitpid(child, 0)
    after = writer_module.writer().append("work", TEA)

    assert (after.chain, after.sequence) == (before.chain, before.sequence + 1)
    assert len(audit.files()) == 2
    assert audit.verify().is_whole


def test_every_line_keeps_the_published_schema(audit, record_schema):
    one, other = audit.writer(segment_bytes=900), audit.writer()
    audit.write(3, one)
    audit.write(1, other)
    retired = one.append("retired", {"through": str(audit.write(1, one)[0]), "segment": 1})
    one.close()
    *_, last = (file for file in audit.files() if file.name.startswith(retired.chain))
    with last.open("ab") as file:
        file.write(b"{")
    audit.write(1)

    validator = jsonschema.Draft202012Validator(record_schema)
    lines = [line for file in audit.files() for line in audit.lines(file) if line != b"{\n"]
    for line in lines:
        validator.validate(json.loads(line))
    found = {json.loads(line)["kind"] for line in lines}
    assert found == {"opened", "continued", "rotated", "retired", "work"}


def _fill(file):
    with suppress(OSError), file.open("wb", buffering=0) as opened:
        while opened.write(bytes(512)):
            pass
