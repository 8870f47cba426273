import json

import pyarrow as pa
import pytest

from util_services.errors import DatasetError


def lines(*objects):
    return "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects).encode()


def refusal(flow, content):
    with pytest.raises(DatasetError) as refused:
        flow.read(flow.put("in.jsonl", content))
    return str(refused.value)


@pytest.mark.parametrize(
    "objects",
    [
        [{"a": "2024-01-01", "b": "007", "c": "NA", "d": "true", "e": "2.50", "f": ""}],
        [{"a": "2024-01-01T00:00:00Z", "b": "550e8400-e29b-41d4-a716-446655440000"}],
        [{"a": 9007199254740993}, {"a": None}, {"a": 2**63 - 1}, {"a": -(2**63)}],
        [{"a": 2**63}, {"a": -1}, {"a": None}],
        [{"a": 2**64}, {"a": 10**37}],
        [{"a": -(2**63) - 1}],
        [{"a": 9007199254740993}, {"a": 1.5}],
        [{"a": 10**40}],
        [{"a": {"x": 12345678901234567890, "y": [1, 2]}}, {"a": None}],
        [{"a": {"x": 1, "y": {"z": "é😀"}}}],
        [{"a": [1, 2]}, {"a": []}, {"a": None}],
        [{"a": 1}, {"a": "x"}, {"a": True}],
        [{"a": True}, {"a": False}, {"a": None}],
        [{"a": 1.5}, {"a": 0.1}, {"a": 1e300}],
        [{"a": "\0x\n\r\t\u2028"}],
        [{"a b": 1, 'c"d': 2, "e\nf": 3, "g'h": 4}],
        [{"a": None}],
    ],
)
def test_values_come_out_as_they_went_in(flow, objects):
    flow.run(flow.put("in.jsonl", lines(*objects)), "out.jsonl")

    assert [json.loads(line) for line in flow.get("out.jsonl").splitlines()] == objects


@pytest.mark.parametrize(
    ("objects", "kind"),
    [
        ([{"a": 1}, {}, {"a": None}], "int64"),
        ([{"a": 2**63}], "decimal128(38, 0)"),
        ([{"a": 1}, {"a": 1.5}], "double"),
        ([{"a": "2024-01-01"}], "string"),
    ],
)
def test_a_column_gets_the_type_that_holds_all_its_values(flow, objects, kind):
    dataset, _ = flow.read(flow.put("in.jsonl", lines(*objects)))

    assert dataset.schema.type_of("a") == kind


def test_a_number_too_large_for_a_double_stays_as_it_is_written(flow):
    flow.run(flow.put("in.jsonl", b'{"a":1e400}\n{"a":1}\n'), "out.jsonl")

    assert flow.get("out.jsonl") == b'{"a":1e400}\n{"a":1}\n'


def test_missing_keys_are_missing_values(flow):
    _, rows = flow.read(flow.put("in.jsonl", b'{"a":1}\n\n{"b":"x"}\n{}\n'))

    assert rows == [(1, None), (None, "x"), (None, None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a":1}\n[1]\n', "Line 2 holds no JSON object; write one JSON object a line."),
        (b'{"a":1}\nnull\n', "Line 2 holds no JSON object; write one JSON object a line."),
        (b'"canary"\n', "Line 1 holds no JSON object; write one JSON object a line."),
        (b'{"a":1}\n\n{"a":\n', "Line 3 is no JSON; write one JSON object a line."),
        (b'{"a":1} {"a":2}\n', "Line 1 is no JSON; write one JSON object a line."),
        (b'{"a":"\xff"}\n', "Line 1 is not in UTF-8; write the file in UTF-8."),
        (
            b'\xef\xbb\xbf{"a":1}\n',
            "Line 1 begins with a byte-order mark, which JSON does not know; save the file "
            "without it.",
        ),
        (
            b'{"a":1,"a":2}\n',
            "Line 1 has an object with the key 'a' twice; keep one of them.",
        ),
        (
            b'{"a":"\\ud800"}\n',
            "Line 1 has half of a surrogate pair, which is no character, at the key 'a'; write "
            "whole characters.",
        ),
        (
            b"{}\n\n",
            "The file holds no JSON object with a key; write one JSON object a line.",
        ),
        (
            b'{"a":1,"A":2}\n',
            "The dataset has column names that are equal, or equal but for case: 'a', 'A'; rename "
            "them in the source.",
        ),
        (b'{"":1}\n', "Line 1 has an object with an empty key; give it a name."),
        (
            b'{"a":{"":1}}\n',
            "Line 1 has an object with an empty key; give it a name.",
        ),
        (
            b'{"a":{"x":1}}\n{"a":{"X":1}}\n',
            "The objects of the key 'a' have keys that are equal but for case: 'x', 'X'; rename "
            "them in the source.",
        ),
        (
            b'{"b":1}\n{"a":[{"c":{"x":1}},{"c":{"X":2}}]}\n',
            "The objects of the key 'a' have keys that are equal but for case: 'x', 'X'; rename "
            "them in the source.",
        ),
        (
            b'{"a":NaN}\n',
            "Line 1 holds NaN or an infinity, which JSON does not know; write null or a text "
            "instead.",
        ),
    ],
)
def test_what_is_no_object_a_line_is_refused_in_a_sentence(flow, content, message):
    assert refusal(flow, content) == message


@pytest.mark.parametrize("number", ["inf", "nan"])
def test_a_number_that_json_cannot_write_is_refused(flow, number):
    table = pa.table({"a": [1.0, float(number)]})
    with pa.parquet.ParquetWriter(flow.storage.root / "in.parquet", table.schema) as writer:
        writer.write_table(table)

    with pytest.raises(DatasetError, match=r"holds NaN or an infinity, which JSON cannot write"):
        flow.run("in.parquet", "out.jsonl", reading={"keep_nan": True})

    assert not (flow.storage.root / "out.jsonl").exists()


def test_a_line_longer_than_common_ones_is_read(flow):
    text = "x" * 3_000_000
    flow.put("in.jsonl", f'{{"a": "{text}"}}\n{{"a": "y"}}\n'.encode())

    assert flow.read("in.jsonl")[1] == [(text,), ("y",)]
