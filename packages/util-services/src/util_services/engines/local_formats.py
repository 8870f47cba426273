"""How the local engine reads and writes each format: explicit options, nothing guessed."""

from __future__ import annotations

import codecs
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from util_services.datasets.csv_dialect import QUOTE, CsvDialect, not_in_encoding
from util_services.datasets.json_lines import diagnose_lines, first_fault, refuse_keys
from util_services.datasets.schema import Column, Schema
from util_services.datasets.sifting import BadRecord, sift_csv
from util_services.engines.failures import NOT_A_YEAR, NOT_FINITE
from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import narwhals as nw
    from duckdb.sqltypes import DuckDBPyType

    from util_services.datasets.formats import Format
    from util_services.encryption.paths import AnyPath

MAX_LINE_BYTES = 256 << 20  # a record of a CSV file or a line of JSON, quoted line breaks included
COMMON_LINE_BYTES = 2 << 20  # DuckDB's buffers are many times as large as the longest line
READ_BYTES = 1 << 20
YEARS_BEYOND = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone"}
NESTED = {"list", "array", "struct", "map", "union"}

REJECTIONS = {
    "TOO MANY COLUMNS": "has more fields than the header",
    "MISSING COLUMNS": "has fewer fields than the header",
    "UNQUOTED VALUE": "has text after a closing quote, or a quote that is never closed",
    "LINE SIZE OVER MAXIMUM": f"is longer than {MAX_LINE_BYTES >> 20} MB",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A local file that is to be staged."""

    file: AnyPath
    format: Format
    schema: Schema
    dialect: CsvDialect | None = None
    types: Mapping[str, str] | None = None  # SQL types of JSON lines, where they are known
    unit: str = "Line"  # what a line of JSON was in the source


def sql_name(name: str) -> str:
    """Return a column name as a SQL identifier; any text is a name."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(value: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def read_parquet(*files: str | AnyPath) -> str:
    """Return the SQL that reads Parquet files, one behind the other."""
    return f"read_parquet({sql_files(*files)}, hive_partitioning = false)"


def sql_files(*files: str | AnyPath) -> str:
    """Return files as SQL: DuckDB takes ``*``, ``?`` and ``[`` in a name for a pattern."""
    names = (re.sub(r"[*?\[]", r"[\g<0>]", str(file)) for file in files)
    return f"[{', '.join(map(sql_text, names))}]"


def source_query(
    connection: duckdb.DuckDBPyConnection, source: Source, line_bytes: int = MAX_LINE_BYTES
) -> str:
    """Return the query that reads a source in its order.

    Args:
        connection: looks into JSON for its types.
        source: the file.
        line_bytes: how long a record of a CSV file, or a line of JSON, may be.
    """
    match source.format:
        case "csv" | "tsv":
            return f"SELECT * FROM {_read_csv(source, line_bytes)}"
        case "jsonl":
            return f"SELECT * FROM {_read_json(connection, source, line_bytes)}"
        case _:
            names = ", ".join(map(sql_name, source.schema.names))
            return f"SELECT {names} FROM {read_parquet(source.file)}"


def copy_options(format: Format, dialect: CsvDialect | None) -> str:
    """Return the options with which a format of the engine's own is written."""
    match format:
        case "jsonl":
            return "FORMAT json"
        case "csv" | "tsv":
            dialect = dialect or CsvDialect("\t" if format == "tsv" else ",")
            quote = sql_text(QUOTE)
            return (
                f"FORMAT csv, HEADER true, DELIMITER {sql_text(dialect.delimiter)}, "
                f"QUOTE {quote}, ESCAPE {quote}, NULLSTR '', "
                f"NEW_LINE {_escaped(dialect.line_end)}"
            )
        case _:
            raise AssertionError(f"the format {format} has a writer of its own")


def written_columns(frame: nw.LazyFrame[Any], format: Format) -> str:
    """Return the columns of a frame as a format can hold them.

    Raises:
        DatasetError: naming a column of a type that the format has no place for.
    """
    if format == "parquet":
        return "*"
    rows = frame.to_native()
    return ", ".join(
        f"{_written(name, kind, format)} AS {sql_name(name)}"
        for name, kind in zip(rows.columns, rows.types, strict=True)
    )


def _written(name: str, kind: DuckDBPyType, format: Format) -> str:
    """Return the SQL of a value as text can hold it; what it cannot hold ends the query."""
    value = sql_name(name)
    if kind.id == "blob" or (kind.id in NESTED and format != "jsonl"):
        held = "bytes" if kind.id == "blob" else "lists, structs or maps"
        raise DatasetError(
            f"The column {quoted([name])} holds {held}, for which {format} has no place; leave it "
            "out, or write parquet."
        )
    if kind.id in {"float", "double"} and format == "jsonl":
        # the list hides bounds that a Parquet file states, from which DuckDB concludes too much
        fits = f"isfinite(list_value({value})[1])"
        return _or_error(value, fits, f"{NOT_FINITE}<{name}>")
    if kind.id in YEARS_BEYOND:
        fits = f"{value} BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'"
        return _or_error(value, fits, f"{NOT_A_YEAR}<{name}>")
    return value


def _or_error(value: str, fits: str, error: str) -> str:
    return f"CASE WHEN {fits} OR {value} IS NULL THEN {value} ELSE error({sql_text(error)}) END"


def diagnose(connection: duckdb.DuckDBPyConnection, source: Source) -> DatasetError:
    """Return the error that says where a source breaks its own rules."""
    if source.format == "jsonl":
        return diagnose_lines(source.file, source.unit)
    if source.format == "parquet":
        return DatasetError("The Parquet file is damaged or incomplete; write it anew.")
    return (
        bad_line(connection, source)
        or odd_record(source)
        or DatasetError(
            "The file cannot be read as CSV: its lines do not all end alike, a quote is never "
            "closed, or 'csv.delimiter' is another; repair the file or correct the option."
        )
    )


def odd_record(source: Source) -> DatasetError | None:
    """Return the error for the first record of a CSV file that RFC 4180 does not allow, if any."""

    def tell(bad: BadRecord) -> None:
        raise DatasetError(
            f"Line {bad.line} {bad.reason}; repair it, correct 'csv.delimiter', or set "
            "'bad_rows: quarantine'."
        )

    try:
        columns = len(source.schema.columns)
        sift_csv(source.file, source.dialect or CsvDialect(), columns, Path(os.devnull), tell)
    except DatasetError as error:
        return error
    return None


def bad_line(connection: duckdb.DuckDBPyConnection, source: Source) -> DatasetError | None:
    """Return the error for the first line of a CSV file that is not as it should be, if any."""
    wrong_bytes = _undecodable(source.file)
    if wrong_bytes is not None:
        return wrong_bytes
    try:
        connection.execute("DROP TABLE IF EXISTS reject_errors")
        connection.execute("DROP TABLE IF EXISTS reject_scans")
        connection.execute(
            f"SELECT count(*) FROM {_read_csv(source, store_rejects=True)}"
        ).fetchall()
        found = connection.execute(
            "SELECT line, error_type::VARCHAR FROM reject_errors ORDER BY line LIMIT 1"
        ).fetchone()
    except duckdb.Error:
        found = None
    if found is None:
        return None
    line, kind = found
    reason = REJECTIONS.get(kind, "is not as the header and the dialect say")
    return DatasetError(
        f"Line {line} {reason}; repair it, correct 'csv.delimiter', or set 'bad_rows: quarantine'."
    )


def _read_csv(
    source: Source, line_bytes: int = MAX_LINE_BYTES, *, store_rejects: bool = False
) -> str:
    dialect = source.dialect or CsvDialect()
    options = {
        "compression": "'none'",  # whatever the file is called
        "hive_partitioning": "false",  # a folder called 'a=b' is no column
        "auto_detect": "false",  # the sniffer loses rows of ragged files without a word
        "header": "true",
        "columns": _columns(dict.fromkeys(source.schema.names, "VARCHAR")),
        "delim": sql_text(dialect.delimiter),
        "quote": sql_text(QUOTE),
        "escape": sql_text(QUOTE),
        "nullstr": "''",
        "allow_quoted_nulls": str(dialect.empty_as_null).lower(),  # else "" is an empty text
        "strict_mode": "true",
        "max_line_size": str(line_bytes),
        "store_rejects": str(store_rejects).lower(),
    }
    return f"read_csv({sql_files(source.file)}, {_assignments(options)})"


def _read_json(connection: duckdb.DuckDBPyConnection, source: Source, line_bytes: int) -> str:
    types = source.types or json_types(connection, [source.file], source.unit, line_bytes)
    return _read_lines([source.file], _columns(types), line_bytes)


def _read_lines(files: Sequence[AnyPath], columns: str, line_bytes: int) -> str:
    options = {
        "compression": "'none'",
        "hive_partitioning": "false",
        "format": "'newline_delimited'",
        "columns": columns,
        "maximum_object_size": str(line_bytes),
    }
    return f"read_json({sql_files(*files)}, {_assignments(options)})"


def json_types(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[AnyPath],
    unit: str = "Line",
    line_bytes: int = MAX_LINE_BYTES,
) -> dict[str, str]:
    """Return the SQL type of each key over all lines; texts stay texts, dates among them.

    Raises:
        DatasetError: if a line is no JSON object, or keys cannot be columns.
    """
    options = {"compression": "'none'", "maximum_object_size": str(line_bytes)}
    objects = f"read_ndjson_objects({sql_files(*files)}, {_assignments(options)})"
    strangers = "count(*) FILTER (json_type(json) <> 'OBJECT')"
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute("SET threads = 1")  # several would bring the keys in an order of chance
    try:
        found = connection.execute(
            f"SELECT json_group_structure(json), {strangers} FROM {objects}"
        ).fetchone()
    finally:
        connection.execute(f"SET threads = {threads}")
    structure = json.loads(found[0]) if found and found[0] else None
    if not isinstance(structure, dict) or not structure or (found and found[1]):
        raise diagnose_lines(files[0], unit)
    try:
        refuse_keys(structure)
    except DatasetError as error:
        raise first_fault(files[0], unit) or error from None
    types = {name: _sql_type(kind) for name, kind in structure.items()}
    Schema(tuple(Column(name, kind) for name, kind in types.items()))
    numbers = [name for name, kind in structure.items() if _holds_numbers(kind)]
    return types | _exact_types(
        connection, files, {name: types[name] for name in numbers}, line_bytes
    )


def _exact_types(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[AnyPath],
    types: Mapping[str, str],
    line_bytes: int,
) -> dict[str, str]:
    """Return types that hold the numbers of some columns as they are written.

    Whole numbers beyond 64 bits become decimals. What neither integers, decimals of 38 digits nor
    doubles hold, such as a large whole number beside fractions, stays JSON.

    Raises:
        DatasetError: if a number is NaN or an infinity, which JSON does not know.
    """
    if not types:
        return {}
    aggregates = ", ".join(
        f"bool_and(regexp_full_match({name}, '-?\\d{{1,38}}')), "
        f"bool_and({name} IS NULL OR try_cast({name} AS BIGINT) IS NOT NULL), "
        f"bool_or(regexp_matches({name}, '(^|[\\[:,]\\s*)-?\\d{{16,}}\\s*($|[\\],}}])') OR "
        f"isinf(try_cast({name} AS DOUBLE))), "
        f"bool_or(regexp_matches({name}, '(?i)^-?(nan|inf)'))"
        for name in (f"{sql_name(name)}::VARCHAR" for name in types)
    )
    columns = _columns(dict.fromkeys(types, "JSON"))
    read = _read_lines(files, columns, line_bytes)
    found = connection.execute(f"SELECT {aggregates} FROM {read}").fetchone() or ()
    exact = {}
    for number, (name, kind) in enumerate(types.items()):
        whole, fits, wide, foreign = found[4 * number : 4 * number + 4]
        if foreign:
            raise first_fault(files[0]) or DatasetError(
                f"The column {quoted([name])} holds NaN or an infinity, which JSON does not know; "
                "write null or a text instead."
            )
        if kind in {"BIGINT", "DOUBLE"} and whole:
            exact[name] = "BIGINT" if fits else "DECIMAL(38, 0)"
        elif wide:
            exact[name] = "JSON"
    return exact


def _holds_numbers(structure: Any) -> bool:
    if isinstance(structure, dict):
        return any(map(_holds_numbers, structure.values()))
    if isinstance(structure, list):
        return any(map(_holds_numbers, structure))
    return structure in {"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"}


def _sql_type(structure: Any) -> str:
    if isinstance(structure, dict):
        return f"STRUCT({', '.join(f'{sql_name(n)} {_sql_type(t)}' for n, t in structure.items())})"
    if isinstance(structure, list):
        return f"{_sql_type(structure[0])}[]"
    return {"UBIGINT": "BIGINT", "NULL": "VARCHAR"}.get(structure, str(structure))


def _columns(types: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{sql_text(n)}: {sql_text(t)}" for n, t in types.items()) + "}"


def _assignments(options: Mapping[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in options.items())


def _escaped(line_end: str) -> str:
    return sql_text(line_end.replace("\r", "\\r").replace("\n", "\\n"))


def _undecodable(file: AnyPath) -> DatasetError | None:
    """Return the error for the first bytes that are not UTF-8, None where all are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line, pending = 0, 1, 0
    with file.open("rb") as source:
        while True:
            block = source.read(READ_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = max(error.start - pending, 0)
                return not_in_encoding(
                    "utf-8", offset + error.start - pending, line + block.count(b"\n", 0, start)
                )
            if not block:
                return None
            pending = len(decoder.getstate()[0])
            offset += len(block)
            line += block.count(b"\n")
