"""Steps on types, missing values and numbers in the job `clean_data`, from file to file."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_processing.jobs import clean_data_job

CSV = """id,income,segment,visits,note,seen
1,"1.000,50",a,3,,01/02/2024
2,,a,4,,15/02/2024
3,"2.000,50",b,,x,
4,"9.000,00",b,5,,01/03/2024
5,,,900,,02/03/2024
"""
TYPES = [
    {
        "step": "cast_types",
        "columns": {
            "income": {"type": "decimal", "decimal": ",", "thousands": "."},
            "visits": {"type": "integer"},
        },
    },
    {"step": "parse_dates", "columns": {"seen": {"formats": ["%d/%m/%Y"]}}},
]
FITS = [
    {
        "step": "fill_missing_values",
        "columns": {
            "income": {"strategy": "mean", "by": ["segment"]},
            "visits": {"strategy": "median", "rounding": "round"},
            "seen": {"strategy": "mode"},
        },
    },
    {"step": "handle_outliers", "columns": {"visits": {"action": "cap"}}},
    {"step": "encode", "columns": {"segment": {"method": "ordinal"}}},
    {
        "step": "bin",
        "columns": {"visits": {"method": "quantile", "bins": 2, "into": "often"}},
    },
    {"step": "scale", "columns": {"income": {"method": "min_max"}}},
    {"step": "drop_missing", "columns_above": 0.9, "candidates": ["note", "often"]},
]


@pytest.fixture
def clean(instance, root):
    (root / "in.csv").write_text(CSV)

    def run(source="in.csv", output="out.parquet", **config):
        ops = {
            "read_dataset": {"config": {"path": source}},
            "clean_data": {"config": {"steps": TYPES + FITS} | config},
            "write_dataset": {"config": {"path": output}},
        }
        done = clean_data_job.execute_in_process(
            {"ops": ops}, instance=instance, raise_on_error=False
        )
        assert done.success
        return pq.read_table(root / output)

    return run


def test_a_text_file_becomes_a_table_of_types_without_gaps(clean):
    found = clean()

    assert found.schema.names == ["id", "income", "segment", "visits", "note", "seen", "often"]
    assert found.schema.types[1:4] == [pa.float64(), pa.int64(), pa.int64()]
    assert found["income"].to_pylist() == pytest.approx([0, 0, 1000 / 7999.5, 1, 2999.83 / 7999.5])
    assert found["visits"].to_pylist() == [3, 4, 4, 5, 6]
    assert found["segment"].to_pylist() == [0, 0, 1, 1, None]
    assert set(found["often"].to_pylist()) == {"[-inf, 4)", "[4, inf]"}
    assert not found["seen"].null_count


def test_columns_that_are_empty_enough_go_and_the_report_names_them(clean, root):
    found = clean(
        steps=[{"step": "drop_missing", "columns_above": 0.5, "candidates": ["note", "seen"]}]
    )

    assert "note" not in found.schema.names
    assert "seen" in found.schema.names
    report = json.loads((root / "out.parquet.report.json").read_text())
    assert report["steps"][0]["facts"]["steps"][0]["facts"] == {
        "columns_dropped": ["note"],
        "columns_kept": ["seen"],
    }


def test_what_one_file_said_fills_and_bounds_another(clean, root):
    given = clean(save_state=True).to_pylist()
    (root / "next.csv").write_text("id,income,segment,visits,note,seen\n9,,b,1000,x,\n8,,c,,,\n")

    found = clean("next.csv", "next.parquet", state="out.parquet.state.json").to_pylist()

    assert [row["visits"] for row in found] == [6, 4]
    assert [row["segment"] for row in found] == [1, None]
    incomes = [given[n]["income"] for n in (2, 3, 4)]
    assert [row["income"] for row in found] == [pytest.approx(sum(incomes[:2]) / 2), incomes[2]]
    assert [row["often"] for row in found] == ["[4, inf]", "[4, inf]"]
    assert {row["seen"] for row in found} == {min(row["seen"] for row in given)}
    assert [row["note"] for row in found] == ["x", None]
