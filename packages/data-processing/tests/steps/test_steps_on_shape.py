"""Steps that split, merge, explode and flatten: parts, rows and values, none of them lost."""

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_names import ODD

from data_processing.cleaning.json_documents import NotJsonError, pointer, read, value_at, written
from data_processing.cleaning.splitting import Cut
from util_services.errors import ConfigurationError, DatasetError

SECRET = "s3cr3t"  # noqa: S105


def refused(cleaned, table, step, error=ConfigurationError):
    with pytest.raises(error) as raised:
        cleaned(table, step)
    assert SECRET not in str(raised.value)
    return str(raised.value)


# --- split_column --------------------------------------------------------------------------------


def split(**options):
    return {"step": "split_column", "column": "t", "into": ["a", "b"], **options}


@pytest.mark.parametrize(
    ("options", "texts", "expected"),
    [
        ({"delimiter": ","}, ["x,y", None, ",", "x, y"],
         [("x", "y"), (None, None), ("", ""), ("x", " y")]),
        ({"delimiter": "->"}, ["x->y"], [("x", "y")]),
        ({"delimiter": ".", "too_few": "null"}, ["x.y", "xy", ""],
         [("x", "y"), ("xy", None), ("", None)]),
        ({"delimiter": ",", "too_many": "rest"}, ["x,y,z", "x,y,"], [("x", "y,z"), ("x", "y,")]),
        ({"delimiter": ",", "too_many": "drop"}, ["x,y,z", "x,y"], [("x", "y"), ("x", "y")]),
        ({"pattern": r"\s*[,;]\s*"}, ["x ;\u2003y", "x\u00a0,y"], [("x", "y"), ("x", "y")]),
        ({"pattern": r"\d+", "too_many": "rest"}, ["a1b22c"], [("a", "b22c")]),
        ({"positions": [2]}, ["0123", "é\u0301🦆x", None], [("01", "23"), ("é\u0301", "🦆x"),
                                                            (None, None)]),
        ({"positions": [2], "too_few": "null"}, ["01", "0", ""],
         [("01", None), ("0", None), ("", None)]),
        ({"into": ["a"], "delimiter": ",", "too_many": "rest"}, ["x,y", "x"], [("x,y",), ("x",)]),
        ({"into": ["a", "b", "c"], "positions": [4, 6]}, ["20240131"], [("2024", "01", "31")]),
    ],
)  # fmt: skip
def test_texts_are_split_where_they_are_cut(cleaned, options, texts, expected):
    step = split(**options)
    table = {"id": range(len(texts)), "t": pa.array(texts, pa.string()), "z": texts}

    done = cleaned(table, step)

    assert done.table.column_names == ["id", *step["into"], "z"]
    assert [tuple(row[n] for n in step["into"]) for row in done.rows()] == expected


def test_parts_that_go_or_are_not_there_are_counted(cleaned):
    step = split(delimiter=",", too_many="drop", too_few="null")

    done = cleaned({"t": ["a,b", "a", "a,b,c", None, "a,b,c,d"]}, step)

    assert dict(done.note.counts) == {
        "texts_with_too_many_parts": 2,
        "texts_with_too_few_parts": 1,
    }


def test_rows_of_too_many_or_too_few_parts_are_set_aside(cleaned):
    step = split(delimiter=",", too_many="quarantine", too_few="quarantine")

    done = cleaned({"t": ["a,b", "a", "a,b,c", None]}, step)

    assert done.rows() == [{"a": "a", "b": "b"}, {"a": None, "b": None}]
    assert done.counts() == [(4, 2, 0, 2)]
    assert sorted((one["row"], one["reason"]) for one in done.quarantine) == [
        (1, "the text has fewer parts than the step makes columns"),
        (2, "the text has more parts than the step makes columns"),
    ]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([f"{SECRET},b,c"], "The column 't' holds texts of more parts than the 2 columns of "
                            "'into'; set 'too_many' to rest, drop or quarantine."),
        ([SECRET], "The column 't' holds texts of fewer parts than the 2 columns of 'into'; set "
                   "'too_few' to null or quarantine."),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_end_the_run(cleaned, texts, sentence):
    assert refused(cleaned, {"t": texts}, split(delimiter=","), DatasetError) == (
        f"steps[0] (split_column): {sentence}"
    )


