# ruff: noqa: DTZ001, RUF001 - cells have no time zone; odd characters are the point
import datetime as dt
import decimal
import io
import math
import zipfile

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from util_services.datasets.codecs import xlsx
from util_services.datasets.codecs.protocol import CodecOptions
from util_services.datasets.codecs.xlsx.serials import kind_of_format, microseconds_of, serial_of
from util_services.datasets.compression import Bounds
from util_services.errors import ConfigurationError, DatasetError

DAY = 86_400_000_000
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2079, 6, 1))
COLUMNS = {
    pa.string(): TEXTS,
    pa.int64(): st.integers(-(2**53), 2**53),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(dt.date(1900, 1, 1)),
    pa.timestamp("us"): MOMENTS,
    pa.time64("us"): st.times(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("xlsx")


def write(folder, table, **options):
    count = xlsx.write(table.to_reader(), folder / "written.xlsx", CodecOptions(**options))
    assert count == table.num_rows
    return folder / "written.xlsx"


def read(file, **options):
    return xlsx.read(file, CodecOptions(**options)).read_all()


def refusal(action, *arguments, error=DatasetError, **options):
    with pytest.raises(error) as raised:
        action(*arguments, **options)
    return str(raised.value)


def made_by_openpyxl(folder, rows, sheet="Data", **properties):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    for name, value in properties.items():
        setattr(book, name, value)
    book.save(folder / "openpyxl.xlsx")
    return folder / "openpyxl.xlsx"


def with_sheet(folder, cells, **parts):
    """Return a workbook whose only sheet holds these rows of XML."""
    table = pa.table({"a": ["1"]})
    file = write(folder, table)
    target = folder / "by_hand.xlsx"
    changed = {"xl/worksheets/sheet1.xml": cells, **parts}
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as sink:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml" and not cells.startswith("<?xml"):
                content = (
                    f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'
                ).encode()
            elif name in changed:
                content = changed[name].encode()
            sink.writestr(name, content)
    return target


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4))
    rows = draw(st.integers(1, 6))
    columns = [
        [*draw(st.lists(st.none() | COLUMNS[kind], min_size=rows, max_size=rows)), last]
        for kind in kinds
        for last in [draw(COLUMNS[kind])]
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, names=[f"column {n}" for n in range(len(kinds))])


@given(tables())
def test_what_is_written_comes_back_with_its_types(folder, table):
    assert read(write(folder, table)).equals(table)


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5, unique_by=str.casefold))
def test_any_text_is_a_name(folder, names):
    table = pa.table([pa.array(["x"])] * len(names), names=names)

    assert read(write(folder, table)).column_names == names


@given(tables())
def test_openpyxl_reads_the_same_values(folder, table):
    book = openpyxl.load_workbook(write(folder, table), data_only=True)
    rows = list(book.active.iter_rows(min_row=2))

    assert len(rows) == table.num_rows
    for cells, row in zip(rows, table.to_pylist(), strict=True):
        for cell, value in zip(cells, row.values(), strict=True):
            if isinstance(value, bool | int | float):
                assert cell.value == value
            elif value is None:
                assert cell.value is None
            elif isinstance(value, str):
                assert cell.data_type != "f"


def test_the_same_rows_give_the_same_bytes_whatever_their_batches(folder):
    table = pa.table({"a": [f"t{n}" for n in range(12_000)], "b": range(12_000)})
    first = write(folder, table).read_bytes()

    second = xlsx.write(
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=5000)),
        folder / "second.xlsx",
    )

    assert second == 12_000
    assert (folder / "second.xlsx").read_bytes() == first


def test_a_text_is_never_a_formula(folder):
    texts = ["=cmd()", "+1", "-1", "@a", "{=1}", "http://example.org", "01234", "1e5", "TRUE"]
    file = write(folder, pa.table({"t": texts}))

    cells = openpyxl.load_workbook(file).active["A"][1:]

    assert [(cell.value, cell.data_type) for cell in cells[1:]] == [(t, "s") for t in texts[1:]]
    assert b"<f>" not in zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml")
    assert read(file)["t"].to_pylist() == texts


