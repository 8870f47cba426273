"""Texts in one form: Unicode-correct, with missing values left alone."""

import pyarrow as pa
import pytest

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
    ],
)
def test_texts_come_into_the_form_that_is_asked_for(cleaned, options, expected):
    assert cleaned({"city": TEXTS}, form(**options)).column("city") == expected


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
