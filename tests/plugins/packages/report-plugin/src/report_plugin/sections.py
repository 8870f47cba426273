"""The sections."""

from util_services.reports import Figure, Report, Section, Table


def kept_share(report: Report) -> list[Section]:
    """Return the share of rows that was kept."""
    share = report.rows.out / max(report.rows.read, 1)
    return [
        Section(
            title="What was kept",
            facts={"kept_share": share, "of": {"job": report.run.job}},
            figures=(Figure.of("Kept", "parts", {"kept": report.rows.out}, unit="rows"),),
            tables=(
                Table("Columns", ("Name",), tuple((c["name"],) for c in report.output.columns)),
            ),
            limits=("It says nothing of why.",),
            definitions={"kept": "Published."},
        )
    ]


def made_of_a_defect(report: Report) -> list[Section]:
    """Raise an error whose text quotes what it stumbled over."""
    raise KeyError("canary@example.org")