def test_doubles_keep_all_their_digits(folder):
    numbers = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0]

    found = read(write(folder, pa.table({"n": numbers})))["n"].to_pylist()

    assert [repr(number) for number in found] == [repr(number) for number in numbers]


def test_dp_15_control_characters_survive(folder):
    texts = ["\x00a\x1f", "line\r\nend\r", "\ttab\n", " ", "_x0041_", "_x000D_", "\ufffe", "𝒳"]

    assert read(write(folder, pa.table({"t": texts})))["t"].to_pylist() == texts


def test_decimals_of_few_digits_are_numbers_in_their_digits(folder):
    values = [decimal.Decimal("12.30"), None, decimal.Decimal("-0.01"), decimal.Decimal(10**14)]
    file = write(folder, pa.table({"d": pa.array(values, pa.decimal128(30, 2))}))

    assert read(file)["d"].to_pylist() == [12.3, None, -0.01, 1e14]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None, "b"], pa.dictionary(pa.int8(), pa.string())),
        (["a", None, "b"], pa.large_string()),
        (["a", None, "b"], pa.string_view()),
        ([1, None, 2], pa.uint64()),
        ([1.5, None, -2.5], pa.float32()),
        ([None, None, None], pa.null()),
    ],
)
def test_narrow_wide_and_coded_types_are_written_as_their_values(folder, values, kind):
    table = pa.table({"v": pa.array(values, kind), "last": [1, 2, 3]})

    assert read(write(folder, table))["v"].to_pylist() == values


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ([1, 2**53 + 1], pa.int64(), "Row 2 of the column 'c' holds a whole number beyond 2^53"),
        ([math.nan], pa.float64(), "Row 1 of the column 'c' holds NaN or an infinity"),
        ([-math.inf], pa.float32(), "Row 1 of the column 'c' holds NaN or an infinity"),
        (["x" * 32_768], pa.string(), "Row 1 of the column 'c' holds a text of more than 32767"),
        (["𝒳" * 16_384], pa.string(), "Row 1 of the column 'c' holds a text of more than 32767"),
        (
            [decimal.Decimal("0.1234567890123456")],
            pa.decimal128(38, 16),
            "Row 1 of the column 'c' holds a decimal of more than 15 digits",
        ),
        ([dt.date(1899, 12, 31)], pa.date32(), "Row 1 of the column 'c' holds a date before 1900"),
        (
            [dt.datetime(9999, 1, 1, 0, 0, 0, 1)],
            pa.timestamp("us"),
            "Row 1 of the column 'c' holds a time before 1900",
        ),
        ([1], pa.timestamp("ns"), "Row 1 of the column 'c' holds a time before 1900 or behind"),
        ([0], pa.timestamp("us", "UTC"), "The column 'c' has a time zone"),
        ([b"x"], pa.binary(), "The column 'c' has the type binary"),
        ([[1]], pa.list_(pa.int64()), "The column 'c' has the type list<"),
        ([1], pa.duration("us"), "The column 'c' has the type duration"),
    ],
)
def test_what_excel_cannot_hold_is_refused_by_row_and_column(folder, values, kind, sentence):
    table = pa.table({"c": pa.array(values, kind)})

    assert refusal(write, folder, table).startswith(sentence)


def test_a_text_of_the_greatest_length_is_written(folder):
    assert read(write(folder, pa.table({"t": ["x" * 32_767]})))["t"].to_pylist() == ["x" * 32_767]


def test_more_rows_or_columns_than_a_sheet_has_are_refused(folder):
    rows = pa.table({"n": pa.nulls(1_048_576, pa.int8())})
    columns = pa.table([pa.array([1])] * 16_385, names=[f"c{n}" for n in range(16_385)])

    assert "more rows than the 1048575" in refusal(write, folder, rows)
    assert "has 16385 columns" in refusal(write, folder, columns)


def test_a_last_row_without_a_value_is_refused_and_others_are_kept(folder):
    table = pa.table({"a": pa.array([None, 1, None, None, 2]), "b": pa.nulls(5, pa.string())})

    assert read(write(folder, table)).equals(table)
    assert refusal(write, folder, table.slice(0, 4)).startswith("Row 4, the last, holds no value")


