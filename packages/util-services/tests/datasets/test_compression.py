import bz2
import gzip
import io
import os
import shutil
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from util_services.datasets.compression import (
    COMPRESSIONS,
    Bounds,
    compress,
    compression_of,
    decompress,
)
from util_services.datasets.signatures import check_signature
from util_services.errors import ConfigurationError, DatasetError

CONTENT = b"id;name\n" + b"".join(b"%d;n%d\n" % (n, n * n) for n in range(50_000))
PROGRAMS = {"gz": "gzip", "bz2": "bzip2", "zst": "zstd"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compressed")


def packed(folder, content, kind, **options):
    (folder / "plain").write_bytes(content)
    compress(folder / "plain", folder / "packed", kind, **options)
    return folder / "packed"


def unpacked(folder, content, kind, **options):
    (folder / "given").write_bytes(content)
    length = decompress(folder / "given", folder / "found", kind, **options)
    found = (folder / "found").read_bytes()
    assert len(found) == length
    return found


def refusal(folder, content, kind, error=DatasetError, **options):
    with pytest.raises(error) as raised:
        unpacked(folder, content, kind, **options)
    return str(raised.value)


def archive(members, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as target:
        for name, content in members:
            target.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("kind", COMPRESSIONS)
@given(content=st.binary(max_size=3000), times=st.sampled_from([1, 1000]))
def test_what_is_compressed_comes_back(folder, kind, content, times):
    file = packed(folder, content * times, kind)

    assert unpacked(folder, file.read_bytes(), kind) == content * times


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_the_same_content_gives_the_same_bytes(folder, kind):
    first = packed(folder, CONTENT, kind, member="a.csv").read_bytes()
    os.utime(folder / "plain", (10**9, 10**9))

    assert packed(folder, CONTENT, kind, member="a.csv").read_bytes() == first


@pytest.mark.parametrize(("kind", "program"), PROGRAMS.items())
def test_other_programs_read_and_write_the_same(folder, kind, program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    file = packed(folder, CONTENT, kind)
    read = subprocess.run([program, "-dc"], input=file.read_bytes(), capture_output=True)
    written = subprocess.run([program, "-c"], input=CONTENT, capture_output=True)

    assert read.stdout == CONTENT
    assert unpacked(folder, written.stdout, kind) == CONTENT


@pytest.mark.parametrize("kind", PROGRAMS)
def test_streams_behind_one_another_are_one_content(folder, kind):
    file = packed(folder, CONTENT, kind).read_bytes()

    assert unpacked(folder, file + file, kind) == CONTENT + CONTENT


@pytest.mark.parametrize("kind", COMPRESSIONS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99, 0.99999])
def test_a_file_that_breaks_off_is_refused(folder, kind, share):
    file = packed(folder, CONTENT, kind).read_bytes()

    said = refusal(folder, file[: max(int(len(file) * share) - 1, 20)], kind)

    assert said.startswith(("The file breaks off", "The file is damaged"))


@pytest.mark.parametrize("kind", COMPRESSIONS)
@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_file_is_refused(folder, kind, place):
    file = bytearray(packed(folder, CONTENT, kind).read_bytes())
    file[int(len(file) * place)] ^= 0x55

    assert "file" in refusal(folder, bytes(file), kind)


@pytest.mark.parametrize("kind", PROGRAMS)
def test_text_behind_a_stream_is_refused_and_not_left_out(folder, kind):
    file = packed(folder, CONTENT, kind).read_bytes()

    assert refusal(folder, file + b"id;name\n1;x\n", kind).startswith("The file is damaged")


def test_remarks_before_zstandard_content_are_passed_over(folder):
    remark = b"P*M\x18\x03\0\0\0abc"
    file = packed(folder, CONTENT, "zst").read_bytes()

    assert unpacked(folder, remark + file, "zst") == CONTENT


def test_gzip_files_name_no_time_and_no_file(folder):
    assert packed(folder, CONTENT, "gz").read_bytes()[3:8] == b"\0\0\0\0\0"


def test_a_zip_archive_names_its_member_and_no_time(folder):
    file = packed(folder, CONTENT, "zip", member="out.csv")

    with zipfile.ZipFile(file) as found:
        assert [(i.filename, i.date_time) for i in found.infolist()] == [
            ("out.csv", (1980, 1, 1, 0, 0, 0))
        ]


def test_dp_14_one_member_needs_no_name(folder):
    members = [("data/", b""), ("data/a.csv", CONTENT), ("__MACOSX/data/._a.csv", b"x")]

    assert unpacked(folder, archive(members), "zip") == CONTENT


def test_dp_14_several_members_need_the_name_of_one(folder):
    file = archive([("a.csv", b"1"), ("../../b.csv", b"2")])

    assert refusal(folder, file, "zip", ConfigurationError) == (
        "The zip archive holds 2 files; set 'member' to one of 'a.csv', '../../b.csv'."
    )
    assert unpacked(folder, file, "zip", member="../../b.csv") == b"2"
    assert "has no member 'c.csv'" in refusal(
        folder, file, "zip", ConfigurationError, member="c.csv"
    )
    assert not (folder.parent.parent / "b.csv").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(folder):
    file = archive([("a.csv", b"1"), ("a.csv", b"2")])

    assert "2 files of the name" in refusal(folder, file, "zip", member="a.csv")


def test_an_archive_without_members_is_refused(folder):
    assert refusal(folder, archive([]), "zip").startswith("The zip archive holds no file")


def test_an_encrypted_archive_is_refused(folder, tmp_path):
    if not shutil.which("zip"):
        pytest.skip("zip is not installed")
    (tmp_path / "a.csv").write_bytes(CONTENT)
    subprocess.run(["zip", "-q", "-P", "secret", "a.zip", "a.csv"], cwd=tmp_path, check=True)

    said = refusal(folder, (tmp_path / "a.zip").read_bytes(), "zip")

    assert said == "The zip archive is encrypted; write it without a password."


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_file_that_would_fill_the_disk_is_refused(folder, kind):
    bounds = Bounds(max_ratio=100, free_bytes=1 << 20)
    file = packed(folder, bytes(50 << 20), kind).read_bytes()

    assert "more than 100 times its size" in refusal(folder, file, kind, bounds=bounds)
    assert (folder / "found").stat().st_size < 12 << 20


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_limit_in_bytes_holds(folder, kind):
    file = packed(folder, CONTENT, kind).read_bytes()

    assert unpacked(folder, file, kind, bounds=Bounds(max_bytes=len(CONTENT))) == CONTENT
    bounds = Bounds(max_bytes=len(CONTENT) - 1)
    assert "the limit that is set" in refusal(folder, file, kind, bounds=bounds)


def test_little_content_may_be_compressed_as_well_as_can_be(folder):
    file = packed(folder, bytes(10 << 20), "bz2").read_bytes()

    assert len(unpacked(folder, file, "bz2")) > 10_000 * len(file)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("in/a.csv.gz", ("in/a.csv", "gz")),
        ("A.CSV.ZST", ("A.CSV", "zst")),
        ("a.zip", ("a", "zip")),
        ("a.csv", ("a.csv", None)),
    ],
)
def test_the_ending_names_the_compression(path, found):
    assert compression_of(path) == found


