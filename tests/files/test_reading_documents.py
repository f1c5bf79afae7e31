"""What is read of documents of each format, as other programs wrote them."""

import io
from pathlib import Path

import pytest

from chatapp.files.documents import process
from tests.files import hostile_documents

DOCUMENTS = Path(__file__).with_name("documents")


def read(kind: str, content: bytes | str) -> tuple[dict, list[str]]:
    """Its header and its parts, read in this process: limits have tests of their own."""
    content = (DOCUMENTS / content).read_bytes() if isinstance(content, str) else content
    header, text = process.result(kind, io.BytesIO(content))
    return header, text.split("\f")


def test_a_pdf_has_the_text_of_each_page_under_its_number():  # B70
    header, pages = read("pdf", "chromium.pdf")
    assert header == {"media_type": "application/pdf", "has_parts": True, "parts": 3}
    assert [page.split("\n")[0] for page in pages] == ["[Page 1]", "[Page 2]", "[Page 3]"]
    assert "Größe: 10 cm. Wien, März 2026." in pages[0]
    assert "Waldkauz" in pages[1] and "Eisvogel" in pages[2]


def test_a_pdf_that_only_restricts_printing_is_read():
    from pypdf import PdfReader, PdfWriter

    writer, target = PdfWriter(clone_from=PdfReader(io.BytesIO(hostile_documents.pdf("Wrens")))), io.BytesIO()
    writer.encrypt(user_password="", owner_password="secret", algorithm="AES-256")
    writer.write(target)
    assert read("pdf", target.getvalue())[1] == ["[Page 1]\nWrens"]


def test_a_word_document_is_read_in_order_with_what_was_inserted_and_without_what_was_deleted():
    header, [text] = read("office", "docx-js.docx")
    assert header["media_type"].endswith("wordprocessingml.document")
    assert text == (
        "# Bericht über Vögel\n\nDer Zaunkönig singt laut.\n\nEs sind vier Vögel.\n\n- erstens\n\n- zweitens\n\n"
        "Art | Zahl\nAmsel | 12\n\n日本語: 鷦鷯\n\nFootnotes:\n\nGezählt am Morgen."
    )


def test_a_workbook_has_its_sheets_as_csv_with_results_of_formulas():
    header, sheets = read("office", "xlsxwriter.xlsx")
    assert (header["has_parts"], header["parts"]) == (True, 3)
    assert sheets == [
        '[Sheet Zählung]\nArt,Zahl\nAmsel,12\n"Eule, groß",3.5\n,15.5\n\n2026-03-01',
        "[Sheet Geheim, hidden]\nWaldkauz",
        "[Sheet Leer]",
    ]


def test_a_formula_that_was_never_computed_is_read_as_it_is_written():
    from openpyxl import Workbook

    book, target = Workbook(), io.BytesIO()
    book.active.append([1, 2, "=SUM(A1:B1)"])
    book.save(target)
    assert read("office", target.getvalue())[1] == ["[Sheet Sheet]\n1,2,=SUM(A1:B1)"]


def test_a_presentation_has_texts_tables_and_notes_of_each_slide():
    _, slides = read("office", "pptxgenjs.pptx")
    assert slides == [
        "[Slide 1]\nBericht über Vögel\n\nNotes: Langsam sprechen.",
        "[Slide 2]\nDer Waldkauz ruft.\n\nArt | Zahl\nAmsel | 12",
        "[Slide 3, hidden]\nVersteckt",
    ]


