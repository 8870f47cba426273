"""Options that a dataset has no use for are refused before anything is read."""

import pytest

from util_services.datasets.codecs.protocol import CodecOptions
from util_services.errors import ConfigurationError

CSV = b"a,b\n1,2\n"
JSON_LINES = b'{"a": 1}\n'


@pytest.mark.parametrize(
    ("name", "reading", "message"),
    [
        (
            "in.jsonl",
            {"delimiter": ";"},
            "'csv.delimiter' is an option of csv, tsv, and 'in.jsonl' is jsonl; take it out, or "
            "correct 'format' or 'compression'.",
        ),
        (
            "in.csv.gz",
            {"member": "x.csv"},
            "'member' is an option of zip, and 'in.csv.gz' is csv.gz; take it out, or correct "
            "'format' or 'compression'.",
        ),
        (
            "in.csv",
            {"codec": CodecOptions(sheet="Patients")},
            "'xlsx.sheet' is an option of xlsx, and 'in.csv' is csv; take it out, or correct "
            "'format' or 'compression'.",
        ),
        (
            "in.parquet",
            {"bad_rows": "quarantine"},
            "'bad_rows' is an option of csv, tsv, json, jsonl, and 'in.parquet' is parquet; take "
            "it out, or correct 'format' or 'compression'.",
        ),
    ],
)
def test_an_option_of_another_format_is_refused_when_reading(flow, name, reading, message):
    flow.put("in.csv", CSV)
    flow.put("in.jsonl", JSON_LINES)
    flow.run("in.csv", "in.parquet")
    flow.run("in.csv", "in.csv.gz")

    with pytest.raises(ConfigurationError) as refused:
        flow.run(name, "out.csv", reading=reading)

    assert str(refused.value) == message
    assert not (flow.storage.root / "out.csv").exists()


@pytest.mark.parametrize(
    ("output", "writing", "option"),
    [
        ("out.parquet", {"delimiter": ";"}, "csv.delimiter"),
        ("out.csv", {"sheet": "A"}, "xlsx.sheet"),
    ],
)
def test_an_option_of_another_format_is_refused_when_writing(flow, output, writing, option):
    flow.put("in.csv", CSV)

    with pytest.raises(ConfigurationError, match=rf"^'{option}' is an option of "):
        flow.run("in.csv", output, **writing)


def test_options_of_the_format_at_hand_are_taken(flow):
    flow.put("in.csv", b"a;b\n1;2\nbad\n")

    flow.run(
        "in.csv", "out.tsv", reading={"delimiter": ";", "bad_rows": "quarantine"}, delimiter="|"
    )

    assert flow.get("out.tsv") == b"a|b\n1|2\n"