@pytest.mark.parametrize(
    ("content", "expected", "sentence"),
    [
        (gzip.compress(CONTENT), "csv", "The file is a gzip file, not a csv file"),
        (bz2.compress(CONTENT), "csv", "The file is a bzip2 file, not a csv file"),
        (bz2.compress(b""), "gz", "The file is a bzip2 file, not a gzip file"),
        (archive([("a", b"1")]), "jsonl", "The file is a zip archive, not a jsonl file"),
        (archive([("xl/a.xml", b"1")]), "csv", "The file is an Excel workbook, not a csv file"),
        (b"PAR1\x15\x04\x15", "csv", "The file is a Parquet file, not a csv file"),
        (b"ORC\x0a\x03", "avro", "The file is an ORC file, not an Avro file"),
        (b"%PDF-1.7\n\x00", "csv", "The file is a PDF document, not a csv file; convert it first."),
        (CONTENT, "gz", "The file does not begin like a gzip file"),
        (CONTENT, "xlsx", "The file does not begin like an Excel workbook"),
    ],
    ids=lambda part: "" if isinstance(part, bytes) else part,  # archives hold the time
)
def test_a_file_that_is_not_what_its_name_says_is_refused(content, expected, sentence):
    with pytest.raises(DatasetError) as raised:
        check_signature(content[:512], expected)

    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize("header", [b"ORC,x\n1,2\n", b"PAR1,x\n", b"BZh91AY\n", b"PK,x\n", b""])
def test_text_that_begins_with_the_letters_of_a_signature_is_text(header):
    check_signature(header, "csv")
