"""Texts in one form: Unicode-correct, with missing values left alone."""

import pyarrow as pa
import pytest

from util_services.errors import ConfigurationError

NBSP, EM, WIDE, DOT = "\u00a0", "\u2003", "\u3000", "\u0307"
ACUTE = "e\u0301"
REST = ["Straße", "İzmir", ACUTE, "", None, "ﬁ"]
TEXTS = ["  Rome ", f"{NBSP}ROME{EM}", f"San{WIDE} Marino", *REST]


def form(**options):
    return {"step": "normalise_text", "columns": ["city"], "trim": False, **options}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trim": True}, ["Rome", "ROME", f"San{WIDE} Marino", *REST]),
        ({"trim": True, "collapse_whitespace": True}, ["Rome", "ROME", "San Marino", *REST]),
        ({"collapse_whitespace": True}, [" Rome ", " ROME ", "San Marino", *REST]),
        (
            {"case": "lower", "trim": True},
            ["rome", "rome", f"san{WIDE} marino", "straße", f"i{DOT}zmir", ACUTE, "", None, "ﬁ"],
        ),
        (
            {"case": "fold", "trim": True},
            ["rome", "rome", f"san{WIDE} marino", "strasse", f"i{DOT}zmir", ACUTE, "", None, "fi"],
        ),
        ({"form": "NFC"}, [*TEXTS[:5], "é", "", None, "ﬁ"]),
        (
            {"form": "NFKC", "trim": True},
            ["Rome", "ROME", "San  Marino", "Straße", "İzmir", "é", "", None, "fi"],
        ),
        ({"strip_accents": True}, [*TEXTS[:4], "Izmir", "e", "", None, "ﬁ"]),
        (
            {"case": "upper", "trim": True},
            ["ROME", "ROME", f"SAN{WIDE} MARINO", "STRASSE", "İZMIR", "E\u0301", "", None, "FI"],
        ),
        (
            {"case": "title", "trim": True},
            ["Rome", "Rome", f"San{WIDE} Marino", "Straße", "İzmir", "E\u0301", "", None, "Fi"],
        ),
    ],
)
def test_dp_30_31_47_texts_come_into_the_form_that_is_asked_for(cleaned, options, expected):
    assert cleaned({"city": TEXTS}, form(**options)).column("city") == expected


def test_dp_44_columns_may_be_called_as_anything(cleaned):
    table = {"self": ["a "], "columns": ["b "], 'a "*"': ["c "]}

    done = cleaned(table, {"step": "normalise_text", "columns": list(table)})

    assert done.rows() == [{"self": "a", "columns": "b", 'a "*"': "c"}]


def test_a_condition_limits_the_rows_that_are_changed(cleaned):
    step = form(case="upper", where="id > 1")

    assert cleaned({"city": ["a", "b", "é", None], "id": [1, 2, 3, 4]}, step).column("city") == [
        "a", "B", "É", None,
    ]  # fmt: skip


def test_a_column_of_numbers_is_refused_before_a_row_is_read(cleaned):
    with pytest.raises(ConfigurationError) as refused:
        cleaned({"city": [1]}, form())

    assert str(refused.value) == (
        "steps[0] (normalise_text): The column 'city' holds int64, not texts; leave it out, or "
        "cast it to text first."
    )


def test_cells_that_change_are_counted_and_told(cleaned):
    done = cleaned({"city": TEXTS, "id": range(9)}, form(trim=True))

    assert dict(done.note.changed) == {"city": 2}
    assert done.changes[0] == {
        "row": 0, "step": "normalise_text", "column": "city", "before": "  Rome ", "after": "Rome",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_the_type_of_a_column_stays(cleaned, kind):
    table = pa.table({"city": pa.array(["a "], kind)})

    assert cleaned(table, form(trim=True)).rows() == [{"city": "a"}]


def test_a_normal_form_stays_as_it_is(cleaned):
    step = form(trim=True, collapse_whitespace=True, case="fold", form="NFKC")
    once = cleaned({"city": TEXTS}, step)

    again = cleaned(once.table, step)

    assert again.table.equals(once.table)
    assert not again.note.changed


def test_spark_gives_the_same_texts(cleaned, cleaned_on_spark):
    table = pa.table({"city": TEXTS * 3})
    step = form(trim=True, case="title", form="NFKC")

    assert cleaned_on_spark(table, step).table.equals(cleaned(table, step).table)
