import pytest

from util_services.datasets.csv_dialect import HEADER_BYTES, CsvDialect, read_header
from util_services.errors import ConfigurationError, DatasetError


def names(head, delimiter=",", encoding="utf-8", **options):
    return read_header(head, CsvDialect(delimiter, encoding), **options)[1].names


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"a,b\n1,2\n", ["a", "b"]),
        (b"\xef\xbb\xbfa,b\n", ["a", "b"]),
        (b'\xef\xbb\xbf"a",b\n', ["a", "b"]),
        (b'"a,x","b""y"\n', ["a,x", 'b"y']),
        (b'"a\nx",b\r\n', ["a\nx", "b"]),
        (b"a", ["a"]),
        ("größe,naïve\n".encode(), ["größe", "naïve"]),
        (b" a , b\n", [" a ", " b"]),
    ],
)
def test_a_header_names_the_columns(head, expected):
    assert names(head) == expected


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig"])
def test_a_header_is_read_in_its_declared_encoding(encoding):
    assert names("größe;b\n".encode(encoding), ";", encoding) == ["größe", "b"]


@pytest.mark.parametrize(("end", "name"), [("\n", "lf"), ("\r\n", "crlf"), ("\r", "cr")])
def test_the_end_of_the_header_is_the_end_of_all_lines(end, name):
    dialect, _ = read_header(f'"a\n",b{end}1,2{end}'.encode(), CsvDialect())

    assert dialect.to_dict() == {
        "delimiter": ",",
        "encoding": "utf-8",
        "line_end": name,
        "empty_as_null": False,
    }
    assert CsvDialect.from_dict(dialect.to_dict()) == dialect


@pytest.mark.parametrize(
    ("head", "encoding", "message"),
    [
        (b"", "utf-8", "The file is empty, without even a header; check how it was written."),
        (
            b"\na,b\n",
            "utf-8",
            "The file begins with an empty line; its first line must name columns.",
        ),
        (b"a,,c,\n", "utf-8", "Column 2, 4 of the dataset has no name; name it in the header."),
        (
            b"id,ID,x\n",
            "utf-8",
            "The dataset has column names that are equal, or equal but for case: 'id', 'ID'; "
            "rename them in the source. Or set 'csv.duplicate_names: suffix'.",
        ),
        (
            b'a\n,"b\n',
            "utf-8",
            None,
        ),
        (b'"a,b\n1,2', "utf-8", "The header has a quote that is never closed; repair the file."),
        (
            b"a,\xe9\n",
            "utf-8",
            "The file is not in the encoding 'utf-8': byte 2 in line 1 does not belong to it; set "
            "'csv.encoding' to the file's encoding.",
        ),
        (
            b"a,b\nx,\x81\n",
            "cp1252",
            "The file is not in the encoding 'cp1252': byte 6 in line 2 does not belong to it; set "
            "'csv.encoding' to the file's encoding.",
        ),
        (
            b"ab,c\n1",
            "utf-16",
            "The file is not in the encoding 'utf-16': byte 0 in line 1 does not belong to it; set "
            "'csv.encoding' to the file's encoding.",
        ),
        (
            b"a" * HEADER_BYTES,
            "utf-8",
            "The first line is longer than 1 MB, so it is no header; check the file, or "
            "'csv.encoding'.",
        ),
        (
            "ä".encode() * (HEADER_BYTES // 2),
            "utf-8",
            "The first line is longer than 1 MB, so it is no header; check the file, or "
            "'csv.encoding'.",
        ),
    ],
)
def test_what_is_no_header_is_refused_in_a_sentence(head, encoding, message):
    if message is None:
        assert names(head, ",", encoding) == ["a"]
        return
    with pytest.raises(DatasetError) as refused:
        names(head, ",", encoding)

    assert str(refused.value) == message


def test_names_in_a_sentence_are_cut_and_keep_it_one_line():
    with pytest.raises(DatasetError) as refused:
        names(b'"a\nb\x1b","A\nB\x1b",' + b"x" * 500 + b"," + b"X" * 500)

    message = str(refused.value)
    assert "'a\\nb\\x1b', 'A\\nB\\x1b'" in message
    assert message.isprintable()
    assert "x" * 80 + "…" in message
    assert "x" * 81 not in message


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n", "\r", "\0"])
def test_what_cannot_delimit_is_refused(delimiter):
    with pytest.raises(ConfigurationError, match=r"^'csv.delimiter' must be"):
        CsvDialect(delimiter)


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "hex", "utf-8\0", ""])
def test_what_is_no_text_encoding_is_refused(encoding):
    with pytest.raises(ConfigurationError, match=r"^'csv.encoding' names no known encoding"):
        CsvDialect(",", encoding)
