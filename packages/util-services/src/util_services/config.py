"""Run-config classes of the ops that all jobs share."""

import dagster as dg
from pydantic import Field

from util_services.datasets.formats import FormatOrAuto
from util_services.flow.plan import ReadOptions, WriteOptions

DEFAULT_INPUT = "sample:patients.csv"
DEFAULT_OUTPUT = "_test_runs/{run_id}/patients.csv"


class ReadCsvConfig(dg.Config):
    """How the text of a CSV or TSV input is laid out; nothing of it is guessed."""

    delimiter: str | None = Field(
        default=None, description="One character; default ',' for csv and a tab for tsv."
    )
    encoding: str = Field(
        default="utf-8", description="Encoding of the file, such as 'utf-8', 'cp1252', 'utf-16'."
    )


class WriteCsvConfig(dg.Config):
    """How the text of a CSV or TSV output is laid out; it is written in UTF-8."""

    delimiter: str | None = Field(
        default=None, description="One character; default that of an input of the same format."
    )


class ReadDatasetConfig(dg.Config):
    """Which dataset a run reads."""

    path: str = Field(
        default=DEFAULT_INPUT,
        description=(
            "The dataset: relative to the storage root, or an absolute path or 's3://bucket/key' "
            "inside the allow-list, or 'sample:NAME' for data that comes with the package."
        ),
    )
    format: FormatOrAuto = Field(
        default="auto", description="The format; 'auto' goes by the ending of the path."
    )
    csv: ReadCsvConfig = Field(
        default_factory=ReadCsvConfig, description="The dialect of a csv or tsv file."
    )
    limit_rows: int | None = Field(
        default=None,
        ge=1,
        le=1 << 53,
        description=(
            "Read only this many rows, for a test run: the output goes below _test_runs/ and is "
            "marked as a slice."
        ),
    )
    keep_nan: bool = Field(
        default=False, description="Keep NaN as a number of its own instead of as missing."
    )

    def options(self) -> ReadOptions:
        """Return the options in the words of the dataset flow."""
        return ReadOptions(
            path=self.path,
            format=self.format,
            delimiter=self.csv.delimiter,
            encoding=self.csv.encoding,
            limit_rows=self.limit_rows,
            keep_nan=self.keep_nan,
        )


class WriteDatasetConfig(dg.Config):
    """Where a run publishes its dataset; reports appear beside it."""

    path: str = Field(
        default=DEFAULT_OUTPUT,
        description=(
            "The output: relative to the storage root, or absolute inside the allow-list; "
            "'{run_id}' stands for the id of the run. Beside it appear PATH.report.json and "
            "PATH.report.html."
        ),
    )
    format: FormatOrAuto = Field(
        default="auto", description="The format; 'auto' goes by the ending of the path."
    )
    csv: WriteCsvConfig = Field(
        default_factory=WriteCsvConfig, description="The dialect of a csv or tsv output."
    )
    overwrite: bool = Field(default=False, description="Replace an output that exists already.")

    def options(self) -> WriteOptions:
        """Return the options in the words of the dataset flow."""
        return WriteOptions(
            path=self.path,
            format=self.format,
            delimiter=self.csv.delimiter,
            overwrite=self.overwrite,
        )
