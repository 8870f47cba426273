"""A report with all that a report can hold, under names as an attacker would choose them."""

from util_services.datasets.schema import ColumnChanges
from util_services.datasets.staged import StepReport
from util_services.reports import (
    Figure,
    InputFacts,
    OutputFacts,
    Report,
    RowCounts,
    RunFacts,
    Section,
    Table,
)

HOSTILE_NAMES = (
    "<script>document.title='run'</script>",
    "<img src=x onerror=document.title='run'>",
    "</style><script>document.title='run'</script>",
    "</title></svg></desc><script>document.title='run'</script>",
    '" onfocus="document.title=1" autofocus="',
    "' onload='document.title=1",
    "{{ 7 * 7 }}{% raw %}",
    "![x](http://127.0.0.1:9/p.png)",
    "[x](javascript:alert(1))",
    "http://127.0.0.1:9/auto www.example.org",
    "| cell | `code` ``more`` *b* _i_ ~~s~~ # h",
    "a\u202eb\u2066c\x00d\x1be\nf",
    "&lt;b&gt; &amp; &#60;",
    "x" * 300,
    "",
)


def column(name):
    return {"name": name, "type": "string"}


def sample_report(names=("patient_id", "city", "age")):
    """Return a report on columns of these names."""
    named = {f"{n}: {name}": float(n) for n, name in enumerate(names)}
    classes = Figure.of(
        "Classes by size", "columns", {"2 to 4": 3, "5 to 9": 40, "10+": 12}, unit="classes"
    )
    compared = Figure(
        "Before and after",
        "bars",
        tuple(names),
        {
            "before": tuple(10.5 * n for n, _ in enumerate(names)),
            "after": tuple(None if n == 0 else 9.0 * n for n, _ in enumerate(names)),
        },
        note="Small counts are left out.",
    )
    many = Figure.of("Many columns", "columns", {f"class {n}": n * n for n in range(40)})
    risk = Section(
        "Risk",
        text=("The risk of a row is 1 divided by the size of its class.",),
        facts={
            "prosecutor": {"highest_share": 0.2, "average_share": 0.0159},
            "by_column": [{"column": name, "loss_share": 0.25} for name in names],
            "empty": {},
        },
        tables=(Table("Risk by model", ("Model", "Highest"), (("prosecutor", 0.2), ("x", None))),),
        figures=(classes, compared, Figure.of("Change", "bars", {"age": -0.4, "sex": 1.2})),
        limits=("The risk assumes that an attacker knows who is in the data.",),
        definitions={"equivalence class": "Rows that are equal in all quasi-identifiers."},
        sections=(Section("Inner", figures=(many,), sections=(Section("Deeper", text=("x",)),)),),
    )
    step = StepReport(
        operation="k_anonymity",
        rows_in=990,
        rows_out=945,
        rows_dropped=45,
        configuration={"k": 5, "columns": list(names), "hierarchies": {"age": {"kind": "date"}}},
        facts={"classes": 55, "named": named, "search_seconds": 1.25, "seed": None},
        warnings=tuple(f"The column '{name}' is odd." for name in names),
        columns=ColumnChanges(tuple(names), tuple(names), (("age", "int64", "string"),)),
        limits=("Only the named columns were looked at.",),
        sections=(risk,),
    )
    first = StepReport("remove_duplicates", 995, 990, 5, {"subset": []})
    letters = tuple("ABCDEFGHIJKLMNOPQRST")
    wide = Table("A wide table", letters, (tuple(range(len(letters))),))
    path = "out/patients.csv"
    return Report(
        input=InputFacts("in/*.csv", "csv", "gz", None, 61000, "0" * 64, None, ()),
        output=OutputFacts(
            path, "csv", None, 60000, "f" * 64, 2, f"{path}.x", tuple(map(column, names))
        ),
        rows=RowCounts(1000, 945, 50, 5),
        steps=(first, step),
        run=RunFacts(
            "run-1", "a_job", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01Z", {"dagster": "1"}
        ),
        sections=(
            Section("Added", facts={"names": list(names)}, tables=(wide,), source="some-plugin"),
            *map(full_of, filter(None, names)),
        ),
    )


def full_of(name):
    """Return a section in which every text is this one."""
    return Section(
        title=name,
        text=(name,),
        facts={name: name, "nested": {name: [{name: name}]}},
        tables=(Table(name, (name,), ((name,),), note=name),),
        figures=(
            Figure(name, "bars", (name,), {name: (1,), f"{name} ": (2,)}, unit=name, note=name),
            Figure(name, "columns", (name,), {name: (1,)}, unit=name),
            Figure(name, "parts", (name,), {name: (1,)}, unit=name),
        ),
        warnings=(name,),
        limits=(name,),
        definitions={name: name},
        source=name,
    )
