"""From a file to a proposal of how to read it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

from util_services.datasets.compression import compression_of
from util_services.datasets.signatures import CALLED, HEAD_BYTES, UNSUPPORTED, signature_of
from util_services.datasets.sniffing.dialects import (
    DialectGuess,
    guess_dialect,
    guess_header,
    guess_line_end,
    records_of,
    regular_in_part,
)
from util_services.datasets.sniffing.encodings import EncodingGuess, guess_encoding
from util_services.datasets.sniffing.proposal import Proposal
from util_services.datasets.sniffing.sample import Sample, take_sample
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

BINARY = ("parquet", "avro", "orc", "xlsx")
ENDINGS = {
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "text": (".txt", ".md"),
    **{kind: (f".{kind}",) for kind in BINARY},
}
SHOWN_HEADER = 0.7  # a header less certain may be a row of values, and is not shown
JSON_LINES_SHARE = 0.5  # of lines that are JSON objects, for a file of JSON lines with bad ones
SUPPORTED_QUOTE = '"'


def propose(file: Path, *, member: str | None = None) -> Proposal:
    """Return what a file seems to be, from its head and some parts of the rest.

    Raises:
        DatasetError: if it is empty, or of a kind that cannot be read.
        ConfigurationError: if it is a zip archive of several files and ``member`` names none.
    """
    if not file.stat().st_size:
        raise DatasetError("The file is empty; check how it was written.")
    found = signature_of(_head(file))
    if found == "zip" and _is_workbook(file):
        found = "xlsx"
    if found in BINARY:
        proposal = Proposal(found, 1.0, reasons=(f"it begins like {CALLED[found]}",))
    elif found in UNSUPPORTED:
        raise DatasetError(f"The file is {CALLED[found]}, which cannot be read; convert it first.")
    else:
        proposal = _of_sample(take_sample(file, member), member, compression_of(file.name)[0])
    warnings = proposal.warnings
    path, named = compression_of(file.name)
    if proposal.format != "xlsx" and proposal.compression != named:
        real = CALLED.get(str(proposal.compression), "not compressed")
        warnings += (f"by its name the file would be {_named(named)}, and it is {real}: rename it",)
    known = {ending for endings in ENDINGS.values() for ending in endings}
    if path.lower().endswith(tuple(known - set(ENDINGS.get(proposal.format, ())))):
        warnings += (f"its ending is not one of {proposal.format}, so 'format' must be set",)
    return replace(proposal, warnings=warnings)


def _of_sample(sample: Sample, member: str | None, path: str) -> Proposal:
    """Return a proposal for content that is not, or no longer, compressed."""
    if not sample.head:
        raise DatasetError("The compressed file holds nothing; check how it was written.")
    reasons: tuple[str, ...] = ()
    if sample.compression is not None:
        reasons = (f"it begins like {CALLED[sample.compression]}",)
    inner = signature_of(sample.head[:HEAD_BYTES])
    if inner in BINARY:
        proposal = Proposal(str(inner), 1.0, reasons=(f"its content is {CALLED[str(inner)]}",))
    else:
        encoding = guess_encoding(sample.head, sample.parts, is_whole=sample.is_whole)
        if encoding is None:
            raise DatasetError(
                "The file is no text and of no kind that is known; convert it first."
            )
        proposal = _of_text(sample, encoding, path)
    return replace(
        proposal,
        compression=sample.compression,
        member=member,
        reasons=reasons + proposal.reasons,
    )


def _of_text(sample: Sample, encoding: EncodingGuess, path: str) -> Proposal:
    text = sample.head.decode(encoding.name, errors="replace").removeprefix("\ufeff")
    if not sample.is_whole:
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1
        text = text[: cut or None]
    kind = _json_kind(text, is_whole=sample.is_whole)
    if kind is not None:
        return _of_json(kind, text, encoding)
    line_end, is_mixed = guess_line_end(text)
    base = Proposal("text", 0.3, encoding=encoding.name, line_end=line_end)
    warnings = ("its line ends are of several kinds",) if is_mixed else ()
    dialect = guess_dialect(text)
    if dialect is None:
        return _undivided(text, replace(base, warnings=warnings), encoding, path)
    return _of_csv(sample, text, replace(base, warnings=warnings), encoding, dialect)


def _of_json(kind: str, text: str, encoding: EncodingGuess) -> Proposal:
    proposal = Proposal(kind, round(0.97 * encoding.confidence, 2), encoding=encoding.name)
    if kind == "json":
        return replace(proposal, reasons=("it begins with a bracket of JSON",))
    lines = _lines(text)
    regular = sum(map(_is_object, lines))
    reason = f"{regular} of {len(lines)} lines sampled are JSON objects"
    proposal = replace(
        proposal, records_sampled=len(lines), records_regular=regular, reasons=(reason,)
    )
    if regular == len(lines):
        return proposal
    warning = f"{len(lines) - regular} lines sampled are no JSON objects"
    confidence = round(proposal.confidence * regular / len(lines), 2)
    return replace(proposal, confidence=confidence, warnings=(warning,))


def _undivided(text: str, base: Proposal, encoding: EncodingGuess, path: str) -> Proposal:
    """Return a proposal for text that no delimiter splits; only its name tells what it is."""
    confidence = round(0.5 * encoding.confidence, 2)
    reasons = (encoding.reason, "no delimiter splits its lines evenly")
    if not path.lower().endswith(ENDINGS["csv"] + ENDINGS["tsv"]):
        return replace(base, confidence=confidence, reasons=reasons)
    delimiter = "," if path.lower().endswith(ENDINGS["csv"]) else "\t"
    records = len(records_of(text, delimiter, SUPPORTED_QUOTE, None))
    return replace(
        base,
        format="csv" if delimiter == "," else "tsv",
        confidence=confidence,
        delimiter=delimiter,
        quote=SUPPORTED_QUOTE,
        column_count=1,
        records_sampled=records,
        records_regular=records,
        reasons=(*reasons, "by its name it is a table, so one of a single column"),
    )


def _of_csv(
    sample: Sample, text: str, base: Proposal, encoding: EncodingGuess, dialect: DialectGuess
) -> Proposal:
    records = records_of(text, dialect.delimiter, dialect.quote, None)
    counts = [(len(records), sum(len(record) == dialect.fields for record in records))]
    for part in sample.parts:
        later = part.decode(encoding.name, errors="replace")
        counts.append(regular_in_part(later, dialect))
    sampled, regular = (sum(numbers) for numbers in zip(*counts, strict=True))
    has_header, sure, why = guess_header(records[:500])
    warnings = base.warnings
    if dialect.quote != SUPPORTED_QUOTE:
        warnings += ("fields are quoted by ', which is read as text; write them with \"",)
    if '\\"' in text:
        warnings += ('quotes seem to be escaped as \\" instead of doubled',)
    if regular < sampled:
        warnings += (f"{sampled - regular} records sampled have another number of fields",)
    if not has_header:
        warnings += ("it seems to have no header: the first record would name the columns",)
    kind = "tsv" if dialect.delimiter == "\t" else "csv"
    return replace(
        base,
        format=kind,
        confidence=round(dialect.confidence * encoding.confidence, 2),
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        has_header=has_header,
        columns=tuple(records[0]) if has_header and sure >= SHOWN_HEADER else (),
        column_count=dialect.fields,
        records_sampled=sampled,
        records_regular=regular,
        reasons=(
            encoding.reason,
            f"{regular} of {sampled} records sampled have {dialect.fields} fields",
            f"{'a header' if has_header else 'no header'}: {why}",
        ),
        warnings=warnings,
    )


def _json_kind(text: str, *, is_whole: bool) -> str | None:
    begin = text.lstrip()[:1]
    if begin == "[":
        rest = text.lstrip()[1:].lstrip()[:1]
        return "json" if rest in ("{", "]") else None
    if begin != "{":
        return None
    objects = sum(map(_is_object, _lines(text)))
    if objects and objects >= JSON_LINES_SHARE * len(_lines(text)):
        return "jsonl"
    return "json" if not is_whole or _is_object(text) else None


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_workbook(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _named(compression: str | None) -> str:
    return "not compressed" if compression is None else CALLED[compression]


def _head(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(HEAD_BYTES)