def test_the_column_may_stay_or_give_its_name_to_a_part(cleaned):
    table = {"t": ["x,y"], "u": [1]}

    kept = cleaned(table, split(delimiter=",", keep_column=True))
    named = cleaned(table, split(delimiter=",", into=["t", "b"]))

    assert kept.rows() == [{"t": "x,y", "a": "x", "b": "y", "u": 1}]
    assert named.rows() == [{"t": "x", "b": "y", "u": 1}]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_parts_are_texts_whatever_is_split(cleaned, kind):
    done = cleaned({"t": pa.array(["x,y"], kind)}, split(delimiter=","))

    assert done.table.schema.types == [pa.string(), pa.string()]


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_split_and_merged(cleaned, name):
    others = [other for other in ODD if other != name][:2]

    parts = cleaned({name: ["x,y"]}, split(column=name, into=others, delimiter=","))
    whole = cleaned(
        parts.table, {"step": "merge_columns", "columns": others, "into": name, "separator": ","}
    )

    assert parts.rows() == [dict(zip(others, "xy", strict=True))]
    assert whole.rows() == [{name: "x,y"}]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "Give one of 'delimiter', 'pattern' and 'positions'."),
        ({"delimiter": ",", "positions": [1]},
         "Give one of 'delimiter', 'pattern' and 'positions'."),
        ({"delimiter": ""}, "'delimiter' must have at least one character."),
        ({"pattern": "("}, "The pattern '(' cannot be read; write it in the syntax of RE2, which "
                           "has no references back and no looking ahead."),
        ({"pattern": "x*"}, "'pattern' may match no characters at all, so texts would fall into "
                            "pieces; let it match at least one."),
        ({"pattern": "(^|,)"}, "'pattern' may match no characters at all, so texts would fall into "
                               "pieces; let it match at least one."),
        ({"pattern": ""}, "'pattern' may match no characters at all, so texts would fall into "
                          "pieces; let it match at least one."),
        ({"positions": [2, 1]}, "'positions' must ascend from 1, each but once."),
        ({"positions": [0]}, "'positions' must ascend from 1, each but once."),
        ({"positions": [1, 2]}, "2 positions cut a text into 3 parts, and 'into' names 2 columns; "
                                "name as many."),
        ({"delimiter": ",", "into": ["id", "b"]}, "The columns 'id' and 'id' are equal, and engines"
                                                  " cannot tell such apart; choose another name."),
        ({"delimiter": ",", "into": ["T", "b"], "keep_column": True},
         "The columns 't' and 'T' differ in case alone, and engines cannot tell such apart; choose "
         "another name."),
        ({"delimiter": ",", "column": "id"},
         "The column 'id' holds int64, not texts; cast it first."),
    ],
)  # fmt: skip
def test_a_split_that_cannot_be_is_refused(cleaned, options, reason):
    table = {"id": [1], "t": ["x,y"]}

    assert refused(cleaned, table, split(**options)) == f"steps[0] (split_column): {reason}"


@given(
    texts=st.lists(st.none() | st.text(alphabet="ab,é ", max_size=6), max_size=20),
    parts=st.integers(1, 4),
)
@settings(max_examples=100, deadline=None)
def test_the_parts_with_their_rest_make_up_the_text(texts, parts):
    found = Cut.of(",", None, []).parts(pa.array(texts, pa.string()), parts).to_pylist()

    assert [None if one is None else ",".join(one) for one in found] == texts
    assert all(one is None or len(one) <= parts for one in found)


@given(
    texts=st.lists(st.none() | st.text(max_size=8), max_size=20),
    positions=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True).map(sorted),
)
@settings(max_examples=100, deadline=None)
def test_parts_between_positions_make_up_the_text(texts, positions):
    found = Cut.of(None, None, positions).parts(pa.array(texts, pa.string())).to_pylist()

    assert [None if one is None else "".join(one) for one in found] == texts
    assert [None if one is None else len(one) for one in found] == [
        None if text is None else 1 + sum(place < len(text) for place in positions)
        for text in texts
    ]