def test_no_rows_give_a_header(folder):
    found = read(write(folder, pa.table({"a": pa.array([], pa.int64()), "b": pa.nulls(0)})))

    assert (found.column_names, found.num_rows) == (["a", "b"], 0)


@pytest.mark.parametrize("name", ["", "a/b", "x" * 32, "'a"])
def test_a_sheet_cannot_be_called_anything(folder, name):
    said = refusal(write, folder, pa.table({"a": [1]}), sheet=name, error=ConfigurationError)

    assert said.startswith("'sheet' must be 1 to 31 characters")


def test_a_sheet_is_written_and_read_by_name(folder):
    file = write(folder, pa.table({"a": [1]}), sheet='A & "B" <C>')

    assert read(file, sheet='A & "B" <C>').to_pylist() == [{"a": 1}]
    assert openpyxl.load_workbook(file).sheetnames == ['A & "B" <C>']


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(folder):
    file = made_by_openpyxl(folder, [["a"]], sheet="Kasse")

    assert refusal(read, file, sheet="Patients", error=ConfigurationError) == (
        "The workbook has no sheet 'Patients'; it has 'Kasse'."
    )


def test_the_first_visible_sheet_is_read(folder):
    book = openpyxl.Workbook()
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Second").append(["shown"])
    book.active = 1
    book.save(folder / "two.xlsx")

    assert read(folder / "two.xlsx").column_names == ["shown"]
    assert read(folder / "two.xlsx", sheet="Sheet").column_names == ["hidden"]


def test_columns_have_the_type_on_which_their_cells_agree(folder):
    file = made_by_openpyxl(
        folder,
        [
            ["text", "whole", "real", "both", "yes", "day", "moment", "time", "none"],
            ["01", 1, 0.5, 1, True, dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1), dt.time(1)],
            ["x", -2, 1.5, 1.5, False, dt.date(1900, 1, 1), dt.date(2024, 3, 1), dt.time(23, 59)],
            [None] * 9,
            ["NA", 3, 2.5, None, None, None, None, None],
        ],
    )

    found = read(file)

    assert [str(kind) for kind in found.schema.types] == [
        *("string", "int64", "double", "double", "bool"),
        *("date32[day]", "timestamp[us]", "time64[us]", "string"),
    ]
    assert found["text"].to_pylist() == ["01", "x", None, "NA"]
    assert found["whole"].to_pylist() == [1, -2, None, 3]
    assert found["day"].to_pylist()[:2] == [dt.date(2024, 2, 29), dt.date(1900, 1, 1)]
    assert found["moment"].to_pylist()[1] == dt.datetime(2024, 3, 1)
    assert found["time"].to_pylist()[:2] == [dt.time(1), dt.time(23, 59)]


def test_dp_16_a_column_of_several_kinds_is_text(folder):
    cells = [1, "x", 2.5, True, dt.date(2024, 2, 13), dt.datetime(2024, 2, 13, 10, 30), dt.time(9)]
    file = made_by_openpyxl(folder, [["mixed"], *([cell] for cell in cells)])

    assert read(file)["mixed"].to_pylist() == [
        *("1", "x", "2.5", "TRUE", "2024-02-13", "2024-02-13T10:30:00", "09:00:00")
    ]


def test_dp_04_dp_05_whole_numbers_are_exact_whatever_their_size(folder):
    header = "".join(f'<c t="str"><v>{name}</v></c>' for name in "abc")
    rows = [[2**53 + 1, 10**30, 2**53 + 1], ["", 1, 0.5], [-(2**63), -1, ""]]
    cells = "".join(f"<row>{''.join(f'<c><v>{v}</v></c>' for v in row)}</row>" for row in rows)
    file = with_sheet(folder, f"<row>{header}</row>{cells}")

    found = read(file)

    assert found["a"].to_pylist() == [2**53 + 1, None, -(2**63)]
    assert found["b"].to_pylist() == [10**30, 1, -1]
    assert found["b"].type == pa.decimal128(38, 0)
    assert found["c"].to_pylist() == [str(2**53 + 1), "0.5", None]


