"""Files of text that go with a message: data of their own, shown, kept and sent with it."""

import re
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chatapp.chats.attachments import full_text
from chatapp.chats.models import Attachment, Message, Session
from chatapp.files.names import clean_name
from chatapp.web.chat.attachments import media_type_of
from runs.lifecycle import transitions
from runs.models import Run
from runs.upstream.request import build_request

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}


def file(name: str, content: bytes, media_type: str = "text/plain") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, media_type)


def post(browser, *files, text="Look at this", **fields):
    return browser.post("/chats", {"text": text, "files": list(files), **fields})


def question() -> Message:
    return Message.objects.filter(role="user").latest("id")


def stored(message: Message) -> list[tuple]:
    return list(message.attachments.values_list("position", "name", "media_type", "size", "text"))


def asked(message: Message) -> list[str]:
    """What the model reads, message by message."""
    return [
        one["content"] for one in build_request(message.children.latest("id").runs.latest("id")).payload["messages"]
    ]


def page_of(browser, session) -> str:
    return browser.get(f"/chats/{session.pk}").content.decode()


def summaries(page: str) -> list[str]:
    return re.findall(r"<summary><bdi>(.*?)</bdi>", page)


# -- stored and asked --------------------------------------------------------------------------------


def test_a_file_is_stored_apart_from_the_words(browser):
    post(browser, file("notes.md", b"# Notes\r\n```\ncode\n```", "text/markdown"), file("b.txt", b"\xef\xbb\xbfB\n"))
    assert question().content == "Look at this"
    assert stored(question()) == [
        (0, "notes.md", "text/markdown", 21, "# Notes\n```\ncode\n```"),
        (1, "b.txt", "text/plain", 5, "B\n"),
    ]


def test_the_model_reads_the_words_and_then_each_file_in_a_fence_longer_than_any_in_it(browser):
    post(browser, file("notes.md", b"# Notes\n```\ncode\n```"), file("b.txt", b"B\n"))
    assert asked(question()) == [
        "Look at this\n\nFile: notes.md\n````\n# Notes\n```\ncode\n```\n````\n\nFile: b.txt\n```\nB\n```"
    ]


@pytest.mark.parametrize("text", ["", " \r\n "])
def test_a_file_alone_is_a_message_and_names_its_chat(browser, text):
    url = post(browser, file("a.txt", b"A"), text=text).url.removesuffix("#end")
    assert question().content == ""
    assert asked(question()) == ["File: a.txt\n```\nA\n```"]
    page = browser.get(url).content.decode()
    assert "<title>a.txt" in page
    assert '<div class="question__text"' not in page
    assert summaries(page) == ["a.txt"]


def test_an_empty_file_is_a_file(browser):
    post(browser, file("empty", b""), text="")
    assert stored(question()) == [(0, "empty", "text/plain", 0, "")]
    assert asked(question()) == ["File: empty\n```\n\n```"]


def test_only_the_files_on_the_path_are_read_and_all_of_them_at_once(browser, ask, write, django_assert_num_queries):
    session = ask("First").session
    transitions.complete(write(session.runs.get(), "So").pk, "stop")
    for number in range(3):
        browser.post(f"/chats/{session.pk}/messages", {"text": f"{number}", "files": [file("a.txt", b"A")]})
        run = Run.objects.latest("id")
        transitions.complete(write(run, "So").pk, "stop")
    aside = Message.objects.create(session=session, role="user", content="Another branch")
    Attachment.objects.create(message=aside, position=0, name="aside", media_type="text/plain", size=1, text="aside")
    run = Run.objects.select_related("message", "session__owner", "model__provider").get(pk=run.pk)
    with django_assert_num_queries(4):  # the path, its messages, their files; who may use the model
        contents = [one["content"] for one in build_request(run).payload["messages"]]
    assert len(contents) == 7
    assert "aside" not in str(contents)


# -- shown -------------------------------------------------------------------------------------------


def test_the_transcript_shows_the_words_and_the_files_folded(browser):
    url = post(browser, file("notes.txt", b"<b>one</b>")).url.removesuffix("#end")
    page = browser.get(url).content.decode()
    assert 'dir="auto">Look at this</div>' in page
    assert '<summary><bdi>notes.txt</bdi> <span class="file__size">10\xa0bytes</span></summary>' in page
    assert "&lt;b&gt;one&lt;/b&gt;</pre>" in page


@pytest.fixture
def shared(browser):
    """A shared chat with a file, and the same as every reader may see it."""
    post(browser, file("notes.txt", b"Wrens"), text="")
    session = Session.objects.get()
    transitions.stop(session.runs.get().pk)
    Session.objects.update(share_token="token", share_files=True)
    return session


