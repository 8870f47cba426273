import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.datasets.codecs.json_array import json_to_lines, lines_to_json
from util_services.datasets.json_lines import diagnose_lines
from util_services.datasets.schema import Schema
from util_services.engines.local import LocalEngine
from util_services.engines.local_formats import Source
from util_services.errors import DatasetError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(), VALUES), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("json")


def lines_of(folder, text, **options):
    source = folder / "source.json"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    count = json_to_lines(source, folder / "lines", **options)
    lines = [line for line in (folder / "lines").read_bytes().split(b"\n") if line.strip()]
    assert len(lines) == count
    return [line.strip().decode() for line in lines]


def refusal(folder, text, **options):
    with pytest.raises(DatasetError) as raised:
        lines_of(folder, text, **options)
    return str(raised.value)


@given(ROWS, st.sampled_from([None, 1, 4]), st.booleans(), st.integers(1, 40))
def test_an_array_becomes_its_elements_wherever_blocks_end(folder, rows, indent, is_ascii, size):
    text = json.dumps(rows, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")

    lines = lines_of(folder, text.decode("utf-8", "replace"), block_bytes=size)

    assert [json.loads(line) for line in lines] == json.loads(text.decode("utf-8", "replace"))


@given(ROWS, st.integers(1, 40))
def test_lines_become_an_array_and_come_back_unchanged(folder, rows, size):
    texts = [json.dumps(row) for row in rows]
    (folder / "in").write_text("".join(f"{text}\n" for text in texts))

    count = lines_to_json(folder / "in", folder / "array.json", block_bytes=size)

    array = (folder / "array.json").read_text()
    assert count == len(rows)
    assert json.loads(array) == rows
    assert lines_of(folder, array) == texts


@pytest.mark.parametrize("number", ["9007199254740993", "1.10", "-0.0", "1E400", "0.1e-7"])
def test_numbers_and_escapes_stay_as_they_are_written(folder, number):
    element = f'{{"a": {number}, "b": "\\u00e9\\/\\n [{{,}}]", "c": [[], {{"d": "\\\\"}}]}}'

    assert lines_of(folder, f"[ {element} ,{element}]") == [element, element]


def test_a_pretty_printed_element_ends_on_one_line(folder):
    assert lines_of(folder, '[\r\n  {\r\n    "a": 1\r\n  }\r\n]\r\n') == ['{      "a": 1    }']


def test_a_single_object_is_one_row(folder):
    assert lines_of(folder, ' {"a": [1,\n{"b": 2}]}\n') == ['{"a": [1, {"b": 2}]}']


def test_a_byte_order_mark_is_no_part_of_the_data(folder):
    assert lines_of(folder, b'\xef\xbb\xbf[{"a": 1}]') == ['{"a": 1}']


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file holds no JSON"),
        (" \n", "The file holds no JSON"),
        ("[]", "The file holds an empty array"),
        ('["secret"]', "Element 1 of the array is no JSON object (byte 1)"),
        ('[{"a": 1}, 17]', "Element 2 of the array is no JSON object (byte 11)"),
        ('[{"a": 1}, [2]]', "Element 2 of the array is no JSON object (byte 11)"),
        ('[,{"a": 1}]', "Element 1 of the array is no JSON object (byte 1)"),
        ('[{"a": 1},, {}]', "Element 2 of the array is no JSON object (byte 10)"),
        ('[{"a": 1}, ]', "Element 1 of the array is followed by a comma and no other"),
        ('[{"a": 1} {"a": 2}]', "Element 1 of the array is not followed by a comma"),
        ('[{"a": 1}] x', "The file goes on behind its JSON at byte 11"),
        ('[{"a": 1}][]', "The file goes on behind its JSON at byte 10"),
        ('{"a": 1}\n{"a": 2}', "The file holds several JSON objects one behind the other"),
        ('{"a": 1} 2', "The file goes on behind its JSON at byte 9"),
        ('"secret"', "The file is no JSON, or begins with neither"),
        ("a,b\n1,2", "The file is no JSON, or begins with neither"),
        ('[{"a": 1}, {"a"', "The file breaks off at byte 15, in or behind element 2"),
        ('[{"a": 1}', "The file breaks off at byte 9, in or behind element 1"),
        ('[{"a": "x]', "The file breaks off at byte 10, in or behind element 1"),
        ('[{"a": 1]]', "Element 1 of the array has brackets that do not match"),
        ('[{"a": "one\ntwo"}]', "Element 1 of the array has a control character inside a text"),
    ],
)
def test_what_is_no_array_of_objects_is_refused_by_element_and_byte(
    folder, text, sentence, block_bytes
):
    said = refusal(folder, text, block_bytes=block_bytes)

    assert said.startswith(sentence)
    assert "secret" not in said


def test_another_encoding_is_refused(folder):
    assert refusal(folder, '[{"a": 1}]'.encode("utf-16")).startswith("The file is not in UTF-8")


def test_the_engine_reads_the_lines_of_an_array_exactly(folder):
    lines_of(folder, '[{"id": 9007199254740993, "t": "01"}, {"id": null, "t": "\\u00e9"}]')
    source = Source(folder / "lines", "jsonl", Schema(()))

    with LocalEngine(folder) as engine:
        rows = engine.stage(source, folder / "out.parquet", None)

    assert rows == 2
    assert pq.read_table(folder / "out.parquet").to_pylist() == [
        {"id": 9007199254740993, "t": "01"},
        {"id": None, "t": "é"},
    ]


def test_a_fault_inside_an_element_is_told_by_its_number(folder):
    lines_of(folder, '[{"a": 1}, {"a": tru}]')

    assert str(diagnose_lines(folder / "lines", "Element")) == (
        "Element 2 is no JSON; write an array of JSON objects."
    )
