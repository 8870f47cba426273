"""Texts filled up to a width, never cut."""

import pyarrow as pa
import pytest

from util_services.errors import ConfigurationError


def pad(width, **options):
    return {"step": "pad_text", "columns": ["zip"], "width": width, **options}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (pad(5), ["01234", "12345", "123456", "", None, "000éa", "0000👍"]),
        (pad(5, side="right"), ["12340", "12345", "123456", "", None, "éa000", "👍0000"]),
        (
            pad(5, character="é"),
            ["é1234", "12345", "123456", "", None, "éééa"[:3] + "éa", "éééé👍"],
        ),
        (pad(1), ["1234", "12345", "123456", "", None, "éa", "👍"]),
    ],
)
def test_texts_get_the_width_and_longer_or_empty_ones_stay(cleaned, step, expected):
    texts = ["1234", "12345", "123456", "", None, "éa", "👍"]

    assert cleaned({"zip": texts}, step).column("zip") == expected


def test_dp_01_a_padded_text_stays_text(cleaned):
    assert cleaned({"zip": ["7"]}, pad(3)).table.schema.field("zip").type == pa.string()


def test_padding_twice_is_padding_once(cleaned):
    done = cleaned({"zip": ["7", "1234"]}, pad(3), pad(3))

    assert [dict(note.changed) for note in done.notes] == [{"zip": 1}, {}]


def test_numbers_must_be_cast_first(cleaned):
    with pytest.raises(ConfigurationError, match="cast it to text first"):
        cleaned({"zip": [1234]}, pad(5))


@pytest.mark.parametrize("options", [{"character": ""}, {"character": "00"}, {"side": "both"}])
def test_what_cannot_fill_is_refused(cleaned, options):
    (name,) = options
    with pytest.raises(ConfigurationError, match=rf"steps\[0\] \(pad_text\)\.{name}"):
        cleaned({"zip": ["1"]}, pad(5, **options))


@pytest.mark.parametrize("width", [0, -1, 1001])
def test_a_width_out_of_range_is_refused(cleaned, width):
    with pytest.raises(ConfigurationError, match=r"steps\[0\] \(pad_text\)\.width"):
        cleaned({"zip": ["1"]}, pad(width))


def test_spark_pads_the_same(cleaned, cleaned_on_spark):
    table = pa.table({"zip": ["7", "é", None, "", "123456"] * 3})

    assert cleaned_on_spark(table, pad(4)).table.equals(cleaned(table, pad(4)).table)