def test_a_shared_page_an_export_and_a_copy_have_the_files(browser, shared):
    page = browser.get("/shared/token").content.decode()
    assert summaries(page) == ["notes.txt"]
    assert "Wrens</pre>" in page
    assert (
        "## You\n\nFile: notes.txt\n```\nWrens\n```\n" in browser.get(f"/chats/{shared.pk}/export.md").content.decode()
    )
    document = browser.get(f"/chats/{shared.pk}/export.json").json()
    told = {"name": "notes.txt", "media_type": "text/plain", "size": 5, "text": "Wrens", "file": None}
    assert [message["attachments"] for message in document["messages"]] == [[told], []]
    assert browser.get(f"/messages/{question().pk}/text").content.decode() == "File: notes.txt\n```\nWrens\n```"


def test_a_page_of_many_files_reads_them_at_once(browser, ask, write, django_assert_max_num_queries):
    session = ask("First").session
    transitions.complete(write(session.runs.get(), "So").pk, "stop")
    message = Message.objects.create(session=session, role="user", parent_id=session.messages.last().pk)
    Session.objects.filter(pk=session.pk).update(tip=message)

    def attach(position: int) -> None:
        Attachment.objects.create(message=message, position=position, name="a", media_type="text/plain", size=1)

    attach(0)
    browser.get(f"/chats/{session.pk}")
    with django_assert_max_num_queries(100) as few:
        assert summaries(page_of(browser, session)) == ["a"]
    for position in range(1, 5):
        attach(position)
    with django_assert_max_num_queries(len(few)):
        assert summaries(page_of(browser, session)) == ["a"] * 5


# -- what only looks like a file ---------------------------------------------------------------------

HOSTILE = {
    "a hundred thousand characters of files and one word": "File: a\n```\n```\n\n" * 5_529 + "x",
    "fences that never end": "File: a\n```\n\n" * 7_000,
    "fences of different lengths": "\n\n".join(f"File: {n}\n{'`' * (3 + n % 60)}" for n in range(1_900)),
    "exactly what is made of a file": "Look\n\nFile: a.txt\n```\nA\n```",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_words_that_look_like_files_stay_words_everywhere(browser, ask, text):
    """Nothing looks for files in a text: a hostile one held a thread for 20 s at each view, also of /shared."""
    run = ask(text)
    transitions.stop(run.pk)
    Session.objects.update(share_token="token")
    pages = [page_of(browser, run.session), browser.get("/shared/token").content.decode()]
    for page in pages:
        assert '<details class="file"' not in page
        assert f'dir="auto">{text}</div>' in re.sub(r'<span class="stretch">(.*?)</span>', r"\1", page, flags=re.DOTALL)
    document = browser.get(f"/chats/{run.session_id}/export.json").json()
    assert document["messages"][0]["content"] == text
    assert document["messages"][0]["attachments"] == []
    assert f"## You\n\n{text}\n" in browser.get(f"/chats/{run.session_id}/export.md").content.decode()
    assert asked(question()) == [text]


# -- refused -----------------------------------------------------------------------------------------

UNREADABLE = {
    "half of a UTF-16": b"\xff\xfe\x00",
    "a NUL": b"a\0b",
    "a program": bytes(range(1, 256)) * 4,
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_text_is_refused_and_the_words_are_kept(browser, content):
    response = post(browser, file("x.bin", content))
    assert response.status_code == 422
    assert "Files of this type can" in response.content.decode()
    assert "Look at this</textarea>" in response.content.decode()
    assert not Session.objects.exists()


def test_files_count_as_part_of_the_message(browser):
    response = post(browser, file("long.txt", b"x" * 99_990), text="One too many")
    assert response.status_code == 422
    assert "The message is too long: 1" in response.content.decode()
    response = post(browser, file("fences.txt", b"`" * 40_000), text="")  # two fences more
    assert "The message is too long: 1" in response.content.decode()
    assert not Session.objects.exists()


def test_an_upload_beyond_all_bounds_is_not_even_kept(browser, settings):
    settings.UPLOAD_MAX_BYTES = 400_000
    response = post(browser, file("huge.txt", b"x" * 500_000))
    assert response.status_code == 413
    assert "This request is too large" in response.content.decode()


@pytest.mark.parametrize(("count", "status"), [(20, 302), (21, 422), (121, 400)])
def test_only_so_many_files_go_with_one_message(browser, count, status):
    response = post(browser, *(file(f"{number}.txt", b"A") for number in range(count)))
    assert response.status_code == status
    assert Attachment.objects.count() == (count if status == 302 else 0)
    if status == 422:
        assert "Too many files. Send fewer at once." in response.content.decode()
        assert "Look at this</textarea>" in response.content.decode()


# -- named -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stored_as"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\nFile: b.txt", "aFile: b.txt"),
        ("```", "file"),
        ("x" * 300, "x" * 100),
        ("evil\u202etxt.exe", "eviltxt.exe"),  # shown backwards it would end in .txt
        ("<b>&amp;", "<b>&"),  # browsers escape what is no ASCII
    ],
)
def test_a_file_s_name_is_one_plain_line(browser, name, stored_as):
    post(browser, file(name, b"A"))
    assert [row[1] for row in stored(question())] == [stored_as]


