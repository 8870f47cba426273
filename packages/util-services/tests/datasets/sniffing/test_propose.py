# ruff: noqa: S311, RUF001 - the files are the same in each run; odd letters are the point
import csv
import gzip
import io
import itertools
import json
import random
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.datasets.codecs import codec_of
from util_services.datasets.sniffing import propose
from util_services.errors import ConfigurationError, DatasetError

CITIES = {
    "cp1252": "Zürich Düsseldorf Århus Málaga Coimbrã Besançon Liège Köln Genève Orléans",
    "iso8859-15": "Zürich Düsseldorf Århus Málaga Besançon Liège Köln Genève Orléans",
    "cp1250": "Łódź Kraków Győr Plzeň Kroměříž Świętochłowice Poznań Žilina Ústí Pécs",
    "cp1251": "Москва Петербург Казань Самара Омск Пермь Уфа Тула Рязань Псков",
    "koi8-r": "Москва Петербург Казань Самара Омск Пермь Уфа Тула Рязань Псков",
    "cp1253": "Αθήνα Πειραιάς Θεσσαλονίκη Λάρισα Βόλος Χανιά Ρόδος Πάτρα",
    "cp1254": "İstanbul Ağrı Iğdır Çorum Şırnak Muğla Kırşehir Eskişehir",
    "shift_jis": "東京都 大阪市 京都府 すずき カタカナ 名古屋 横浜市 札幌市",
    "gb18030": "北京市 上海市 广州市 深圳市 成都市 杭州市 南京市 天津市",
    "big5": "台北市 高雄市 臺中市 臺南市 新竹市 基隆市 嘉義市 桃園市",
    "euc-kr": "서울특별시 부산광역시 대구광역시 인천광역시 광주광역시 대전광역시",
    "cp850": "Zürich Düsseldorf Málaga Besançon Liège Köln Genève Orléans",
    "mac_roman": "Zürich Düsseldorf Málaga Besançon Liège Köln Genève Orléans",
    "utf-8": "Zürich Łódź Москва 東京都 Αθήνα Çorum",
    "utf-8-sig": "Zürich Łódź Москва 東京都 Αθήνα Çorum",
    "utf-16": "Zürich Łódź Москва 東京都 Αθήνα Çorum",
    "utf-16-le": "Zürich Düsseldorf Århus Málaga Köln",
    "utf-16-be": "Zürich Düsseldorf Århus Málaga Köln",
}
SAME = {"utf-8-sig": "utf-8"}
DELIMITERS = (",", ";", "\t", "|")
LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def people(rng, rows, cities):
    for number in range(rows):
        amount = f"{rng.randint(0, 99_999) / 100:.2f}"
        remark = rng.choice(["", "", "ok", 'said "no"', "a, b; c", "two\nlines", "x | y"])
        day = f"{rng.randint(1, 28):02}.{rng.randint(1, 12):02}.2024"
        yield [
            f"{number:05}",
            rng.choice(cities),
            amount.replace(".", rng.choice(",.")),
            day,
            remark,
        ]


def words(rng, rows, cities):
    for _ in range(rows):
        colours = rng.choice(["red", "green", "dark blue", "n/a", "light-grey"])
        yield [rng.choice(cities), colours, rng.choice(["yes", "no"]), rng.choice("ABC")]


def times(rng, rows, cities):
    for number in range(rows):
        clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
        yield [clock, str(number), f"u{number}@example.org", rng.choice(cities), str(rng.random())]


TABLES = {
    people: ["id", "city", "amount", "day", "remark"],
    words: ["place", "colour", "member", "group"],
    times: ["at", "number", "contact", "city", "share"],
}


def text_of(table, delimiter, line_end, quoting, *, rows=40, encoding="utf-8", seed=0, header=True):
    rng = random.Random(seed)
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    if header:
        writer.writerow(TABLES[table])
    writer.writerows(table(rng, rows, CITIES[encoding].split()))
    return target.getvalue()


def dialects():
    """Return generated files with what they are."""
    quotings = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
    for number, (table, delimiter, end, quoting, rows) in enumerate(
        itertools.product(TABLES, DELIMITERS, LINE_ENDS, quotings, (3, 40, 2000))
    ):
        text = text_of(table, delimiter, LINE_ENDS[end], quoting, rows=rows, seed=number)
        yield text, (delimiter, end, True, len(TABLES[table]))


