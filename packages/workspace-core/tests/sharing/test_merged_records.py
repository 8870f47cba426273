"""Records of two copies: unions of files, and of fields; what both have changed is told of."""

import json

from workspace_core.sharing.merging import merge_lines, merge_records
from workspace_core.store.durable import json_bytes

ONE, TWO = "1" * 64, "2" * 64


def snapshot(hashval):
    return {f"snapshots/{hashval}.json": json_bytes({"schema": 1, "hash": hashval})}


def tag(name, hashval):
    return {f"tags/{name}.json": json_bytes({"schema": 1, "snapshot": hashval})}


def deleted(hashval):
    return {f"deleted/{hashval}.json": json_bytes({"schema": 1, "snapshot_number": 1})}


def test_snapshots_of_both_are_there_afterwards():
    merged = merge_records({}, snapshot(ONE), snapshot(TWO) | tag("best", TWO))

    assert merged.conflicts == []
    assert merged.files == snapshot(ONE) | snapshot(TWO) | tag("best", TWO)


def test_a_deletion_wins_over_a_snapshot_that_nobody_has_touched_since():
    base = snapshot(ONE) | tag("old", ONE)

    assert merge_records(base, base, deleted(ONE)).files == deleted(ONE)
    assert merge_records(base, deleted(ONE), base).files == deleted(ONE)


def test_a_snapshot_that_was_tagged_on_one_side_and_deleted_on_the_other_stays():
    base = snapshot(ONE)
    tagged = base | tag("keep", ONE)

    assert merge_records(base, tagged, deleted(ONE)).files == tagged
    assert merge_records(base, deleted(ONE), tagged).files == tagged


def test_fields_that_each_side_has_set_for_itself_are_united():
    base, ours, theirs = (
        {"config.json": json_bytes({"schema": 1, "global_params": params})}
        for params in ({"a": 1}, {"a": 1, "b": 2}, {"a": 3})
    )

    merged = merge_records(base, ours, theirs)

    assert merged.conflicts == []
    assert json.loads(merged.files["config.json"])["global_params"] == {"a": 3, "b": 2}


def test_a_field_that_both_have_set_is_named_and_chosen():
    base, ours, theirs = (
        {"resources/raw.json": json_bytes({"schema": 1, "export": value})} for value in (0, 1, 2)
    )

    for choice, value in (("ours", 1), ("theirs", 2)):
        merged = merge_records(base, ours, theirs, choice)
        assert merged.conflicts == ["resource raw: export"]
        assert json.loads(merged.files["resources/raw.json"])["export"] == value


def test_one_resource_that_both_have_added_alike_is_no_conflict():
    ours, theirs = (
        {"resources/raw.json": json_bytes({"schema": 1, "added": added, "role": "code"})}
        for added in ("2026-01-02", "2026-01-01")
    )

    merged = merge_records({}, ours, theirs)

    assert merged.conflicts == []
    assert merged.files == theirs


def test_ignored_folders_of_both_are_ignored_afterwards():
    merged = merge_lines(b"/gone/\n/raw/\n", b"/gone/\n/raw/\n/ours/\n", b"/raw/\n/theirs/\n")

    assert merged == b"/raw/\n/ours/\n/theirs/\n"