def test_no_name_is_too_strange_to_be_cleaned():
    for name in ("", "\ud800", "\u2028", " " * 200, "a" * 99 + " b", "\u0000"):
        assert 0 < len(clean_name(name)) <= 100
        assert clean_name(name).encode()
    assert clean_name("evil\u202etxt.exe") == "evil txt.exe"  # shown backwards it would end in .txt
    assert clean_name("a" * 99 + " b") == "a" * 99


@pytest.mark.parametrize(
    ("name", "claimed", "media_type"),
    [
        ("a.md", "text/markdown", "text/markdown"),
        ("a.csv", "", "text/csv"),
        ("a.md", "", "text/markdown"),
        ("a.csv", "application/octet-stream", "text/csv"),
        ("a.ts", "video/mp2t", "text/plain"),
        ("a.html", "TEXT/HTML", "text/html"),
        ("a.json", "not a type", "application/json"),
        ("a", "text/" + "x" * 200, "text/plain"),
        ("a", 'text/"><script>', "text/plain"),
        ("a", "text/plain\n", "text/plain"),
    ],
)
def test_a_media_type_is_the_browser_s_or_the_name_s_and_well_formed(name, claimed, media_type):
    assert media_type_of(name, claimed) == media_type


# -- sent once, changed, deleted ---------------------------------------------------------------------


def test_a_second_click_with_the_same_files_sends_nothing_and_other_files_are_another_message(browser, ask):  # B22
    session = ask("First").session
    url = f"/chats/{session.pk}/messages"
    for content in (b"A", b"A", b"B"):
        browser.post(url, {"text": "Second", "key": "k", "files": [file("a.txt", content)]}, **SCRIPT)
    sent = session.messages.filter(content="Second")
    assert [[row[4] for row in stored(message)] for message in sent] == [["A"], ["B"]]


@pytest.fixture
def answered(browser, write):
    """A question with two files, and its answer."""
    post(browser, file("a.txt", b"A"), file("b.txt", b"B"))
    transitions.complete(write(Run.objects.get(), "Seen").pk, "stop")
    return question()


def test_a_question_that_is_edited_keeps_its_files_and_loses_those_that_are_removed(browser, answered):
    page = page_of(browser, answered.session)
    assert "Look at this</textarea>" in page  # the words alone
    removed = answered.attachments.first()
    assert f'name="without" value="{removed.pk}"' in page
    for _ in range(2):  # a double click asks once
        browser.post(f"/messages/{answered.pk}/edit", {"text": "Look again"})
    edited = question()
    assert asked(edited) == ["Look again\n\nFile: a.txt\n```\nA\n```\n\nFile: b.txt\n```\nB\n```"]
    assert answered.session.messages.filter(role="user").count() == 2
    browser.post(
        f"/messages/{answered.pk}/edit", {"text": "Look again", "without": [str(removed.pk), "x", str(uuid4())]}
    )
    assert asked(question()) == ["Look again\n\nFile: b.txt\n```\nB\n```"]
    assert [row[1] for row in stored(answered)] == ["a.txt", "b.txt"]  # the old branch stays as it was


def test_without_words_a_question_needs_one_of_its_files(browser, answered):
    every = [str(file.pk) for file in answered.attachments.all()]
    response = browser.post(f"/messages/{answered.pk}/edit", {"text": " ", "without": every})
    assert "The message is empty." in response.content.decode()
    browser.post(f"/messages/{answered.pk}/edit", {"text": " ", "without": every[:1]})
    assert asked(question()) == ["File: b.txt\n```\nB\n```"]


def test_another_answer_is_asked_for_with_the_files(browser, answered):
    answer = answered.children.get()
    browser.post(f"/messages/{answer.pk}/again")
    assert asked(answered)[0] == full_text("Look at this", answered.attachments.all())
    assert answered.children.count() == 2


def test_what_waits_shows_its_files_and_keeps_them_when_it_is_edited(browser, ask, write):  # B18
    running = write(ask("First"), "Some")
    url = f"/chats/{running.session_id}/messages"
    browser.post(url, {"text": "", "files": [file("a.txt", b"A"), file("b.txt", b"B")]})
    assert summaries(page_of(browser, running.session)) == ["a.txt", "b.txt"]
    waiting = Run.objects.latest("id")
    browser.post(f"/runs/{waiting.pk}/edit", {"text": "Now with words"})
    assert (question().content, len(stored(question()))) == ("Now with words", 2)
    browser.post(f"/runs/{waiting.pk}/edit", {"text": "", "without": str(question().attachments.first().pk)})
    assert summaries(page_of(browser, running.session)) == ["b.txt"]
    assert asked(question())[-1] == "File: b.txt\n```\nB\n```"
    browser.post(f"/runs/{waiting.pk}/edit", {"text": "", "without": str(question().attachments.first().pk)})
    assert len(stored(question())) == 1  # the last one stays: there would be nothing to send
    browser.post(f"/runs/{waiting.pk}/remove")
    assert not Attachment.objects.exists()


def test_files_go_with_their_chat(browser, answered):
    browser.post(f"/chats/{answered.session_id}/delete")
    assert not Attachment.objects.exists()
