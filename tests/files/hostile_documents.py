"""Documents that are wrong, or meant to harm. Each is made here: none is worth keeping as a file."""

import io
import zipfile

from pypdf import PdfWriter

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "lol">{ENTITIES}]><d>&l9;</d>'


def pdf(*lines: str, password: str = "") -> bytes:
    """A PDF of one page for each line; an empty one is as a scanner makes it: without text."""
    writer = PdfWriter()
    for line in lines:
        page = writer.add_blank_page(width=595, height=842)
        if line:
            _write(writer, page, line)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _write(writer: PdfWriter, page, line: str) -> None:
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    font = DictionaryObject()
    for key, value in {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}.items():
        font[NameObject(key)] = NameObject(value)
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 72 720 Td ({line}) Tj ET".encode("latin-1"))
    page[NameObject("/Contents")] = writer._add_object(stream)


def looping_pdf() -> bytes:
    """Its tree of pages contains itself."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >>",
        b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>",
    ]
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(body)
    body += b"xref\n0 4\n0000000000 65535 f \n" + rows + b"trailer << /Size 4 /Root 1 0 R >>\n"
    return body + b"startxref\n%d\n%%%%EOF\n" % start


def archive(members: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return target.getvalue()


def zip_bomb() -> bytes:
    """A docx of 300 kB that unpacks to 300 MB."""
    return archive({"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": b"\0" * 300_000_000})


def entity_bomb(encoding: str = "utf-8") -> bytes:
    """A docx whose text would be a billion words."""
    text = BILLION.replace("?>", f' encoding="{encoding}"?>', 1)
    return archive({"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": text.encode(encoding)})


def deep_docx() -> bytes:
    """A docx of 300,000 elements, each in the one before it."""
    return archive({"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": "<a>" * 300_000 + "</a>" * 300_000})
