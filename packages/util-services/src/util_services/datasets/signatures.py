"""What the first bytes of a file say it is, whatever it is called."""

from __future__ import annotations

from util_services.errors import DatasetError

HEAD_BYTES = 512

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gz"),
    (b"(\xb5/\xfd", "zst"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # without a member
    (b"PAR1", "parquet"),
    (b"Obj\x01", "avro"),
    (b"ORC", "orc"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf'\x1c", "7z"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"%PDF-", "pdf"),
)
BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # behind "BZh" and a digit: the first block, or the end
ZSTD_SKIPPABLE = b"*M\x18"  # behind 0x50 to 0x5F: a frame of remarks before the content
ALSO_TEXT = {"parquet", "orc", "pdf"}  # a header could begin with these letters

CALLED = {
    "gz": "a gzip file",
    "bz2": "a bzip2 file",
    "zst": "a Zstandard file",
    "zip": "a zip archive",
    "parquet": "a Parquet file",
    "avro": "an Avro file",
    "orc": "an ORC file",
    "xlsx": "an Excel workbook",
    "xls": "an Excel workbook of the old kind or with a password",
    "xz": "an xz file",
    "7z": "a 7z archive",
    "sqlite": "an SQLite database",
    "pdf": "a PDF document",
}
UNSUPPORTED = {"xls", "xz", "7z", "sqlite", "pdf"}


def signature_of(head: bytes) -> str | None:
    """Return what the first ``HEAD_BYTES`` of a file are those of; None for text and the unknown.

    An Excel workbook is a zip archive and is told apart only where it names its parts early.
    """
    if head[:3] == b"BZh" and head[4:10] in BZIP2_BLOCKS:
        return "bz2"
    if head[1:4] == ZSTD_SKIPPABLE and head[0] >> 4 == 5:
        return "zst"
    for signature, kind in SIGNATURES:
        if head.startswith(signature) and not (kind in ALSO_TEXT and _is_text(head)):
            if kind == "zip" and (b"[Content_Types].xml" in head or b"xl/" in head):
                return "xlsx"
            return kind
    return None


def check_signature(head: bytes, expected: str) -> None:
    """Check that a file's first bytes are those of what it is read as.

    Args:
        head: the first ``HEAD_BYTES`` of the file.
        expected: a compression or a format, such as "gz" or "csv".

    Raises:
        DatasetError: saying what the file is instead.
    """
    found = signature_of(head)
    if found == expected or {found, expected} == {"zip", "xlsx"}:
        return
    if found is None and expected not in CALLED:
        return
    if found is None:
        raise DatasetError(
            f"The file does not begin like {CALLED[expected]}; check its name and how it was "
            "written."
        )
    advice = (
        "convert it first"
        if found in UNSUPPORTED
        else f"name it so (ending '.{found}') or set 'format' or 'compression' to what it is"
    )
    wanted = CALLED.get(expected, f"a {expected} file")
    raise DatasetError(f"The file is {CALLED[found]}, not {wanted}; {advice}.")


def _is_text(head: bytes) -> bool:
    return not any(byte < ord("\t") for byte in head)
