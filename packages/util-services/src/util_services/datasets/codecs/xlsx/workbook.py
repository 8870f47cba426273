"""The parts of an Excel workbook (ECMA-376): its sheets, the texts that cells share, its styles.

Names inside the archive only ever choose a member of it. The XML is read by expat, without
document types, so that no entity can grow; the archive's members are bounded like any other
compressed content.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from util_services.datasets.codecs.xlsx.serials import BUILT_IN, SerialKind, kind_of_format
from util_services.datasets.signatures import HEAD_BYTES, check_signature
from util_services.encryption.paths import for_library
from util_services.errors import ConfigurationError, DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from util_services.datasets.compression import Bounds
    from util_services.encryption.paths import AnyPath

PIECE_BYTES = 1 << 18
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
NO_WORKBOOK = "The file is a zip archive but no Excel workbook; check its name."


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet by its name, the part that holds it, and whether a user sees it."""

    name: str
    part: str
    is_visible: bool


class Workbook:
    """An open workbook; close it, or use it in a ``with`` statement.

    Raises:
        DatasetError: if the file is no workbook, or is damaged.
    """

    def __init__(self, file: AnyPath, bounds: Bounds) -> None:
        self._bounds = bounds
        with file.open("rb") as content:
            check_signature(content.read(HEAD_BYTES), "xlsx")
        with refusing_damage(), ExitStack() as stack:
            opened = stack.enter_context(for_library(file, "rb"))
            self._archive = stack.enter_context(zipfile.ZipFile(opened))
            self._members = {info.filename: info for info in self._archive.infolist()}
            self._read_parts()
            self._open = stack.pop_all()

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def sheet(self, name: str | None) -> Sheet:
        """Return a worksheet by name, or the first that is visible.

        Raises:
            ConfigurationError: if there is none of that name.
        """
        if not self.sheets:
            raise DatasetError("The workbook has no worksheet; write it anew.")
        if name is None:
            return next((sheet for sheet in self.sheets if sheet.is_visible), self.sheets[0])
        for sheet in self.sheets:
            if sheet.name == name:
                return sheet
        names = quoted([sheet.name for sheet in self.sheets])
        raise ConfigurationError(f"The workbook has no sheet {quoted([name])}; it has {names}.")

    def parse(self, part: str, parser: expat.XMLParserType) -> Generator[None]:
        """Feed a part to a parser, and return after each piece of it."""
        info = self._members.get(part)
        if info is None:
            raise DatasetError("The workbook lacks one of its parts; write it anew.")
        if info.flag_bits & 1:
            raise DatasetError("The workbook is encrypted; write it without a password.")
        held = 0
        parser.StartDoctypeDeclHandler = _refuse_document_type
        with self._archive.open(info) as content:
            while piece := content.read(PIECE_BYTES):
                held += len(piece)
                self._bounds.check(held, info.compress_size)
                parser.Parse(piece, False)
                yield
        parser.Parse(b"", True)
        yield

    def _read_parts(self) -> None:
        roots = self._relations("")
        main = next((p for kind, p in roots.values() if kind == "officeDocument"), None)
        if main is None:
            raise DatasetError(NO_WORKBOOK)
        if main.endswith(".bin"):
            raise DatasetError("The file is a binary workbook (xlsb); save it as xlsx.")
        relations = self._relations(main)
        self.is_1904 = False
        self.sheets: list[Sheet] = []

        def start(name: str, given: dict[str, str]) -> None:
            if name == "workbookPr":
                self.is_1904 = given.get("date1904") in ("1", "true")
            elif name == "sheet":
                kind, part = relations.get(given.get("id", ""), ("", ""))
                if kind == "worksheet":
                    is_visible = given.get("state", "visible") == "visible"
                    self.sheets.append(Sheet(given.get("name", ""), part, is_visible))

        self._read(main, start)
        parts = dict(relations.values())
        self.strings = self._strings(parts["sharedStrings"]) if "sharedStrings" in parts else []
        self.styles = self._styles(parts["styles"]) if "styles" in parts else []

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return kind and target of what a part refers to, by id."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, given: dict[str, str]) -> None:
            if tag == "Relationship" and given.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, given.get("Target", "")))
                kind = given.get("Type", "").rsplit("/", 1)[-1]
                found[given.get("Id", "")] = (kind, target.lstrip("/"))

        where = posixpath.join(folder, "_rels", f"{name}.rels")
        if where in self._members:
            self._read(where, start)
        elif not part:
            raise DatasetError(NO_WORKBOOK)
        return found

    def _strings(self, part: str) -> list[str]:
        """Return the texts that cells share, without phonetic hints."""
        strings: list[str] = []
        text: list[str] = []
        hints = 0
        collects = False

        def start(name: str, _given: dict[str, str]) -> None:
            nonlocal hints, collects
            hints += name == "rPh"
            collects = name == "t" and not hints

        def end(name: str) -> None:
            nonlocal hints, collects
            hints -= name == "rPh"
            collects = False
            if name == "si":
                strings.append(unescaped("".join(text)))
                text.clear()

        def characters(data: str) -> None:
            if collects:
                text.append(data)

        self._read(part, start, end, characters)
        return strings

    def _styles(self, part: str) -> list[SerialKind | None]:
        """Return what each cell style makes of a number."""
        codes: dict[int, SerialKind | None] = dict(BUILT_IN)
        styles: list[SerialKind | None] = []
        in_cells = False

        def start(name: str, given: dict[str, str]) -> None:
            nonlocal in_cells
            if name == "numFmt" and "formatCode" in given:
                codes[int(given.get("numFmtId", -1))] = kind_of_format(given["formatCode"])
            in_cells = in_cells or name == "cellXfs"
            if in_cells and name == "xf":
                styles.append(codes.get(int(given.get("numFmtId", 0))))

        def end(name: str) -> None:
            nonlocal in_cells
            in_cells = in_cells and name != "cellXfs"

        self._read(part, start, end)
        return styles

    def _read(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _name: None,
        characters: Callable[[str], None] = lambda _data: None,
    ) -> None:
        parser = new_parser()
        parser.StartElementHandler = lambda name, given: start(
            local(name), {local(key): value for key, value in given.items()}
        )
        parser.EndElementHandler = lambda name: end(local(name))
        parser.CharacterDataHandler = characters
        for _ in self.parse(part, parser):
            pass


def new_parser() -> expat.XMLParserType:
    """Return a parser that names elements as "namespace name", and hands on texts whole."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    return parser


def local(name: str) -> str:
    """Return a name without its namespace; transitional and strict workbooks differ only there."""
    return name.rpartition(" ")[2]


def unescaped(text: str) -> str:
    """Return a text with its ``_xHHHH_`` escapes resolved, which stand for what XML cannot hold."""
    if "_x" not in text:
        return text
    found = ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what libraries raise for a damaged workbook into one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError, NotImplementedError):
        raise DatasetError("The Excel workbook is damaged or incomplete; save it anew.") from None


def _refuse_document_type(*_declaration: Any) -> None:
    raise DatasetError("The workbook declares a document type, which none does; save it anew.")