def test_a_condition_limits_a_split_whose_column_stays(cleaned):
    table = {"t": ["x,y", "x-y"], "n": [1, 2]}

    done = cleaned(table, split(delimiter=",", keep_column=True, where="n = 1"))

    assert done.rows() == [
        {"t": "x,y", "a": "x", "b": "y", "n": 1},
        {"t": "x-y", "a": None, "b": None, "n": 2},
    ]


# --- merge_columns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("skip", ["Ada-Lovelace", "Lovelace", None, "-"]),
        ("null", ["Ada-Lovelace", None, None, "-"]),
        ("empty", ["Ada-Lovelace", "-Lovelace", "-", "-"]),
    ],
)
def test_missing_values_are_left_out_or_count(cleaned, missing, expected):
    table = {"x": [1] * 4, "first": ["Ada", None, None, ""], "z": [2] * 4,
             "last": ["Lovelace", "Lovelace", None, ""]}  # fmt: skip
    step = {
        "step": "merge_columns",
        "columns": ["first", "last"],
        "into": "name",
        "separator": "-",
        "missing": missing,
    }

    done = cleaned(table, step)

    assert done.table.column_names == ["x", "name", "z"]
    assert done.column("name") == expected


def test_values_are_written_in_one_form(cleaned):
    table = {
        "i": pa.array([7], pa.uint8()),
        "d": pa.array([Decimal("0.0000010")], pa.decimal128(20, 7)),
        "day": [dt.date(1, 2, 3)],
        "at": pa.array(
            [dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)], pa.timestamp("us", "UTC")
        ),
        "yes": [True],
    }
    step = {"step": "merge_columns", "columns": list(table), "into": "all", "separator": "|"}

    assert cleaned(table, step).column("all") == [
        "7|0.0000010|0001-02-03|2024-01-02 03:04:05.000000Z|true"
    ]


def test_the_columns_may_stay_and_their_order_is_that_of_the_option(cleaned):
    step = {"step": "merge_columns", "columns": ["b", "a"], "into": "ab", "keep_columns": True}

    assert cleaned({"a": ["1"], "b": ["2"]}, step).rows() == [{"ab": "2 1", "a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"columns": ["a", "f"]}, "The column 'f' holds double, which has no one form as text; "
                                  "make it text or decimal in a step before."),
        ({"into": "F"}, "The columns 'f' and 'F' differ in case alone, and engines cannot tell "
                        "such apart; choose another name."),
        ({"into": ""}, "A column would have no name; give it one."),
        ({"into": "a", "keep_columns": True}, "The columns 'a' and 'a' are equal, and engines "
                                              "cannot tell such apart; choose another name."),
    ],
)  # fmt: skip
def test_a_merge_that_cannot_be_is_refused(cleaned, options, reason):
    step = {"step": "merge_columns", "columns": ["a", "b"], "into": "ab", **options}

    sentence = refused(cleaned, {"a": ["1"], "b": ["2"], "f": [0.1]}, step)

    assert sentence == f"steps[0] (merge_columns): {reason}"


# --- explode -------------------------------------------------------------------------------------

LISTS = {"id": [1, 2, 3, 4], "l": pa.array([[1, None], [], None, [2]], pa.list_(pa.int8()))}


def test_each_element_of_a_list_is_a_row(cleaned):
    done = cleaned(LISTS, {"step": "explode", "column": "l"})

    assert [tuple(row.values()) for row in done.rows()] == [
        (1, 1), (1, None), (2, None), (3, None), (4, 2),
    ]  # fmt: skip
    assert done.table.schema.field("l").type == pa.int8()
    assert done.counts() == [(4, 5, 0, 0)]


def test_rows_without_elements_can_go(cleaned):
    done = cleaned(LISTS, {"step": "explode", "column": "l", "empty": "drop"})

    assert done.column("id") == [1, 1, 4]
    assert done.counts() == [(4, 3, 2, 0)]


