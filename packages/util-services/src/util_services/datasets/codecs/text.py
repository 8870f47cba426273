"""Text documents: a file is one row, with its whole text in the column ``text``.

The text is the file, character by character: line ends stay as they are, and a byte-order mark
stays as its first character (U+FEFF), so that one row written back gives the same bytes.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from util_services.datasets.codecs.protocol import DEFAULT_OPTIONS, CodecOptions
from util_services.datasets.signatures import HEAD_BYTES, check_signature
from util_services.errors import ConfigurationError, DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

TEXT = "text"
MAX_BYTES = 256 << 20  # a document is held in memory
BYTE_ORDER = {  # of encodings whose byte-order mark says which: the mark, and what it stands for
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}


def read(file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS) -> pa.RecordBatchReader:
    """Return the row that a text document is.

    Raises:
        DatasetError: if it is not in the declared encoding, naming byte and line.
    """
    return read_documents([(file, options.file_name or file.name)], options)


def read_documents(
    files: Iterable[tuple[AnyPath, str]], options: CodecOptions = DEFAULT_OPTIONS
) -> pa.RecordBatchReader:
    """Return a row for each text document, one a batch.

    Args:
        files: each with the name that the column ``options.file_column`` shows, if one is named.
        options: the encoding, and the name of that column.
    """
    import pyarrow as pa

    encoding = _known(options.encoding)
    schema = pa.schema([(TEXT, pa.string())])
    if options.file_column is not None:
        if options.file_column.casefold() == TEXT:
            raise ConfigurationError(f"'file_column' must differ from '{TEXT}'; name it otherwise.")
        schema = schema.append(pa.field(options.file_column, pa.string()))

    def batches() -> Iterator[pa.RecordBatch]:
        for file, name in files:
            row = [[_text_of(file, encoding)], [name]][: len(schema)]
            yield pa.RecordBatch.from_arrays([pa.array(v, pa.string()) for v in row], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def write(
    rows: pa.RecordBatchReader, file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS
) -> int:
    """Write the only row of a dataset with the column ``text`` to a file.

    Raises:
        DatasetError: if there are other rows or columns, or a character is not in the encoding.
    """
    if rows.schema.names != [TEXT]:
        raise DatasetError(
            f"A text document is a dataset with the one column '{TEXT}'; this one has "
            f"{quoted(rows.schema.names)}."
        )
    texts = [text for batch in rows for text in batch.column(0).to_pylist()]
    if len(texts) != 1 or texts[0] is None:
        found = "one without a text" if len(texts) == 1 else str(len(texts))
        raise DatasetError(
            f"A text document is written from one row, and the dataset has {found}; write jsonl or "
            "parquet instead."
        )
    text, encoding = texts[0], _known(options.encoding)
    if encoding in BYTE_ORDER and text.startswith("\ufeff"):
        encoding += "-le"  # the mark is there, and says so
    try:
        file.write_bytes(text.encode(encoding))
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise DatasetError(
            f"Character {error.start + 1} of the text, in line {line}, is not in the encoding "
            f"'{options.encoding}'; write it in 'utf-8'."
        ) from None
    return 1


def resolved_encoding(head: bytes, declared: str) -> str:
    """Return the encoding with which a document is read and written back to the same bytes.

    Args:
        head: its first bytes.
        declared: the declared encoding; of 'utf-16' and 'utf-32' the mark says which.
    """
    encoding = _known(declared)
    for mark, exact in BYTE_ORDER.get(encoding, ()):
        if head.startswith(mark):
            return exact
    return encoding


def _text_of(file: AnyPath, encoding: str) -> str:
    if file.stat().st_size > MAX_BYTES:
        raise DatasetError(
            f"The document has more than {MAX_BYTES >> 20} MB; split it, or read it as another "
            "format."
        )
    content = file.read_bytes()
    exact = resolved_encoding(content[:4], encoding)
    if encoding not in BYTE_ORDER:
        check_signature(content[:HEAD_BYTES], TEXT)
    try:
        text = content.decode(exact)
    except UnicodeDecodeError as error:
        good = content[: error.start].decode(exact, errors="ignore")
        raise _not_in_encoding(encoding, error.start, good.count("\n") + 1) from None
    except UnicodeError:
        raise _not_in_encoding(encoding, 0, 1) from None
    if exact in BYTE_ORDER:
        raise DatasetError(
            f"The document has no byte-order mark, so '{encoding}' does not say how it is laid "
            f"out; set 'encoding' to '{encoding}-le' or '{encoding}-be'."
        )
    if text.encode(exact, errors="replace") != content:
        raise DatasetError(
            f"The document has characters that '{encoding}' spells in several ways, so it could "
            "not be written back as it is; convert it to 'utf-8' first."
        )
    return text


def _known(encoding: str) -> str:
    """Return the normal name of an encoding; a byte-order mark is always a character."""
    try:
        name = codecs.lookup(encoding).name
        is_text = isinstance(codecs.decode(b"", name), str)
    except (LookupError, TypeError, ValueError):
        is_text = False
    if not is_text:
        raise ConfigurationError(
            f"'encoding' names no known encoding: '{encoding}'; use for example 'utf-8', 'cp1252' "
            "or 'utf-16'."
        )
    return "utf-8" if name == "utf-8-sig" else name


def _not_in_encoding(encoding: str, offset: int, line: int) -> DatasetError:
    return DatasetError(
        f"The document is not in the encoding '{encoding}': byte {offset} in line {line} does not "
        "belong to it; set 'encoding' to the document's encoding."
    )
