"""From an object in a storage to a file on this machine that an engine can read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from util_services.datasets.codecs.json_array import json_to_lines
from util_services.datasets.compression import decompress
from util_services.datasets.csv_dialect import not_in_encoding
from util_services.errors import DatasetError
from util_services.flow.background import Background
from util_services.flow.changes import SourceChangedError
from util_services.flow.digests import FileDigests, digests_of

if TYPE_CHECKING:
    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.encryption.paths import AnyPath
    from util_services.flow.objects import ObjectPlan
    from util_services.flow.plan import ReadPlan
    from util_services.flow.staging import Staging

COPY_BYTES = 1 << 20
SOURCE = "source-"  # what files are called that are copies of a source, with its number


@dataclass(frozen=True, slots=True)
class Content:
    """An object on this machine: a file that an engine can read, and what the object was."""

    plan: ObjectPlan
    number: int  # among the objects of its dataset
    file: AnyPath
    digests: Background[FileDigests]  # of the object as it is in the storage
    quarantined: int = 0

    def moved(self, file: AnyPath, staging: Staging) -> Content:
        """Return the content in another file; the one before goes if it was a copy of ours."""
        self.drop(staging)
        return replace(self, file=file)

    def drop(self, staging: Staging) -> None:
        """Remove the file if it is a copy of ours."""
        if staging.holds(self.file):
            self.digests.result()  # which may still read it
            self.file.unlink()

    def check_unchanged(self, plan: ReadPlan) -> None:
        """Check that the object is still what the run found, and what a manifest says of it.

        Raises:
            SourceChangedError: if it has changed.
            DatasetError: if it is not the part that the manifest lists.
        """
        refuse_changed(plan, self.plan)
        if self.plan.part is not None and self.plan.part.sha256 != self.digests.result().sha256:
            raise DatasetError(
                "The part is not the one that the manifest of the dataset lists; publish the "
                "dataset anew."
            )


def bring(plan: ReadPlan, number: int, staging: Staging) -> Content:
    """Fetch an object, take it out of its compression, and turn its text into UTF-8.

    Its digest is still being worked out when this returns.

    Raises:
        StorageError: if the object is out of reach.
        DatasetError: if it is damaged, or not in its encoding.
    """
    one = plan.objects[number]
    layout = one.layout
    file = plan.storage.fetch(one.location, staging.file(f"{SOURCE}{number}"))
    digests = Background(lambda: digests_of(file, with_blake3=plan.with_blake3))
    content = Content(one, number, file, digests)
    if layout.compression is not None:
        plain = staging.file(f"plain-{number}")
        bounds = layout.codec.bounds
        decompress(content.file, plain, layout.compression, member=layout.member, bounds=bounds)
        content = content.moved(plain, staging)
    if layout.format == "json":
        lines = staging.file(f"lines-{number}")
        json_to_lines(content.file, lines)
        content = content.moved(lines, staging)
    if layout.dialect is not None and not layout.dialect.is_utf8:
        text = staging.file(f"utf8-{number}")
        _transcode(content.file, layout.dialect, text, keep_foreign=plan.bad_rows == "quarantine")
        content = content.moved(text, staging)
    return content


def refuse_changed(plan: ReadPlan, one: ObjectPlan) -> None:
    """Check that an object is still what the run found.

    Raises:
        SourceChangedError: if it is not.
    """
    if plan.storage.fingerprint(one.location) != one.fingerprint:
        raise SourceChangedError(plan.origin.path)


def escaped_by(encoding: str) -> str:
    """Return the error handler that carries what is outside an encoding through a transcoding."""
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32"))
    return "surrogatepass" if wide else "surrogateescape"


def _transcode(file: AnyPath, dialect: CsvDialect, target: AnyPath, *, keep_foreign: bool) -> None:
    """Write a text in UTF-8; its line ends stay as they are.

    Args:
        file: the text.
        dialect: its dialect.
        target: the file to write.
        keep_foreign: whether bytes outside the encoding become bytes that are no UTF-8, so that
            their record can be set aside, instead of an error.

    Raises:
        DatasetError: naming byte and line of the first bytes outside the encoding.
    """
    errors = escaped_by(dialect.encoding) if keep_foreign else "strict"
    decoder = codecs.getincrementaldecoder(dialect.encoding)(errors)
    offset, line, end = 0, 1, dialect.line_end[-1]
    with file.open("rb") as source, target.open("wb") as sink:
        while True:
            block = source.read(COPY_BYTES)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
                sink.write(text.encode(errors="surrogatepass" if keep_foreign else "strict"))
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(dialect.encoding, errors="ignore")
                raise not_in_encoding(
                    dialect.encoding, offset - pending + error.start, line + good.count(end)
                ) from None
            except UnicodeError:
                raise not_in_encoding(dialect.encoding, offset - pending, line) from None
            if not block:
                return
            offset += len(block)
            line += text.count(end)
