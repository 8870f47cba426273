"""Run-config classes of the ops that all jobs share."""

import dagster as dg
from pydantic import Field

from util_services.datasets.codecs.protocol import CodecOptions, ErrorCells
from util_services.datasets.compression import DEFAULT_BOUNDS, Bounds
from util_services.datasets.csv_dialect import DuplicateNames
from util_services.datasets.formats import CompressionOrAuto, FormatOrAuto
from util_services.flow.plan import DEFAULT_PART_ROWS, BadRows, ReadOptions, WriteOptions
from util_services.flow.report_plan import ReportOptions

DEFAULT_INPUT = "sample:patients.csv"
DEFAULT_OUTPUT = "_test_runs/{run_id}/patients.csv"
DEFAULT_REPORT = "_test_runs/{run_id}/patients"


class ReadCsvConfig(dg.Config):
    """How the text of a CSV or TSV input is laid out; nothing of it is guessed."""

    delimiter: str | None = Field(
        default=None, description="One character; default ',' for csv and a tab for tsv."
    )
    encoding: str = Field(
        default="utf-8", description="Encoding of the file, such as 'utf-8', 'cp1252', 'utf-16'."
    )
    empty_as_null: bool = Field(
        default=False, description="Read a quoted empty field as missing, like an unquoted one."
    )
    duplicate_names: DuplicateNames = Field(
        default="error",
        description="Refuse columns of one name ('error'), or name the second NAME_2 ('suffix').",
    )


class ReadXlsxConfig(dg.Config):
    """Which part of an Excel workbook is read, and how."""

    sheet: str | None = Field(default=None, description="The sheet; default the first visible.")
    error_cells: ErrorCells = Field(
        default="error", description="What a cell such as #N/A is: an error, or missing."
    )
    excel_1904: bool | None = Field(
        default=None, description="Count days from 1904; default what the workbook says."
    )


class ReadTextConfig(dg.Config):
    """How text documents become rows; each is one row with the column 'text'."""

    encoding: str = Field(default="utf-8", description="Encoding of the documents.")
    file_column: str | None = Field(
        default=None, description="A second column for the name of each document."
    )


class WriteCsvConfig(dg.Config):
    """How the text of a CSV or TSV output is laid out; it is written in UTF-8."""

    delimiter: str | None = Field(
        default=None, description="One character; default that of an input of the same format."
    )


class WriteXlsxConfig(dg.Config):
    """How an Excel workbook is written."""

    sheet: str | None = Field(default=None, description="The name of its sheet.")


class ReadDatasetConfig(dg.Config):
    """Which dataset a run reads."""

    path: str = Field(
        default=DEFAULT_INPUT,
        description=(
            "The dataset: relative to the storage root, or an absolute path or 's3://bucket/key' "
            "inside the allow-list, or 'sample:NAME' for data that comes with the package. A path "
            "that ends in '/' or holds '*' names many objects of one schema."
        ),
    )
    format: FormatOrAuto = Field(
        default="auto", description="The format; 'auto' goes by the ending of the path."
    )
    compression: CompressionOrAuto = Field(
        default="auto",
        description="The compression; 'auto' goes by the ending, as in .csv.gz.",
    )
    member: str | None = Field(
        default=None, description="Which file of a zip archive, where it holds several."
    )
    max_ratio: float = Field(
        default=DEFAULT_BOUNDS.max_ratio,
        ge=1,
        description="How many times its size a compressed file may hold.",
    )
    max_bytes: int | None = Field(
        default=None, ge=1, description="How many bytes a compressed file may hold."
    )
    csv: ReadCsvConfig = Field(
        default_factory=ReadCsvConfig, description="The dialect of a csv or tsv file."
    )
    xlsx: ReadXlsxConfig = Field(
        default_factory=ReadXlsxConfig, description="How an Excel workbook is read."
    )
    text: ReadTextConfig = Field(
        default_factory=ReadTextConfig, description="How text documents are read."
    )
    bad_rows: BadRows = Field(
        default="error",
        description=(
            "What becomes of records that cannot be read, such as lines with a field too many: "
            "'error', or 'quarantine', a file PATH.quarantine.jsonl beside the output that holds "
            "them and so holds personal data."
        ),
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
            compression=self.compression,
            member=self.member,
            delimiter=self.csv.delimiter,
            encoding=self.csv.encoding,
            empty_as_null=self.csv.empty_as_null,
            duplicate_names=self.csv.duplicate_names,
            codec=CodecOptions(
                sheet=self.xlsx.sheet,
                excel_1904=self.xlsx.excel_1904,
                error_cells=self.xlsx.error_cells,
                encoding=self.text.encoding,
                file_column=self.text.file_column,
                bounds=Bounds(self.max_ratio, max_bytes=self.max_bytes),
            ),
            bad_rows=self.bad_rows,
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
            "PATH.report.html. A path that ends in '/' is a folder of part files, listed in "
            "_manifest.json."
        ),
    )
    format: FormatOrAuto = Field(
        default="auto", description="The format; 'auto' goes by the ending of the path."
    )
    compression: CompressionOrAuto = Field(
        default="auto",
        description="The compression; 'auto' goes by the ending, as in .csv.gz.",
    )
    csv: WriteCsvConfig = Field(
        default_factory=WriteCsvConfig, description="The dialect of a csv or tsv output."
    )
    xlsx: WriteXlsxConfig = Field(
        default_factory=WriteXlsxConfig, description="How an Excel workbook is written."
    )
    part_rows: int = Field(
        default=DEFAULT_PART_ROWS, ge=1, description="How many rows a part file holds."
    )
    overwrite: bool = Field(default=False, description="Replace an output that exists already.")

    def options(self) -> WriteOptions:
        """Return the options in the words of the dataset flow."""
        return WriteOptions(
            path=self.path,
            format=self.format,
            compression=self.compression,
            delimiter=self.csv.delimiter,
            sheet=self.xlsx.sheet,
            part_rows=self.part_rows,
            overwrite=self.overwrite,
        )


class WriteReportConfig(dg.Config):
    """Where a run publishes what it found, and none of the rows."""

    path: str = Field(
        default=DEFAULT_REPORT,
        description=(
            "The report: relative to the storage root, or absolute inside the allow-list; "
            "'{run_id}' stands for the id of the run. There appear PATH.report.json and "
            "PATH.report.html."
        ),
    )
    overwrite: bool = Field(default=False, description="Replace a report that exists already.")

    def options(self) -> ReportOptions:
        """Return the options in the words of the dataset flow."""
        return ReportOptions(self.path, self.overwrite)