def test_each_part_of_a_text_is_a_row(cleaned):
    table = {"t": ["a;b;", "", None, "c"], "s": [{"x": [n]} for n in range(4)]}

    done = cleaned(table, {"step": "explode", "column": "t", "delimiter": ";"})

    assert done.column("t") == ["a", "b", "", "", None, "c"]
    assert [row["s"]["x"][0] for row in done.rows()] == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_list(pa.string()),
        pa.list_(pa.string(), 2),
        pa.list_(pa.struct({"a.b": pa.list_(pa.int64())})),
    ],
    ids=str,
)
def test_lists_of_every_kind_are_exploded(cleaned, kind):
    element = {"a.b": [1]} if pa.types.is_struct(kind.value_type) else "x"
    table = {"l": pa.array([[element, None], None], kind)}

    assert cleaned(table, {"step": "explode", "column": "l"}).column("l") == [element, None, None]


def test_rows_of_one_row_are_told_apart_by_later_steps(cleaned):
    table = {"id": [1, 2], "l": [["x", "x", "y"], ["x"]]}

    done = cleaned(table, {"step": "explode", "column": "l"}, {"step": "remove_duplicates"})

    assert [tuple(row.values()) for row in done.rows()] == [(1, "x"), (1, "y"), (2, "x")]
    assert [note.dropped for note in done.notes] == [0, 1]


@pytest.mark.parametrize(
    ("table", "options", "reason"),
    [
        ({"l": [[1]]}, {"delimiter": ","}, "The column 'l' holds lists, which have no delimiter; "
                                           "take 'delimiter' out."),
        ({"l": ["a"]}, {}, "The column 'l' holds texts; say with 'delimiter' what stands between "
                           "two parts."),
        ({"l": ["a"]}, {"delimiter": ""}, "The column 'l' holds texts; say with 'delimiter' what "
                                          "stands between two parts."),
        ({"l": [1]}, {}, "The column 'l' holds int64, neither lists nor texts; leave it as it is."),
        ({"l": [[1]], "n": [1]}, {"where": "n = 1"},
         "'where' has no meaning for 'explode', which looks at several rows at once; take it out."),
    ],
)  # fmt: skip
def test_what_cannot_be_exploded_is_refused(cleaned, table, options, reason):
    sentence = refused(cleaned, table, {"step": "explode", "column": "l", **options})

    assert sentence == f"steps[0] (explode): {reason}"


@given(
    lists=st.lists(st.none() | st.lists(st.none() | st.integers(0, 3), max_size=4), max_size=12),
    empty=st.sampled_from(["keep", "drop"]),
)
@settings(max_examples=15, deadline=None)
def test_rows_are_as_many_as_elements(lists, empty):
    import pandas as pd

    from data_processing import clean

    frame = pd.DataFrame({"l": pd.array(lists, pd.ArrowDtype(pa.list_(pa.int64())))})
    expected = [one for given in lists for one in (given or ([None] if empty == "keep" else []))]

    found, report = clean(frame, [{"step": "explode", "column": "l", "empty": empty}])

    assert [None if pd.isna(one) else one for one in found["l"]] == expected
    assert report["rows"]["out"] == len(expected)


# --- flatten_json --------------------------------------------------------------------------------


def flat(columns, **options):
    columns = {
        name: value if isinstance(value, dict) else {"path": value}
        for name, value in columns.items()
    }
    return {"step": "flatten_json", "column": "j", "columns": columns, **options}


