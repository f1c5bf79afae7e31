"""HTML: what a reader sees of a page, with its headings, lists, tables and links."""

import re
from collections.abc import Iterator
from typing import IO, Any

from lxml import etree, html

SKIPPED = {"script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "select", "button"}
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
    "pre", "section", "summary", "table", "tr", "ul",
}  # fmt: skip
MARKS = {f"h{level}": "#" * level + " " for level in range(1, 7)} | {"li": "- "}
CELLS = {"td", "th"}
CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE | re.ASCII)
HEAD_BYTES = 4_096  # in which a page names its encoding
WHITE = re.compile(r"[ \t\r\n\f]+")
LINK_CHARACTERS = 500
MOST_BYTES = 5_000_000  # whose tree takes a hundred times that


class TooLarge(Exception):
    reason = "too large"


def read(content: IO[bytes]) -> tuple[dict[str, Any], Iterator[tuple[str, str]]]:
    data = content.read()
    if len(data) > MOST_BYTES:
        raise TooLarge
    root = html.document_fromstring(data, parser=html.HTMLParser(encoding=_encoding(data), huge_tree=True))
    title = root.findtext(".//title") or ""
    text = "".join(_pieces(root))
    lines = (WHITE.sub(" ", line).strip() if "\0" not in line else line.replace("\0", "") for line in text.split("\n"))
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    heading = WHITE.sub(" ", title).strip()
    return {"media_type": "text/html"}, iter([("", f"Title: {heading}\n\n{body}" if heading and body else body)])


def _encoding(data: bytes) -> str:
    """UTF-8 if it can be that; else what the page says."""
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return name
    named = CHARSET.search(data[:HEAD_BYTES])
    try:
        return named[1].decode() if named and "".encode(named[1].decode()) == b"" else "cp1252"
    except LookupError:
        return "cp1252"


def _pieces(root: Any) -> Iterator[str]:
    """The text, with line feeds around blocks. Lines of preformatted text have a zero, so that their blanks stay."""
    in_pre = 0
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event in ("comment", "pi"):
            yield _tail(element, in_pre)
            continue
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if tag in SKIPPED or element.get("hidden") is not None:
                walk.skip_subtree()
                continue
            in_pre += tag == "pre"
            yield from _opening(element, tag)
            yield _text(element.text, in_pre)
            continue
        in_pre -= tag == "pre"
        if tag not in SKIPPED and element.get("hidden") is None:
            yield from _closing(element, tag)
        yield _tail(element, in_pre)


def _opening(element: Any, tag: str) -> Iterator[str]:
    if tag in BLOCKS:
        yield "\n" if tag in ("li", "tr") else "\n\n"
        yield MARKS.get(tag, "")
    elif tag == "br":
        yield "\n"
    elif tag == "img" and element.get("alt"):
        yield WHITE.sub(" ", f"[Image: {element.get('alt')}]")


def _closing(element: Any, tag: str) -> Iterator[str]:
    if tag in BLOCKS:
        yield "" if tag in ("li", "tr") else "\n\n"
    elif tag in CELLS and element.getnext() is not None:
        yield " | "
    elif tag == "a" and (address := element.get("href", "")).startswith(("http://", "https://")):
        yield f" ({address[:LINK_CHARACTERS]})"


def _text(text: str | None, in_pre: int) -> str:
    text = (text or "").replace("\0", "")
    return text.replace("\n", "\n\0") if in_pre else WHITE.sub(" ", text)


def _tail(element: Any, in_pre: int) -> str:
    return _text(element.tail, in_pre)
