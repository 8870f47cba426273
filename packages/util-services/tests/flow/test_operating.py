import json
from datetime import date

import narwhals as nw
import numpy as np
import pytest

from util_services.flow.operate import Outcome, OutcomeError
from util_services.reports import Figure, Section


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            lambda _: None,
            "The operation 'keep' returned NoneType instead of an Outcome; return Outcome(frame) "
            "from its function.",
        ),
        (
            lambda given: Outcome(given.scan(), warnings="abc"),
            "The operation 'keep' returned an Outcome that no report can hold: 'warnings' of a "
            "report must be a tuple of texts.",
        ),
        (
            lambda given: Outcome(given.scan(), facts={"days": {"last": date(1954, 3, 7)}}),
            "The operation 'keep' returned an Outcome that no report can hold: 'facts.days.last' "
            "of a report is a date; give counts, names and other plain data.",
        ),
        (
            lambda given: Outcome(given.scan(), sections=("x",)),
            "The operation 'keep' returned an Outcome that no report can hold: 'sections' of a "
            "report must be a tuple of Section records.",
        ),
    ],
)
def test_an_operation_that_returns_no_outcome_is_told_so(flow, function, sentence):
    source = flow.put("in.csv", b"a\n1\n")

    with pytest.raises(OutcomeError) as refused:
        flow.run(source, "out.csv", function)

    assert str(refused.value) == sentence
    assert not (flow.storage.root / "out.csv").exists()


def test_what_an_operation_tells_is_in_the_report(flow):
    figure = Figure.of("Sizes", "columns", {"1": np.int64(2)}, unit="rows")

    def tell(given):
        return Outcome(
            given.scan(),
            facts={"mean": np.float64(0.5), "worst": float("nan")},
            warnings=["Mind the gap."],
            limits=("Only half.",),
            sections=(Section("Sizes", figures=(figure,)),),
        )

    flow.run(flow.put("in.csv", b"a\n1\n1\n"), "out.csv", tell)

    (step,) = json.loads(flow.get("out.csv.report.json"))["steps"]
    assert step["facts"] == {"mean": 0.5, "worst": None}
    assert (step["warnings"], step["limits"]) == (["Mind the gap."], ["Only half."])
    assert step["sections"][0]["figures"] == [figure.to_dict()]
    assert b'<svg class="figure"' in flow.get("out.csv.report.html")


def test_the_report_tells_how_columns_changed(flow):
    def change(given):
        frame = given.scan().select(nw.col("a").cast(nw.Int64), nw.col("b").alias("new"))
        return Outcome(frame)

    flow.run(flow.put("in.csv", b"a,b\n1,x\n"), "out.parquet", change)

    (step,) = json.loads(flow.get("out.parquet.report.json"))["steps"]
    assert step["columns"] == {
        "added": ["new"],
        "removed": ["b"],
        "retyped": [{"name": "a", "from": "string", "to": "int64"}],
    }


INPUTS = {"in.csv": b"a,b\nx,1\n", "in.jsonl": b'{"a": "x", "b": 1}\n'}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_change_of_format_is_no_change_of_columns(flow, name, output):
    flow.run(flow.put(name, INPUTS[name]), output)

    (step,) = json.loads(flow.get(f"{output}.report.json"))["steps"]
    assert step["columns"] == {"added": [], "removed": [], "retyped": []}