def test_values_come_out_by_their_paths_and_types(cleaned):
    document = {
        "name": "Ada", "n": 1, "deep": {"a/b": [{"x~y": True}]}, "": "nameless",
        "list": [1, "2", None],
    }  # fmt: skip
    text = json.dumps(document).replace('"n": 1', '"n": 1.50, "big": 12345678901234567890')
    columns = {
        "name": "/name", "n": "/n", "big": "/big", "": None,
        "flag": {"path": "/deep/a~1b/0/x~0y", "type": "boolean"},
        "part": {"path": "/deep", "type": "json"}, "as text": "/deep", "nameless": "/",
        "second": "/list/1", "third": "/list/2", "fourth": "/list/3", "beyond": "/name/0",
        "n as float": {"path": "/n", "type": "float"},
        "name as json": {"path": "/name", "type": "json"},
        "whole": {"path": "", "type": "json"},
    }  # fmt: skip
    del columns[""]

    done = cleaned({"id": [1], "j": [text]}, flat(columns))

    (row,) = done.rows()
    whole = row.pop("whole")
    assert json.loads(whole) == json.loads(text)
    assert row == {
        "id": 1, "name": "Ada", "n": "1.50", "big": "12345678901234567890", "flag": True,
        "part": '{"a/b":[{"x~y":true}]}', "as text": '{"a/b":[{"x~y":true}]}',
        "nameless": "nameless", "second": "2", "third": None, "fourth": None, "beyond": None,
        "n as float": 1.5, "name as json": '"Ada"',
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [  # RFC 6901, section 5
        ("", "whole"), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
        ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_pointers_lead_where_the_standard_says(path, expected):
    document = {
        "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
        " ": 7, "m~n": 8,
    }  # fmt: skip

    found = value_at(document, pointer(path))

    assert found == (document if expected == "whole" else expected)


def test_keys_that_lead_to_nothing_declared_are_counted_and_not_named(cleaned):
    texts = ['{"a": {"b": 1, "c": 2}, "d": {"e": 1}}', '{"a": {"b": 1}}', "[]", None] * 2

    done = cleaned({"j": texts}, flat({"b": "/a/b"}))

    assert dict(done.note.counts) == {"undeclared_keys": 4}


def test_keys_that_are_not_declared_may_be_an_error(cleaned):
    step = flat({"b": "/b"}, undeclared="error")

    assert refused(cleaned, {"j": [f'{{"b": 1, "{SECRET}": 2}}']}, step, DatasetError) == (
        "steps[0] (flatten_json): "
        "The column 'j' holds keys that lead to none of the 'columns'; declare them, or set "
        "'undeclared' to count."
    )


BAD = [
    "{", "", "nul", "{'a': 1}", '{"a": 1,}', "NaN", "[Infinity]", '{"a": 1, "a": 2}', "01",
    '"\\ud800"', "[" * 101 + "]" * 101, "[" * 5000, '{"a": 1} {}', "\ufeff1",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:12])
def test_what_is_no_json_or_ambiguous_is_refused(text):
    with pytest.raises(NotJsonError):
        read(text)


def test_json_is_read_as_the_standard_library_does():
    for text in ("[" * 100 + "]" * 100, '"\\ud83e\\udd86"', " 1 ", '{"é": [true, null, -0.0e5]}'):
        assert json.loads(written(read(text))) == json.loads(text)


WRONG = ['{"n": 1}', "{", '{"n": "x"}', '{"n": 1.0}', '{"n": 99999999999999999999}', '{"n": true}']


def test_texts_and_values_at_fault_are_missing_and_counted(cleaned):
    step = flat({"n": {"path": "/n", "type": "integer"}}, on_error="null")

    done = cleaned({"j": WRONG}, step)

    assert done.column("n") == [1, None, None, None, None, None]
    assert dict(done.note.counts) == {"texts_that_are_no_json": 1, "values_of_another_type": 4}


def test_rows_of_texts_and_values_at_fault_are_set_aside(cleaned):
    step = flat({"n": {"path": "/n", "type": "integer"}}, on_error="quarantine")

    done = cleaned({"j": [*WRONG, None]}, step)

    assert done.column("n") == [1, None]
    assert done.counts() == [(7, 2, 0, 5)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{{{SECRET}", "The column 'j' holds texts that are no JSON, or repeat a key in an "
                        "object; set 'on_error' to null or quarantine."),
        (f'{{"n": "{SECRET}"}}', "The column 'j' holds values of another type than 'columns' "
                                 "declares; set 'on_error' to null or quarantine, or declare them "
                                 "as text."),
    ],
)  # fmt: skip
def test_texts_and_values_at_fault_end_the_run(cleaned, text, sentence):
    step = flat({"n": {"path": "/n", "type": "float"}})

    assert refused(cleaned, {"j": [text]}, step, DatasetError) == (
        f"steps[0] (flatten_json): {sentence}"
    )


def test_structs_and_lists_come_apart_in_their_types(cleaned):
    kind = pa.struct({"a.b": pa.int8(), "l": pa.list_(pa.struct({"x": pa.date32()}))})
    rows = [{"a.b": 1, "l": [{"x": dt.date(2024, 1, 1)}]}, {"a.b": None, "l": []}, None]
    table = {"j": pa.array(rows, kind), "k": [1, 2, 3]}

    done = cleaned(table, flat({"n": "/a.b", "day": "/l/0/x", "rest": "/l"}))

    assert [tuple(row.values()) for row in done.rows()] == [
        (1, dt.date(2024, 1, 1), [{"x": dt.date(2024, 1, 1)}], 1),
        (None, None, [], 2),
        (None, None, None, 3),
    ]
    assert done.table.schema.types[:2] == [pa.int8(), pa.date32()]


@pytest.mark.parametrize(
    ("table", "step", "reason"),
    [
        ({"j": [1]}, flat({"a": "/a"}),
         "The column 'j' holds int64, neither JSON texts nor structs; leave it as it is."),
        ({"j": ["{}"]}, flat({"a": "a"}),
         "'path' 'a' is no JSON Pointer (RFC 6901); write it as in /address/lines/0."),
        ({"j": ["{}"]}, flat({"a": "/~2"}),
         "'path' '/~2' is no JSON Pointer (RFC 6901); write it as in /address/lines/0."),
        ({"j": [{"a": 1}]}, flat({"a": "/b"}),
         "There is no 'b' in what the column 'j' holds, where a path asks for it; correct the "
         "path."),
        ({"j": [{"a": 1}]}, flat({"a": {"path": "/a", "type": "text"}}),
         "The types inside the column 'j' are known; take 'type' out, and cast in a step behind."),
        ({"j": ["{}"], "k": [1]}, flat({"K": "/a"}),
         "The columns 'k' and 'K' differ in case alone, and engines cannot tell such apart; choose "
         "another name."),
    ],
)  # fmt: skip
def test_what_cannot_be_flattened_is_refused(cleaned, table, step, reason):
    assert refused(cleaned, table, step) == f"steps[0] (flatten_json): {reason}"


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(document=documents)
@settings(max_examples=100, deadline=None)
def test_a_whole_document_comes_out_as_it_went_in(document):
    assert json.loads(written(read(json.dumps(document)))) == document


# --- all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "kinds"),
    [
        (split(delimiter=","), {"a": "string", "b": "string"}),
        ({"step": "merge_columns", "columns": ["t", "l"], "into": "m"}, {"m": "string"}),
        ({"step": "explode", "column": "t", "delimiter": ","}, {"t": "string", "l": "string"}),
        ({"step": "flatten_json", "column": "t",
          "columns": {"n": {"path": "/n", "type": "integer"}}}, {"n": "int64"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("texts", [[], [None, None]])
def test_tables_without_rows_or_values_get_the_columns_too(cleaned, step, kinds, texts):
    table = {"t": pa.array(texts, pa.string()), "l": pa.array(texts, pa.string())}

    done = cleaned(table, step)

    found = {field.name: str(field.type) for field in done.table.schema}
    assert found | kinds == found
    assert len(done.table) == len(texts)


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "t": ["x; y", "x", None, "x;y;z"] * 6,
            "l": pa.array([[1, 2], [], None, [3]] * 6, pa.list_(pa.int16())),
            "j": ['{"a": {"b": 1.50}, "c": 2}', None, "{", "[]"] * 6,
        }
    )
    recipe = [
        split(pattern=r"\s*;\s*", too_many="rest", too_few="null"),
        {"step": "explode", "column": "l"},
        {"step": "merge_columns", "columns": ["b", "l"], "into": "bl", "separator": "/"},
        flat({"n": "/a/b"}, on_error="null"),
        {"step": "remove_duplicates"},
    ]

    there, here = cleaned_on_spark(table, *recipe), cleaned(table, *recipe)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