def put(tmp_path, content, name="file.csv"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / name


def test_delimiter_line_end_and_header_are_found_in_generated_files(tmp_path):
    hits, total = [0, 0, 0, 0], 0
    for text, expected in dialects():
        found = propose(put(tmp_path, text))
        given = (found.delimiter, found.line_end, found.has_header, found.column_count)
        hits = [h + (a == b) for h, a, b in zip(hits, given, expected, strict=True)]
        total += 1

    shares = [hit / total for hit in hits]
    assert total == 324
    assert shares[0] == 1
    assert shares[1] >= 0.99
    assert shares[2] >= 0.98
    assert shares[3] == 1


@pytest.mark.parametrize("encoding", CITIES)
@pytest.mark.parametrize("rows", [20, 3000])
def test_the_encoding_is_found_as_far_as_the_text_tells(tmp_path, encoding, rows):
    hits = 0
    for seed in range(10):
        text = text_of(
            people, ";", "\n", csv.QUOTE_MINIMAL, rows=rows, encoding=encoding, seed=seed
        )
        content = text.encode(encoding, errors="ignore")
        found = propose(put(tmp_path, content))
        hits += content.decode(str(found.encoding)) == content.decode(SAME.get(encoding, encoding))

    assert hits >= 9


@pytest.mark.parametrize("table", TABLES)
def test_a_file_without_a_header_shows_none_of_its_values(tmp_path, table):
    text = text_of(table, ",", "\n", csv.QUOTE_MINIMAL, header=False)

    found = propose(put(tmp_path, text))

    assert found.columns == ()
    assert found.has_header is False
    assert any("no header" in warning for warning in found.warnings)


def test_a_proposal_says_how_many_records_are_ragged_and_how_sure_it_is(tmp_path):
    even = "a;b;c\n" + "1;x;2.5\n" * 50
    ragged = even + "1;2\n" * 10

    first, second = propose(put(tmp_path, even)), propose(put(tmp_path, ragged))

    assert (first.records_sampled, first.records_regular) == (51, 51)
    assert (second.records_sampled, second.records_regular) == (61, 51)
    assert second.confidence < first.confidence
    assert "10 records sampled have another number of fields" in second.warnings


def test_records_far_from_the_head_count_too(tmp_path):
    text = "a,b\n" + "1,two words\n" * 100_000 + "1,2,3\n" * 30_000

    found = propose(put(tmp_path, text))

    assert found.column_count == 2
    assert found.records_regular < found.records_sampled


def test_quoted_line_ends_far_from_the_head_are_no_irregularity(tmp_path):
    text = "a,b\n" + "".join(f'{n},"one\ntwo, three\nfour"\n' for n in range(60_000))

    found = propose(put(tmp_path, text))

    assert found.records_regular == found.records_sampled


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adult/adult.csv", (";", True, 9)),
        ("hospital/dirty.csv", (",", True, 20)),
        ("hospital/clean.csv", (",", True, 20)),
        ("adult/adult_hierarchy_age.csv", (";", False, 5)),
        ("adult/adult_hierarchy_education.csv", (";", False, 4)),
        ("adult/adult_hierarchy_marital-status.csv", (";", False, 3)),
        ("adult/adult_hierarchy_native-country.csv", (";", False, 3)),
        ("adult/adult_hierarchy_occupation.csv", (";", False, 3)),
        ("adult/adult_hierarchy_race.csv", (";", False, 2)),
        ("adult/adult_hierarchy_salary-class.csv", (";", False, 2)),
        ("adult/adult_hierarchy_sex.csv", (";", False, 2)),
        ("adult/adult_hierarchy_workclass.csv", (";", False, 3)),
    ],
)
def test_real_files(test_data, name, expected):
    found = propose(test_data / name)

    assert (found.delimiter, found.has_header, found.column_count) == expected
    assert found.encoding == "utf-8"
    assert found.records_regular == found.records_sampled


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n', "jsonl"),
        ('[{"a": 1}, {"a": 2}]', "json"),
        ('[\n  {\n    "a": 1\n  }\n]\n', "json"),
        ('{\n  "a": 1\n}\n', "json"),
        ("[a],b\n1,2\n3,4\n", "csv"),
        ("a\tb\n1\t2\n3\t4\n", "tsv"),
        ("Dear Sir or Madam\n\nI write to you today\nwith a question", "text"),
    ],
)
def test_text_formats_are_told_by_what_they_hold(tmp_path, content, expected):
    assert propose(put(tmp_path, content, "file")).format == expected


