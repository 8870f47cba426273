"""Work on texts of a column: once for each, or by Arrow where they are ASCII."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data_processing.cleaning.distinct import map_distinct, with_columns
from util_services.errors import ConfigurationError


def series(array, name="a"):
    return pd.Series(pd.arrays.ArrowExtensionArray(array), name=name)


def held(values):
    return values.array.__arrow_array__().to_pylist()


@pytest.mark.parametrize(
    "array",
    [
        pa.chunked_array([["a", "é"], [None, "a"]]),
        pa.chunked_array([pa.array(["x", "a", "é", None, "a"]).slice(1)]),
        pa.chunked_array([pa.array(["a", "é", None, "a"], pa.large_string())]),
    ],
)
@pytest.mark.parametrize("on_ascii", [None, pc.ascii_upper])
def test_arrays_of_any_layout_are_worked_on_whole(array, on_ascii):
    found = map_distinct(series(array), str.upper, on_ascii=on_ascii)

    assert held(found) == ["A", "É", None, "A"]
    assert found.array.__arrow_array__().type == array.type


@pytest.mark.parametrize("on_ascii", [None, pc.ascii_upper])
@pytest.mark.parametrize("texts", [[], [None, None]])
def test_a_column_without_texts_stays_as_it_is(texts, on_ascii):
    array = pa.chunked_array([pa.array(texts, pa.string())])

    assert held(map_distinct(series(array), str.upper, on_ascii=on_ascii)) == texts


def test_each_distinct_text_is_worked_on_once():
    asked = []

    map_distinct(series(pa.chunked_array([["a", "b", "a", None] * 10])), asked.append)

    assert asked == ["a", "b"]


def test_only_texts_beyond_ascii_are_worked_on_one_by_one():
    asked = []

    def upper(text):
        asked.append(text)
        return text.upper()

    texts = pa.chunked_array([["a", "é", "b", "é"]])

    assert held(map_distinct(series(texts), upper, on_ascii=pc.ascii_upper)) == ["A", "É", "B", "É"]
    assert asked == ["é"]


def test_a_column_of_numbers_is_refused_by_name():
    with pytest.raises(ConfigurationError) as refused:
        map_distinct(series(pa.chunked_array([[1]]), "age"), str.upper)

    assert str(refused.value) == (
        "The column 'age' holds int64, not texts; leave it out, or cast it to text first."
    )


def test_columns_are_replaced_whatever_they_are_called():
    frame = pd.DataFrame({"self": [1], "a": [2]})

    changed = with_columns(frame, {"self": pd.Series([3])})

    assert changed.to_dict("list") == {"self": [3], "a": [2]}
    assert frame.to_dict("list") == {"self": [1], "a": [2]}