def test_dp_35_days_count_as_excel_counts_them():
    def day(serial):
        moment = microseconds_of(serial, is_1904=False)
        return None if moment is None else dt.date(1970, 1, 1) + dt.timedelta(moment // DAY)

    assert day(1) == dt.date(1900, 1, 1)
    assert day(59) == dt.date(1900, 2, 28)
    assert day(60) is None
    assert day(61) == dt.date(1900, 3, 1)
    assert day(45_351) == dt.date(2024, 2, 29)
    assert day(2_958_465) == dt.date(9999, 12, 31)
    assert day(2_958_466) is None
    assert day(-1) is None


@given(st.integers(-25_567, 2_932_896), st.integers(0, 86_399_999))
def test_each_millisecond_has_a_serial_and_comes_back(day, millisecond):
    moment = day * DAY + millisecond * 1000

    assert microseconds_of(serial_of(moment), is_1904=False) == moment


def test_day_60_is_refused_by_its_cell(folder):
    file = with_sheet(
        folder, '<row r="1"><c t="str"><v>d</v></c></row><row><c s="1"><v>60</v></c></row>'
    )

    assert refusal(read, file).startswith("The cell A2 of 'Sheet1' holds day 60")


def test_dp_35_workbooks_of_1904(folder):
    book = xlsxwriter.Workbook(folder / "1904.xlsx", {"date_1904": True})
    sheet = book.add_worksheet()
    sheet.write_string(0, 0, "day")
    sheet.write_datetime(1, 0, dt.date(2024, 2, 29), book.add_format({"num_format": "dd/mm/yyyy"}))
    book.close()

    assert read(folder / "1904.xlsx")["day"].to_pylist() == [dt.date(2024, 2, 29)]
    assert read(folder / "1904.xlsx", excel_1904=False)["day"].to_pylist() == [dt.date(2020, 2, 28)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", None),
        ("0.00E+00", None),
        ("#,##0.00 [$€-407]", None),
        ('0 "days"', None),
        ("[Red]0;[Blue]-0", None),
        ("@", None),
        ("[h]:mm:ss", None),
        ("yyyy-mm-dd", "date"),
        ("mmm yy", "date"),
        ("mmmm", "date"),
        ("[$-409]d. mmmm yyyy;@", "date"),
        ("dd/mm/yyyy hh:mm", "datetime"),
        ("h:mm AM/PM", "time"),
        ("mm:ss.0", "time"),
        ("\\d0", None),
    ],
)
def test_number_formats_say_what_a_number_is(code, kind):
    assert kind_of_format(code) == kind