def test_json_lines_with_bad_ones_are_json_lines(tmp_path):
    content = '{"a": 1, "b": 2}\n{"a": 1, "b"\n{"a": 2, "b": 3}\nx\n{"a": 3, "b": 4}\n'

    found = propose(put(tmp_path, content, "file.jsonl"))

    assert (found.format, found.records_sampled, found.records_regular) == ("jsonl", 5, 3)
    assert found.warnings == ("2 lines sampled are no JSON objects",)
    assert found.confidence < 0.6


def test_a_table_of_one_column_is_told_by_its_name(tmp_path):
    found = propose(put(tmp_path, "name\nAnna\nBob\n"))

    assert (found.format, found.column_count, found.records_sampled) == ("csv", 1, 3)


@pytest.mark.parametrize("kind", ["xlsx", "orc", "avro", "parquet"])
def test_binary_formats_are_certain(tmp_path, kind):
    table = pa.table({"a": [1]})
    if kind == "parquet":
        pq.write_table(table, tmp_path / "file.parquet")
    else:
        codec_of(kind).write(table.to_reader(), tmp_path / f"file.{kind}")

    found = propose(tmp_path / f"file.{kind}")

    assert (found.format, found.confidence, found.warnings) == (kind, 1.0, ())


def test_a_compressed_file_is_looked_into(tmp_path):
    text = text_of(people, ";", "\r\n", csv.QUOTE_ALL, rows=20_000)

    found = propose(put(tmp_path, gzip.compress(text.encode()), "file.csv.gz"))

    assert (found.compression, found.format, found.delimiter) == ("gz", "csv", ";")
    assert found.warnings == ()


def test_a_name_that_says_something_else_is_noted(tmp_path):
    content = gzip.compress(b"a;b\n1;2\n3;4\n")

    assert any("rename it" in w for w in propose(put(tmp_path, content)).warnings)
    assert any("'format' must be set" in w for w in propose(put(tmp_path, '{"a": 1}')).warnings)


def test_an_archive_of_several_files_needs_the_name_of_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a;b\n1;2\n3;4\n")
        archive.writestr("b.csv", "x")

    with pytest.raises(ConfigurationError, match=r"set 'member' to one of 'a\.csv', 'b\.csv'"):
        propose(tmp_path / "two.zip")
    found = propose(tmp_path / "two.zip", member="a.csv")
    assert found.read_config("two.zip") == {
        "path": "two.zip",
        "format": "csv",
        "member": "a.csv",
        "csv": {"delimiter": ";", "encoding": "utf-8"},
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "The file is an Excel workbook of the"),
        (bytes(range(256)) * 20, "The file is no text and of no kind that is known"),
        (gzip.compress(b""), "The compressed file holds nothing"),
        (gzip.compress(b"a" * 1000)[:15], "The file breaks off"),
    ],
    ids=lambda part: "" if isinstance(part, bytes) else part,  # gzip holds the time
)
def test_what_cannot_be_read_is_refused(tmp_path, content, sentence):
    with pytest.raises(DatasetError) as raised:
        propose(put(tmp_path, content))

    assert str(raised.value).startswith(sentence)


def test_dialects_that_cannot_be_read_are_noted(tmp_path):
    found = propose(put(tmp_path, "a,b\n'x, y','z'\n'1','two\\\"'\n"))

    assert found.quote == "'"
    assert len([w for w in found.warnings if "quote" in w]) == 2


def test_a_proposal_is_plain_data(tmp_path):
    found = propose(put(tmp_path, "id;city\n1;Bonn\n2;Kiel\n")).to_dict()

    assert json.loads(json.dumps(found)) == found
    assert (found["schema"], found["columns"]) == (1, ["id", "city"])
