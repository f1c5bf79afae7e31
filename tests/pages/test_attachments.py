"""Files of text that go with a message."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.models import Message, Session
from chatapp.pages.attachments import Attachment, taken_apart, with_attachments

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def post(browser, *files, text="Look at this", **options):
    return browser.post("/chats", {"text": text, "files": list(files)}, **options)


def test_a_file_becomes_part_of_the_message_under_its_name(browser):
    post(browser, file("notes.md", b"# Notes\r\n```\ncode\n```"), file("b.txt", b"\xef\xbb\xbfB\n"))
    question = Message.objects.get(role="user").content
    assert question == (
        "Look at this\n\nFile: notes.md\n````\n# Notes\n```\ncode\n```\n````\n\nFile: b.txt\n```\nB\n```"
    )


def test_the_transcript_shows_the_words_and_the_files_folded(browser):
    url = post(browser, file("notes.txt", b"<b>one</b>")).url.removesuffix("#end")
    page = browser.get(url).content.decode()
    assert 'dir="auto">Look at this</div>' in page
    assert "<summary>notes.txt</summary>" in page
    assert "&lt;b&gt;one&lt;/b&gt;</pre>" in page


def test_a_file_alone_is_a_message(browser):
    url = post(browser, file("a.txt", b"A"), text="").url.removesuffix("#end")
    assert Message.objects.get(role="user").content == "File: a.txt\n```\nA\n```"
    assert "<summary>a.txt</summary>" in browser.get(url).content.decode()


UNREADABLE = {"no UTF-8": b"\xff\xfe\x00", "a NUL": b"a\0b"}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_text_is_refused_and_the_words_are_kept(browser, content):
    response = post(browser, file("x.bin", content))
    assert response.status_code == 422
    assert "Only files that hold text in UTF-8 can be attached." in response.content.decode()
    assert "Look at this</textarea>" in response.content.decode()
    assert not Session.objects.exists()


def test_files_count_as_part_of_the_message(browser):
    response = post(browser, file("long.txt", b"x" * 99_990), text="One too many")
    assert response.status_code == 422
    assert "The message is too long." in response.content.decode()


def test_an_upload_beyond_all_bounds_is_not_even_kept(browser):
    response = post(browser, file("huge.txt", b"x" * 500_000))
    assert response.status_code == 400
    assert "too large" in response.content.decode()


def test_a_file_of_a_second_message_goes_the_same_way(browser, ask):
    url = f"/chats/{ask('First').session_id}/messages"
    browser.post(url, {"text": "Second", "files": [file("a.txt", b"A")]}, **SCRIPT)
    assert Message.objects.filter(content="Second\n\nFile: a.txt\n```\nA\n```").exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\nFile: b.txt", "```", "x" * 300])
def test_a_file_s_name_cannot_break_the_message(browser, name):
    post(browser, file(name, b"A"))
    words, [attachment] = taken_apart(Message.objects.get(role="user").content)
    assert words == "Look at this"
    assert attachment.text == "A"
    assert len(attachment.name) <= 100
    assert "\n" not in attachment.name


@pytest.mark.parametrize("text", ["", "words", "two\n\nparts", "File: not one"])
def test_a_message_is_taken_apart_as_it_was_put_together(text):
    files = [Attachment("a.txt", "A"), Attachment("b.md", "```\nB\n```\n\nFile: c"), Attachment("empty", "")]
    words, found = taken_apart(with_attachments(text, files))
    assert words == text
    assert [each.name for each in found] == ["a.txt", "b.md", "empty"]
    assert [each.text for each in found] == ["A", "```\nB\n```\n\nFile: c", ""]


@pytest.mark.parametrize("text", ["words", "File: a\n```\nno end", "File: a\n```\nx\n```\nwords after it", "```\n```"])
def test_what_only_looks_like_a_file_stays_in_the_words(text):
    assert taken_apart(text) == (text, [])


def test_a_message_full_of_beginnings_is_taken_apart_in_no_time():
    text = "\n\n".join(f"File: {number}\n{'`' * (3 + number % 50)}" for number in range(2_500))
    words, files = taken_apart(text)
    assert words or files