PAGE = """<!DOCTYPE html><html><head><title>Vögel</title><style>p{}</style><meta charset="iso-8859-1"></head><body>
<h1>Vögel</h1><p>Ein <b>kleiner</b> <a href="https://example.org/x">Vogel</a>.<!-- c --> Mehr<script>alert(1)</script>
Text.</p><ul><li>Eins</li><li>Zwei</li></ul><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre>def f():
    return  1</pre><p hidden>weg</p>Ende &amp; aus</body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_a_page_is_read_as_people_see_it_whatever_its_encoding(encoding):
    _, [text] = read("html", PAGE.encode(encoding))
    assert text == (
        "Title: Vögel\n\n# Vögel\n\nEin kleiner Vogel (https://example.org/x). Mehr Text.\n\n- Eins\n- Zwei\n\n"
        "A | B\n1 | 2\n\ndef f():\n    return  1\n\nEnde & aus"
    )


TEXTS = {
    "cp1252": ["Grüße aus München – „schön“, 5 €", "Le café était fermé; l’été à Orléans.", "name;ort\nJürgen;Köln\n"],
    "cp932": ["これは日本語のテキストです。", "名前,住所\r\n山田太郎,東京都千代田区\r\n", "メモ：明日の会議は十時から"],
    "gb18030": ["这是一个中文文本文件，用来测试编码。", "姓名,地址\n张三,北京市海淀区\n"],
    "cp949": ["이것은 한국어 텍스트 파일입니다. 인코딩을 확인합니다.", "이름,주소\n홍길동,서울특별시\n"],
    "big5": ["這是一個繁體中文的文字檔案，用來測試編碼。"],
    "euc_jp": ["これは日本語のテキストです。ファイルの文字コードを調べます。"],
    "cp1251": ["Это текстовый файл на русском языке. Проверка кодировки."],
    "cp1250": ["Příliš žluťoučký kůň úpěl ďábelské ódy", "Zażółć gęślą jaźń, to jest polski tekst"],
    "cp1253": ["Αυτό είναι ένα αρχείο κειμένου στα ελληνικά."],
    "utf-16": ["Grüße\n", "日本語"],
    "utf-32": ["Grüße\n"],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_a_text_of_any_encoding_is_read_and_its_encoding_found(encoding, text):
    header, parts = read("text", text.encode(encoding))
    assert parts == [text.replace("\r\n", "\n")]
    if encoding != "cp1252" or not header["encoding"].startswith("cp125"):  # these are the same for some texts
        assert header["encoding"] == encoding


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("pdf", hostile_documents.pdf("Wrens", password="secret"), "encrypted"),
        ("pdf", hostile_documents.looping_pdf(), "invalid"),
        ("pdf", hostile_documents.pdf("Wrens")[:200], "invalid"),
        ("office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"Word 97", "unsupported"),
        ("office", hostile_documents.archive({"a.txt": "no document"}), "unsupported"),
        ("office", hostile_documents.entity_bomb(), "declarations"),
        ("office", hostile_documents.entity_bomb("utf-16"), "declarations"),
        ("office", hostile_documents.deep_docx(), "invalid"),
        ("office", hostile_documents.archive({f"{n}": "" for n in range(10_001)}), "too large"),
        ("office", (DOCUMENTS / "docx-js.docx").read_bytes()[:5_000], "invalid"),
        ("text", bytes(range(1, 256)) * 40, "unsupported"),
        ("text", b"\xff\xfea\0\0", "unsupported"),
        ("text", b"\xff\xfea\0\0\0", "unsupported"),
        ("html", b" " * 5_000_001, "too large"),
    ],
)
def test_what_cannot_be_read_has_a_reason(kind, content, reason):  # B70
    assert read(kind, content)[0]["refused"] == reason


def test_text_is_bounded_and_what_is_left_out_is_said(monkeypatch):
    monkeypatch.setattr(process, "CHARACTERS", 1_100)
    monkeypatch.setattr(process, "PARTS", 2)
    assert read("pdf", hostile_documents.pdf("one", "two", "three"))[1][1].endswith(f"two{process.REST}")
    _, [text] = read("html", b"<p>" + b"wren " * 1_000)
    assert len(text) == 1_100 + len(process.REST)
    assert text.endswith("[The document goes on. The rest was not read.]")


def test_control_characters_and_zeros_are_not_in_what_was_read():
    _, [text] = read("html", b"<p>one\x07two</p><pre>a\x0cb</pre>")
    assert text == "one two\n\na b"
