"""Word, Excel and PowerPoint, as their programs have written them since 2007: XML in a zip archive."""

import csv
import io
import zipfile
from collections.abc import Iterator
from itertools import zip_longest
from typing import IO, Any

import docx
import openpyxl
import pptx
from lxml import etree

Parts = Iterator[tuple[str, str]]

TYPES = {
    "wordprocessingml.document": "docx",
    "spreadsheetml.sheet": "xlsx",
    "presentationml.presentation": "pptx",
}
PREFIX = "application/vnd.openxmlformats-officedocument."
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what was before 2007, and what is protected by a password now
PROTECTED = "EncryptedPackage".encode("utf-16-le")
MEMBERS = 10_000  # of an archive
UNPACKED_BYTES = 200_000_000  # of all members together, as announced: none gives more than that
CHUNK_BYTES = 1_000_000
DECLARATIONS = b"<!DOCTYPE"  # of entities, among others: the format has none
IS_ENCRYPTED = 0x1  # a flag of a member
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ALTERNATIVE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same again, for old readers
NOTES = ("/footnotes", "/endnotes", "/comments")


class Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(content: IO[bytes]) -> tuple[dict[str, Any], Parts]:
    archive = io.BytesIO(content.read())
    if archive.getvalue().startswith(OLD):
        raise Refused("encrypted" if PROTECTED in archive.getvalue() else "unsupported")
    with zipfile.ZipFile(archive) as members:
        _check(members)
        kind = _kind(members)
    archive.seek(0)
    media_type = next(PREFIX + name for name, short in TYPES.items() if short == kind)
    return {"media_type": media_type, "has_parts": kind != "docx"}, READERS[kind](archive)


def _check(archive: zipfile.ZipFile) -> None:
    """Raise Refused for archives that are bombs, are protected, or have declarations in their XML."""
    members = archive.infolist()
    if len(members) > MEMBERS or sum(member.file_size for member in members) > UNPACKED_BYTES:
        raise Refused("too large")
    if any(member.flag_bits & IS_ENCRYPTED for member in members):
        raise Refused("encrypted")
    for member in members:
        if not member.filename.lower().endswith((".xml", ".rels")):
            continue
        before = b""
        with archive.open(member) as file:
            while chunk := file.read(CHUNK_BYTES):
                if DECLARATIONS in before + chunk.replace(b"\0", b""):  # in UTF-16, too
                    raise Refused("declarations")
                before = chunk[-2 * len(DECLARATIONS) :].replace(b"\0", b"")


def _kind(archive: zipfile.ZipFile) -> str:
    """Raises Refused for any other archive."""
    if "[Content_Types].xml" not in archive.namelist():
        raise Refused("unsupported")
    types = archive.read("[Content_Types].xml").decode("utf-8", errors="replace")
    for name, kind in TYPES.items():
        if f"{PREFIX}{name}.main+xml" in types:
            return kind
    raise Refused("unsupported")


def _document(archive: IO[bytes]) -> Parts:
    """Word: headings, paragraphs and tables in their order, then notes."""
    document = docx.Document(archive)
    names = {style.style_id: style.name or "" for style in document.styles}
    blocks = list(_blocks(document.element.body, names))
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(NOTES):
            root = etree.fromstring(relation.target_part.blob, etree.XMLParser(resolve_entities=False))
            notes = [text for note in root if (text := " ".join(_blocks(note, names)))]
            title = relation.reltype.rpartition("/")[2].capitalize()
            blocks += [f"{title}:", *notes] if notes else []
    yield "", "\n\n".join(blocks)


def _blocks(parent: Any, names: dict[str, str]) -> Iterator[str]:
    """The texts of paragraphs and tables, also of those in content controls and revisions."""
    for element in parent:
        if element.tag == f"{WORD}p":
            if text := _text(element).strip():
                yield _mark(element, names) + text
        elif element.tag == f"{WORD}tbl":
            rows = (
                [" ".join(_blocks(cell, names)) for cell in row.iter(f"{WORD}tc")] for row in element.iter(f"{WORD}tr")
            )
            yield "\n".join(" | ".join(row) for row in rows)
        elif element.tag not in (f"{WORD}sectPr", f"{WORD}del"):
            yield from _blocks(element, names)


def _mark(paragraph: Any, names: dict[str, str]) -> str:
    """What a heading or an item of a list begins with."""
    properties = paragraph.find(f"{WORD}pPr")
    if properties is None:
        return ""
    style = properties.find(f"{WORD}pStyle")
    name = names.get(style.get(f"{WORD}val", ""), "").lower() if style is not None else ""
    if name == "title":
        return "# "
    if name.startswith("heading ") and name[8:].isdecimal():
        return "#" * min(int(name[8:]), 6) + " "
    return "- " if properties.find(f"{WORD}numPr") is not None or name.startswith("list") else ""


def _text(paragraph: Any) -> str:
    """What is to be read of a paragraph: what was inserted is, what was deleted is not."""
    pieces: list[str] = []
    walk = etree.iterwalk(paragraph, events=("start",))
    for _, element in walk:
        if element.tag in (ALTERNATIVE, f"{WORD}del", f"{WORD}moveFrom"):
            walk.skip_subtree()
        elif element.tag == f"{WORD}t":
            pieces.append(element.text or "")
        elif element.tag == f"{WORD}tab":
            pieces.append("\t")
        elif element.tag in (f"{WORD}br", f"{WORD}cr"):
            pieces.append("\n")
    return "".join(pieces)


def _workbook(archive: IO[bytes]) -> Parts:
    """Excel: each sheet as CSV, with values as they were last computed, or else with formulas."""
    values = openpyxl.load_workbook(archive, read_only=True, data_only=True, keep_links=False)
    formulas = openpyxl.load_workbook(archive, read_only=True, keep_links=False)
    for sheet in values.worksheets:
        for each in (sheet, formulas[sheet.title]):
            each.reset_dimensions()  # as announced they may be anything
        rows = zip_longest(
            sheet.iter_rows(values_only=True), formulas[sheet.title].iter_rows(values_only=True), fillvalue=()
        )
        hidden = "" if sheet.sheet_state == "visible" else ", hidden"
        yield f"Sheet {sheet.title}{hidden}", _csv(rows)


def _csv(rows: Iterator[tuple[Any, Any]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    empty = 0
    for values, formulas in rows:
        cells = [_cell(formula if value is None else value) for value, formula in zip_longest(values, formulas)]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            empty += 1
            continue
        writer.writerows([[]] * min(empty, 1))
        empty = 0
        writer.writerow(cells)
        if target.tell() > MOST_CHARACTERS:
            break
    return target.getvalue()


MOST_CHARACTERS = 5_000_000  # of a sheet; as in the process that reads


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).removesuffix(" 00:00:00")


def _presentation(archive: IO[bytes]) -> Parts:
    """PowerPoint: the texts and tables of each slide, and its notes."""
    for number, slide in enumerate(pptx.Presentation(archive).slides, 1):
        texts = list(_shapes(slide.shapes))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text.strip()
            texts += [f"Notes: {notes}"] if notes else []
        hidden = ", hidden" if slide._element.get("show") == "0" else ""
        yield f"Slide {number}{hidden}", "\n\n".join(texts)


def _shapes(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _shapes(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield "\n".join(" | ".join(cell.text for cell in row.cells) for row in shape.table.rows)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield shape.text_frame.text


READERS = {"docx": _document, "xlsx": _workbook, "pptx": _presentation}