def test_error_cells_are_refused_or_missing_as_asked_and_texts_like_them_are_texts(folder):
    book = xlsxwriter.Workbook(folder / "errors.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_row(1, 0, ["#N/A", 1])
    sheet.write_formula(2, 1, "=NA()", None, "#N/A")
    sheet.write_string(3, 0, "end")
    book.close()

    file = folder / "errors.xlsx"
    assert refusal(read, file).startswith("The cell B3 of 'Sheet1' holds an error")
    found = read(file, error_cells="missing")
    assert found.to_pylist() == [
        {"a": "#N/A", "b": 1},
        {"a": None, "b": None},
        {"a": "end", "b": None},
    ]


def test_a_last_row_of_errors_is_a_row(folder):
    book = xlsxwriter.Workbook(folder / "last.xlsx")
    sheet = book.add_worksheet()
    sheet.write_string(0, 0, "a")
    sheet.write_formula(1, 0, "=NA()", None, "#N/A")
    book.close()

    assert read(folder / "last.xlsx", error_cells="missing").to_pylist() == [{"a": None}]


def test_a_formula_gives_the_value_stored_with_it(folder):
    book = xlsxwriter.Workbook(folder / "formula.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_formula(1, 0, "=1+1", None, 2)
    sheet.write_formula(1, 1, '="x"', None, "x")
    book.close()

    assert read(folder / "formula.xlsx").to_pylist() == [{"a": 2, "b": "x"}]


def test_rich_texts_are_read_whole_and_covered_cells_are_missing(folder):
    book = xlsxwriter.Workbook(folder / "rich.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_rich_string(1, 0, book.add_format({"bold": True}), "one", " two")
    sheet.merge_range(2, 0, 2, 1, "merged")
    sheet.set_row(2, None, None, {"hidden": True})
    sheet.write_blank(9, 0, None, book.add_format({"bold": True}))
    book.close()

    assert read(folder / "rich.xlsx").to_pylist() == [
        {"a": "one two", "b": None},
        {"a": "merged", "b": None},
    ]


def test_phonetic_hints_are_no_part_of_a_text(folder):
    cell = (
        '<c t="inlineStr"><is><r><t>東</t></r><rPh sb="0" eb="1"><t>とう</t></rPh>'
        "<r><t>京</t></r></is></c>"
    )
    file = with_sheet(folder, f'<row><c t="str"><v>a</v></c></row><row>{cell}</row>')

    assert read(file).to_pylist() == [{"a": "東京"}]


def test_cells_and_rows_without_addresses_follow_one_another(folder):
    file = with_sheet(
        folder,
        '<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>'
        '<row r="3"><c r="B3"><v>7</v></c></row><row><c><v>1</v></c><c t="d"><v>2024-02-29</v></c>'
        "</row>",
    )

    assert read(file).to_pylist() == [
        {"a": None, "b": None},
        {"a": None, "b": "7"},
        {"a": 1, "b": "2024-02-29"},
    ]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("", "The sheet 'Sheet1' is empty"),
        ('<row><c r="B1" t="str"><v>b</v></c></row>', "Column 1 of the dataset has no name"),
        (
            '<row><c t="str"><v>a</v></c><c t="str"><v>A</v></c></row>',
            "The dataset has column names that are equal, or equal but for case: 'a', 'A'",
        ),
        (
            '<row><c t="str"><v>a</v></c></row><row r="5"><c r="D5"><v>1</v></c></row>',
            "The cell D5 of 'Sheet1' holds a value beyond the header",
        ),
        ('<row r="2"/><row r="1"/>', "Row 1 of the sheet stands behind row 2"),
        ('<row r="1048577"/>', "Row 1048577 of the sheet"),
        ('<row><c r="B1"/><c r="A1"/></row>', "The cells of row 1 are not in the order"),
        ('<row><c r="ZZZZ1"/></row>', "The cells of row 1 are not in the order"),
        ('<row><c t="s"><v>7</v></c></row>', "The cell A1 cannot be understood"),
        ("<row><c><v>secret</v></c></row>", "The cell A1 cannot be understood"),
        ("<row><c><v>1e999</v></c></row>", "The cell A1 cannot be understood"),
        ('<row><c s="1"><v>-3</v></c></row>', "The cell A1 of 'Sheet1' holds a date that"),
        ('<row><c t="d"><v>secret</v></c></row>', "The cell A1 of 'Sheet1' holds no date"),
        ("<row><c>", "The Excel workbook is damaged or incomplete"),
    ],
)
def test_what_is_no_table_is_refused_by_its_place(folder, rows, sentence):
    said = refusal(read, with_sheet(folder, rows))

    assert said.startswith(sentence)
    assert "secret" not in said


def test_a_document_type_is_refused(folder):
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'

    assert "document type" in refusal(read, with_sheet(folder, text))


def test_a_workbook_that_would_fill_memory_is_refused(folder):
    file = write(folder, pa.table({"a": [" " * 32_000] * 2000}))

    assert "more than 20 times its size" in refusal(
        read, file, bounds=Bounds(max_ratio=20, free_bytes=1 << 20)
    )


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_workbook_that_breaks_off_is_refused(folder, share):
    content = made_by_openpyxl(folder, [["a"], [1]]).read_bytes()
    (folder / "broken.xlsx").write_bytes(content[: int(len(content) * share)])

    assert "damaged or incomplete" in refusal(read, folder / "broken.xlsx")


def test_other_files_are_told_apart(folder):
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.csv", "a")
    for name, content in {
        "a.xlsx": other.getvalue(),
        "b.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "c.xlsx": b"a,b\n1,2\n",
    }.items():
        (folder / name).write_bytes(content)

    assert refusal(read, folder / "a.xlsx").startswith("The file is a zip archive but no Excel")
    assert "of the old kind or with a password" in refusal(read, folder / "b.xlsx")
    assert refusal(read, folder / "c.xlsx").startswith("The file does not begin like an Excel")
