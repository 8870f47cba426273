import codecs

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.datasets.codecs import CodecOptions, text
from util_services.errors import ConfigurationError, DatasetError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("text")


def read(folder, content, **options):
    (folder / "note.txt").write_bytes(content)
    return text.read(folder / "note.txt", CodecOptions(**options)).read_all()


def write(folder, table, **options):
    assert text.write(table.to_reader(), folder / "out.txt", CodecOptions(**options)) == 1
    return (folder / "out.txt").read_bytes()


def refusal(action, *arguments, error=DatasetError, **options):
    with pytest.raises(error) as raised:
        action(*arguments, **options)
    return str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@given(content=TEXTS)
def test_a_document_comes_back_byte_by_byte(folder, encoding, content):
    given_ = content.encode(encoding)
    table = read(folder, given_, encoding=encoding)

    assert table.num_rows == 1
    assert table["text"][0].as_py().removeprefix("\ufeff") == content.removeprefix("\ufeff")
    assert write(folder, table, encoding=encoding) == given_


@given(content=st.binary())
def test_every_document_of_one_byte_a_character_comes_back(folder, content):
    content = b"x" + content

    table = read(folder, content, encoding="latin-1")

    assert write(folder, table, encoding="latin-1") == content


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"a\r\nb\rc\n\n", codecs.BOM_UTF8 + b"a", b"\x00", "é ẞ 東 𝒳\u2028".encode()],  # noqa: RUF001
)
def test_line_ends_and_marks_are_kept(folder, content):
    table = read(folder, content)

    assert table.to_pylist() == [{"text": content.decode()}]
    assert write(folder, table) == content


def test_a_file_has_its_name_in_a_second_column_where_it_is_asked_for(folder):
    (folder / "a.txt").write_bytes(b"one")
    (folder / "b.txt").write_bytes(b"two")
    files = [(folder / "a.txt", "notes/a.txt"), (folder / "b.txt", "notes/b.txt")]

    found = text.read_documents(files, CodecOptions(file_column="file"))

    assert found.read_all().to_pylist() == [
        {"text": "one", "file": "notes/a.txt"},
        {"text": "two", "file": "notes/b.txt"},
    ]
    assert text.read_documents(files).read_all().column_names == ["text"]


def test_the_second_column_must_have_another_name(folder):
    said = refusal(read, folder, b"", file_column="Text", error=ConfigurationError)

    assert said == "'file_column' must differ from 'text'; name it otherwise."


@pytest.mark.parametrize(
    ("content", "encoding", "sentence"),
    [
        (b"a\nb\xff", "utf-8", "The document is not in the encoding 'utf-8': byte 3 in line 2"),
        ("ab".encode("utf-16-le"), "utf-16", "The document has no byte-order mark"),
        (b"\xff\xfea", "utf-16", "The document is not in the encoding 'utf-16': byte 2 in line 1"),
        (b"+AGE-", "utf-7", "The document has characters that 'utf-7' spells in several ways"),
        (b"%PDF-1.7\x00secret", "utf-8", "The file is a PDF document, not a text file"),
    ],
)
def test_what_cannot_come_back_is_refused(folder, content, encoding, sentence):
    said = refusal(read, folder, content, encoding=encoding)

    assert said.startswith(sentence)
    assert "secret" not in said


def test_an_unknown_encoding_is_refused(folder):
    said = refusal(read, folder, b"", encoding="base64", error=ConfigurationError)

    assert said.startswith("'encoding' names no known encoding: 'base64'")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            pa.table({"text": ["a", "b"]}),
            "A text document is written from one row",
        ),
        (pa.table({"text": pa.nulls(1)}), "A text document is written from one row"),
        (pa.table({"text": pa.nulls(0)}), "A text document is written from one row"),
        (pa.table({"t": ["a"]}), "A text document is a dataset with the one column 'text'"),
        (pa.table({"text": ["a\n\u20ac"]}), "Character 3 of the text, in line 2, is not in the"),
    ],
)
def test_what_is_no_document_is_refused(folder, table, sentence):
    assert refusal(write, folder, table, encoding="latin-1").startswith(sentence)
