"""The process that reads a document: its bytes on standard input, a header in JSON and the text on standard output.

It runs as a script, isolated, and imports nothing of the site: a reader that is misled by a document has no secrets,
little memory and little time. The reader for a kind is a module in `readers`, with a function that yields the parts of
a document (pages, slides, sheets), each as its heading and its text; or, if it says `is_exact`, texts as they are.
"""

import importlib.util
import json
import logging
import resource
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import IO, Any

MEMORY_BYTES = 1_000_000_000  # of address space
CPU_SECONDS = 20  # s
OUTPUT_BYTES = 50_000_000
CHARACTERS = 5_000_000  # of text: far above what any model reads at once
PARTS = 10_000  # pages, slides or sheets
FORM_FEED = "\f"  # between parts; a blank where it stands in a text
REST = "\n[The document goes on. The rest was not read.]"
READERS = Path(__file__).with_name("readers")


def main(kind: str) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
    ):
        resource.setrlimit(limit, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))  # SIGXCPU, which tells why it ended
    warnings.simplefilter("ignore")  # readers repair what they can
    logging.disable()
    header, text = result(kind, sys.stdin.buffer)
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + text.encode(errors="replace"))


def result(kind: str, content: IO[bytes]) -> tuple[dict[str, Any], str]:
    """The header and the text; of a document that is refused, only the header with the reason."""
    try:
        reader = _module(kind)
        header, parts = reader.read(content)
        texts = list(parts) if header.get("is_exact") else _bounded(parts)
    except MemoryError:
        return {"refused": "too large"}, ""
    except Exception as error:  # readers raise anything
        reason = getattr(error, "reason", "") or ("too large" if "alloc" in str(error) else "invalid")
        return {"refused": reason, "detail": f"{type(error).__name__}: {error}"[:200]}, ""
    return header | {"parts": len(texts)}, FORM_FEED.join(texts)


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, READERS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _bounded(parts: Iterable[tuple[str, str]]) -> list[str]:
    """The texts of the parts, under their headings, until there are too many; none if there is no text but headings."""
    texts: list[str] = []
    left, is_empty = CHARACTERS, True
    for heading, text in parts:
        if len(texts) == PARTS or left <= 0:
            texts[-1] += REST
            break
        text = _clean(text)
        is_empty = is_empty and not text
        text = f"[{_clean(heading)}]\n{text}".rstrip() if heading else text
        texts.append(text if len(text) <= left else text[:left] + REST)
        left -= len(text)
    return [] if is_empty else texts


def _clean(text: str) -> str:
    """With LF line ends; without control characters, which models and databases stumble over."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROLS)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


CONTROLS = {code: " " for code in range(32) if code not in (9, 10)} | {0x7F: " ", 0x2028: "\n", 0x2029: "\n"}


if __name__ == "__main__":
    main(sys.argv[1])
