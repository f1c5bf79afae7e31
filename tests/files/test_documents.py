"""Documents are stored as they are, with the text that was read of them, and read in a process that can be killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from chatapp.files import child_process
from chatapp.files.deletion import delete
from chatapp.files.documents import process, reading
from chatapp.files.documents.excerpts import excerpt_of
from chatapp.files.errors import (
    DocumentEncrypted,
    DocumentInvalid,
    DocumentsBusy,
    DocumentTooLarge,
    DocumentTooSlow,
    DocumentWithoutText,
    FileQuotaExceeded,
    FileTypeUnsupported,
    PagesInvalid,
)
from chatapp.files.models import StoredFile
from tests.files.conftest import contents
from tests.files.hostile_documents import archive, pdf, zip_bomb

DOCUMENTS = Path(__file__).with_name("documents")
PDF = (DOCUMENTS / "chromium.pdf").read_bytes()


def scan(tmp_path) -> bytes:
    """A PDF as a scanner makes it: a picture on each page and no text."""
    Image.new("L", (300, 400), 200).save(tmp_path / "scan.pdf", resolution=72)
    return (tmp_path / "scan.pdf").read_bytes()


def test_a_document_is_kept_as_it_is_with_its_text(alice, upload, folder):  # B69, B70
    file = upload(alice, PDF, "Vögel.txt")
    assert (file.media_type, file.name, file.size, file.parts) == ("application/pdf", "Vögel.txt", len(PDF), 3)
    text = excerpt_of(file).text
    assert "Waldkauz" in text
    assert sorted(map(len, contents(folder))) == sorted([len(PDF), file.text_size])
    delete(file)
    assert contents(folder) == []


def test_a_text_in_another_encoding_is_kept_as_it_is_and_read_in_utf8(alice, upload, folder):
    file = upload(alice, "名前,住所\r\n山田太郎,東京都千代田区\r\n".encode("shift_jis"), "list.csv")
    assert (file.media_type, file.encoding, file.parts) == ("text/csv", "cp932", None)
    assert excerpt_of(file) == ("名前,住所\n山田太郎,東京都千代田区\n", "read as Shift-JIS")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (pdf("Wrens", password="secret"), DocumentEncrypted),
        (pdf("Wrens")[:200], DocumentInvalid),
        (pdf("", ""), DocumentWithoutText),
        (archive({"a.txt": "no document"}), FileTypeUnsupported),
    ],
)
def test_a_document_that_is_refused_leaves_nothing(alice, upload, folder, content, error):  # B69
    with pytest.raises(error):
        upload(alice, content, "x.pdf")
    assert not StoredFile.objects.exists()
    assert contents(folder) == []


def test_a_bomb_and_a_scan_are_refused(alice, upload, folder, tmp_path):
    with pytest.raises(DocumentTooLarge):
        upload(alice, zip_bomb(), "x.docx")
    with pytest.raises(DocumentWithoutText):
        upload(alice, scan(tmp_path), "scan.pdf")


def test_the_text_counts_for_the_quota(alice, upload, folder, settings):
    settings.USER_MAX_FILE_BYTES = len(PDF) + 100
    with pytest.raises(FileQuotaExceeded):
        upload(alice, PDF, "x.pdf")
    assert contents(folder) == []


# -- the process -------------------------------------------------------------------------------------


@pytest.fixture
def script(monkeypatch, tmp_path):
    """`script("code")`: a reader that does something else."""

    def script_(code: str) -> None:
        path = tmp_path / "process.py"
        path.write_text(code)
        monkeypatch.setattr(reading, "PROCESS", path)

    return script_


def test_a_document_that_takes_too_long_is_ended(alice, upload, script, monkeypatch):
    script("while True: pass")
    monkeypatch.setattr(reading, "SECONDS", 0.2)
    with pytest.raises(DocumentTooSlow):
        upload(alice, PDF)


def test_a_document_that_takes_all_its_time_is_said_to_be_slow(alice, upload, script):
    script("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)")
    with pytest.raises(DocumentTooSlow):
        upload(alice, PDF)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no header')", "", "print('{}')"])
def test_a_process_that_fails_is_a_document_that_is_refused(alice, upload, script, code):
    script(code)
    with pytest.raises(DocumentInvalid):
        upload(alice, PDF)


@pytest.mark.parametrize("text", [b"half \xc3", b"a zero \0"])
def test_what_a_reader_that_was_taken_over_gives_is_no_text(alice, upload, script, text):
    output = json.dumps({"media_type": "application/pdf", "parts": 1}).encode() + b"\n" + text
    script(f"import sys; sys.stdout.buffer.write({output!r})")
    with pytest.raises(DocumentInvalid):
        upload(alice, PDF)


def test_the_process_has_no_secrets_and_bounded_memory_time_and_output(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "secret")
    path = tmp_path / "process.py"
    path.write_text(
        "import json, os, resource, runpy, sys\n"
        f"module = runpy.run_path({process.__file__!r})\n"
        "module['result'].__globals__['result'] = lambda kind, content: (limits(), '')\n"
        "def limits():\n"
        "    names = ['RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_CORE']\n"
        "    return {'limits': [resource.getrlimit(getattr(resource, name))[0] for name in names],\n"
        "            'environment': sorted(set(os.environ) - {'LC_CTYPE'})}\n"
        "module['main']('pdf')\n"
    )
    with (tmp_path / "x").open("w+b") as content:
        with child_process.output_of(path, ["pdf"], content, 30) as (ended, output):
            header = json.loads(output.read())
    assert ended.returncode == 0
    assert header["environment"] == []
    assert header["limits"] == [process.MEMORY_BYTES, process.CPU_SECONDS, process.OUTPUT_BYTES, 0]


def test_the_readers_import_nothing_of_the_site():
    folder = Path(process.__file__).parent
    code = (
        "import importlib.util, sys, pathlib\n"
        f"for path in [*pathlib.Path({str(folder / 'readers')!r}).glob('*.py'), pathlib.Path({process.__file__!r})]:\n"
        "    spec = importlib.util.spec_from_file_location('x', path)\n"
        "    spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('chatapp', 'runs', 'streams', 'django')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_documents_have_their_turn_one_at_a_time(alice, upload, monkeypatch):
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0.01)
    with reading._one_at_a_time, pytest.raises(DocumentsBusy):
        upload(alice, PDF)


# -- what goes with a message ------------------------------------------------------------------------


@pytest.fixture
def document(alice, monkeypatch):
    """A PDF of ten pages, without its content."""
    file = StoredFile(owner=alice, media_type="application/pdf", parts=10, text_size=1, name="x.pdf")
    pages = "\f".join(f"[Page {number}]\n{'x' * 89}" for number in range(1, 10)) + "\f[Page 10]\nend"
    monkeypatch.setattr("chatapp.files.documents.excerpts.text_of", lambda file: pages)
    return file


def test_a_document_that_fits_is_sent_whole(document):
    text, note = excerpt_of(document, 10_000)
    assert (text.count("[Page "), note) == (10, "")
    assert text.startswith("[Page 1]\nx")


def test_what_does_not_fit_is_cut_after_a_page_and_the_model_and_the_sender_are_told(document):  # B70
    text, note = excerpt_of(document, 450)
    assert note == "pages 1–4 of 10"
    assert text.startswith("[This is only a part: pages 1–4 of 10. The rest was left out because it is too long.]")
    assert text.count("[Page ") == 4


@pytest.mark.parametrize(
    ("pages", "note"),
    [
        ("1-3, 8", "pages 1–3, 8 of 10"),
        ("8,1 - 3", "pages 1–3, 8 of 10"),
        ("9-", "pages 9–10 of 10"),
        ("2", "page 2 of 10"),
        ("7–99", "pages 7–10 of 10"),
        ("1-10", ""),
        ("  ", ""),
    ],
)
def test_pages_that_were_chosen_are_sent(document, pages, note):
    text, actual = excerpt_of(document, 10_000, pages)
    assert actual == note
    assert ("left out by the sender" in text) == bool(note)


@pytest.mark.parametrize("pages", ["0", "11", "5-2", "all", "1,,x", "-3", "1-2-3", "٣x"])
def test_pages_that_do_not_exist_are_refused(document, pages):
    with pytest.raises(PagesInvalid):
        excerpt_of(document, 10_000, pages)


def test_a_page_that_is_too_long_alone_is_cut_in_itself(document):
    text, note = excerpt_of(document, 50, "3")
    assert note == "page 3 of 10"
    assert "too long" in text
    assert "[The rest of this page was left out.]" in text
