"""A loss that somebody stands for is told, and is no broken link; any other break is one still."""

from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from util_services.audit import losses as losses_module
from util_services.audit import writer as writer_module
from util_services.audit.acknowledging import acknowledge_recorded
from util_services.audit.errors import AuditError
from util_services.audit.retention import prune
from util_services.audit.writer import writer

REASON = "the disk of May broke"


def acknowledge(audit, *links):
    told = acknowledge_recorded(audit.verify(*links), REASON, "ada")
    writer().close()
    return told


def test_a_missing_chain_is_a_note_once_it_is_acknowledged(audit, in_environment):
    links = audit.write(3)
    audit.files()[0].unlink()

    [loss] = acknowledge(audit, links[0], links[-1])

    found = audit.verify(*links)
    assert found.is_whole
    assert (loss.chain, loss.is_whole, loss.links) == (links[0].chain, True, (links[0], links[-1]))
    [note] = found.notes
    assert note.text.startswith(
        f"acknowledged loss: the chain '{links[0].chain}' is missing up to its record 4 at least "
        "(2 links kept elsewhere); ada on 2"
    )
    assert note.text.endswith(f": {REASON}.")
    [told] = found.to_dict()["acknowledged"]
    assert told["lost"]["links"] == [str(links[0]), str(links[-1])]
    work = [record for record in audit.records() if record.get("action") == "audit.acknowledge"]
    assert [(one["user"], one["purpose"]) for one in work] == [("ada", REASON)] * 2


def test_what_a_restored_backup_lacks_can_be_acknowledged(audit, in_environment):
    links = audit.write(5)
    audit.put(audit.lines()[:3])
    links += audit.write(2)  # the chain goes on from the backup

    acknowledge(audit, *links)

    assert audit.found(*links) == []
    assert "are not those once written" in audit.verify(*links).notes[0].text


def test_another_break_later_is_a_broken_link_still(audit, in_environment):
    lost = audit.write(3)
    audit.files()[0].unlink()
    acknowledge(audit, *lost)
    links = audit.write(4)
    [file] = audit.files()
    content = audit.lines()

    audit.put(content[:-1])
    assert [kind for _, kind in audit.found(*lost, links[-1])] == ["cut"]
    audit.put([*content[:-2], content[-1]])
    assert [kind for _, kind in audit.found(*lost)] == ["missing"]
    file.unlink()
    found = audit.verify(*lost, *links)
    assert {finding.kind for finding in found.findings} == {"chain_missing"}
    assert len(found.findings) == 2  # the acknowledgement is gone too


def test_links_of_a_chain_that_was_cut_again_are_not_acknowledged(audit, in_environment):
    first = audit.write(5)
    audit.put(audit.lines()[:3])
    acknowledge(audit, *first)
    anew = audit.write(3)
    kept = audit.lines()
    assert audit.found(*first, *anew) == []

    audit.put(kept[:-1])

    assert [kind for _, kind in audit.found(*first, *anew)] == ["cut"]


def test_a_later_link_beyond_what_was_lost_is_news(audit, in_environment):
    links = audit.write(5)
    audit.files()[0].unlink()
    acknowledge(audit, links[0], links[2])

    assert audit.found(links[1]) == []  # such as that of a report that turns up
    assert audit.found(links[4]) == [(None, "chain_missing")]


def test_an_edited_record_cannot_be_acknowledged(audit, in_environment):
    links = audit.write(5)
    lines = audit.lines()
    lines[3] = lines[3].replace(b"success", b"failure")
    audit.put(lines)

    with pytest.raises(AuditError, match=r"There is no loss to acknowledge: .*line 4: the record"):
        acknowledge(audit, *links)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_loss_without_a_reason_is_not_acknowledged(audit, in_environment, reason):
    links = audit.write(1)
    audit.files()[0].unlink()

    with pytest.raises(AuditError, match="acknowledged with a reason"):
        acknowledge_recorded(audit.verify(*links), reason, "ada")


def test_many_links_take_several_records_of_the_published_form(
    audit, in_environment, record_schema, monkeypatch
):
    monkeypatch.setattr(losses_module, "MAX_LINKS", 2)
    links = audit.write(5)
    audit.files()[0].unlink()

    acknowledge(audit, *links)

    told = [record for record in audit.records() if record["kind"] == "acknowledged"]
    assert [len(record["lost"]["links"]) for record in told] == [2, 2, 1]
    for record in told:
        jsonschema.Draft202012Validator(record_schema).validate(record)
    assert audit.found(*links) == []


def test_a_record_full_of_links_is_not_too_long(audit, in_environment):
    first, *_ = audit.write(1)
    audit.files()[0].unlink()
    chain = "h" * 40 + first.chain[-26:]
    many = [
        losses_module.Link(chain, 10**9 + number, "f" * 64)
        for number in range(losses_module.MAX_LINKS)
    ]

    acknowledge(audit, *many)

    assert audit.found(*many) == []


def test_an_acknowledgement_outlives_the_file_that_it_stands_in(audit, in_environment, monkeypatch):
    lost = audit.write(2)
    audit.files()[0].unlink()
    chosen = audit.writer()
    audit.write(1, chosen)
    former = set(audit.files())
    with monkeypatch.context() as long_ago:
        then = (datetime.now(UTC) - timedelta(days=365)).isoformat(timespec="milliseconds")
        long_ago.setattr(writer_module, "now", lambda: then.replace("+00:00", "Z"))
        acknowledge(audit, *lost)
    [old] = set(audit.files()) - former

    pruned = prune(chosen, [audit.key], 30)

    assert pruned.files == (old.name,)
    assert audit.found(*lost) == []
    [told] = audit.verify(*lost).acknowledged
    assert (told.reason, told.user) == (REASON, "ada")
