"""Search in titles and text: only in what is one's own, whatever is typed."""

import re

import pytest
from django.db import connection
from django.db.migrations import Migration

from chatapp.chats import search as index
from chatapp.chats.grams import sqlite as grams_on_sqlite
from chatapp.chats.models import Attachment, Message, Role, Session
from tests.web.test_frame import words

HOSTILE = [
    '"', "'", "' OR 1=1 --", '" OR "', "a AND", "NOT", "NEAR(a b)", "a*", "*", "-tea", "content:tea", "{a b}:c", "^tea",
    "(", ")", "a & b", "a | !b", "a <-> b", ":*", "\\", "%", "_", "%s", "%(x)s", "\0", "😀", "٣", "x" * 5000,
    "a " * 500, "<script>alert(1)</script>", "{{ 7 }}", "ﷺ", "\ud7ff",
]  # fmt: skip


@pytest.fixture
def say(alice):
    """`say("text", title="…")`: a session of alice's (or `owner=`) with this message."""

    def say_(text: str, title: str = "", owner=None, **values) -> Session:
        session = Session.objects.create(owner=owner or alice, title=title, **values)
        Message.objects.create(session=session, role=Role.USER, content=text)
        return session

    return say_


@pytest.fixture
def find(browser):
    """`find("words")`: the ids of the sessions that the page shows, in its order."""

    def find_(query: str) -> list[str]:
        response = browser.get("/search", {"q": query})
        assert response.status_code == 200
        return re.findall(r'<a href="/chats/([0-9a-f-]{36})', response.content.decode().partition("data-hits")[2])

    return find_


def ids(*sessions: Session) -> list[str]:
    return [str(session.pk) for session in sessions]


def test_words_are_found_in_messages_and_titles_newest_first(say, find):
    old = say("The elephant in the room")
    new = say("Nothing", title="Of elephants")
    say("Something else")
    assert find("elephant") == ids(new, old)


def test_all_words_have_to_be_there_in_any_order_by_their_beginnings(say, find):
    both = say("A quick brown fox")
    say("A quick answer")
    assert find("bro quick") == ids(both)
    assert find("rown") == []


def test_capitals_do_not_matter(say, find):
    text, title = say("Tea with Anger"), say("x", title="ÄRGER UND TEA")
    assert find("tEA") == ids(title, text)
    assert find("ärger") == ids(title)


@pytest.mark.one_database  # PostgreSQL knows the capitals of its locale, which is C in the tests
def test_capitals_do_not_matter_beyond_ascii_either(say, find):
    session = say("Über den Ärger")
    assert find("ärger ÜBER") == ids(session)


def test_words_that_punctuation_holds_together_are_found_apart(say, find):
    session = say("See https://docs.example.com/a_b/setup-guide.html?x=1, “quoted” and 3.14")
    for query in ("example", "docs.example.com", "setup-guide", "guide", "html", "quoted", "14", "a_b"):
        assert find(query) == ids(session), query


def test_an_answer_is_found_once_it_is_saved(browser, ask, write, find):
    from runs.lifecycle import transitions

    run = write(ask("Why?"), "Because of the quokka.")
    assert find("quokka") == []
    transitions.complete(run.id, "stop")
    assert find("quokka") == ids(run.session)


def test_what_was_edited_is_found_as_it_is_now_and_what_was_deleted_not_at_all(say, find):
    session = say("before")
    Message.objects.filter(session=session).update(content="afterwards")
    assert (find("before"), find("afterwards")) == ([], ids(session))
    session.delete()
    assert find("afterwards") == []


@pytest.fixture
def attach():
    """`attach(session, "text")`: a file with the first message of a session."""

    def attach_(session: Session, text: str, name: str = "notes.md") -> Attachment:
        message = session.messages.first()
        position = message.attachments.count()
        return message.attachments.create(name=name, media_type="text/plain", size=1, text=text, position=position)

    return attach_


@pytest.mark.parametrize(
    ("text", "queries", "others"),
    [
        (
            "我们在东京使用Python编程，版本3.12。",
            ["东京", "京", "使用", "使用Python编程", "python", "pyt", "编程", "版本 东京", "3", "12"],
            ["北京", "ython", "京东"],
        ),
        (
            "日本語を勉強しています。カタカナもひらがなも",
            ["日本語", "勉強", "強し", "カタカナ", "も"],
            ["英語", "漢字"],
        ),
        ("ภาษาไทยไม่มีช่องว่าง", ["ภาษา", "ไทย", "ช่องว่าง", "ไม่มี"], ["อังกฤษ"]),
        ("생성형인공지능을 배웁니다", ["인공지능", "생성형", "지능"], ["바보"]),
        ("All done 🎉👩‍💻 and ❤️", ["🎉", "👩‍💻", "❤️", "❤", "🎉 done"], ["🔥", "one", "ll"]),
        ("末尾の字", ["字", "の字"], []),
    ],
)
def test_text_without_spaces_is_found_by_any_part_of_it(text, queries, others, say, attach, find):
    say("Something else")
    session, with_file, titled = say(text), say("Look"), say("x", title=text[:80])
    attach(with_file, text)
    everything = ids(titled, with_file, session)
    for query in queries:
        assert find(query) == everything, query
    for query in others:
        assert find(query) == [], query
    Message.objects.filter(session=session).update(content="changed")
    with_file.messages.first().attachments.all().delete()
    titled.delete()
    assert [find(query) for query in queries] == [[]] * len(queries)


def test_the_part_is_marked_in_title_and_excerpt(say, browser):
    say("我们在东京使用Python编程", title="东京的天气")
    page = browser.get("/search", {"q": "东京 python"}).content.decode().partition("data-hits")[2]
    assert "<mark>东京</mark>的天气" in page
    assert "我们在<mark>东京</mark>使用<mark>Python</mark>编程" in page


def test_messages_of_an_earlier_version_are_indexed_in_batches(say, attach, find, monkeypatch):
    """An interruption loses nothing, and what is written or changed meanwhile is indexed once."""
    if connection.vendor != "sqlite":
        return
    old = [say(f"旧い 東京 {number}") for number in range(7)]
    attach(old[0], "大阪")
    with connection.cursor() as cursor:
        for name in grams_on_sqlite.TRIGGERS:
            cursor.execute(f"DROP TRIGGER {name}")
    monkeypatch.setattr(grams_on_sqlite, "BATCH_MESSAGES", 2)
    batch, batches = grams_on_sqlite._index_batch, []

    def interrupted(using: str) -> bool:
        batches.append(using)
        return len(batches) < 3 and batch(using)

    monkeypatch.setattr(grams_on_sqlite, "_index_batch", interrupted)
    index.ensure_index("default")
    assert len(find("東京")) == 4
    Message.objects.filter(session=old[6]).update(content="新しい 東京")
    new = say("東京")
    old[0].delete()
    monkeypatch.setattr(grams_on_sqlite, "_index_batch", batch)
    index.ensure_index("default")
    assert sorted(find("東京")) == sorted(ids(*old[1:], new))
    assert find("大阪") == []
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chats_grams (chats_grams) VALUES ('integrity-check')")
        cursor.execute("SELECT count(*) FROM chats_grams_row")
        assert cursor.fetchone() == (7,)


def test_words_of_files_and_of_their_message_are_found_together(say, attach, find):
    session, other = say("Look at this"), say("Look at that")
    attach(session, "Of the okapi\n\nand others")
    attach(session, "Of the quagga", name="zebras.csv")
    attach(other, "okapi")
    for query in ("quagga", "zebras", "look okapi quagga", "this csv others"):
        assert find(query) == ids(session), query
    assert find("okapi") == ids(other, session)
    assert find("that quagga") == []


def test_a_file_is_found_as_it_is_now_and_no_more_when_it_is_gone(say, attach, find):
    session = say("Look")
    one, two = attach(session, "okapi"), attach(session, "quagga")
    Attachment.objects.filter(pk=one.pk).update(text="gnu")
    assert [find(word) for word in ("okapi", "gnu", "quagga", "look")] == [[], *[ids(session)] * 3]
    two.delete()
    Message.objects.update(content="See")
    assert [find(word) for word in ("quagga", "look", "gnu", "see gnu")] == [[], [], *[ids(session)] * 2]
    session.delete()
    assert find("gnu") == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO chats_search (chats_search) VALUES ('integrity-check')")
            cursor.execute("SELECT count(*) FROM chats_search_row")
            assert cursor.fetchone() == (0,)


def test_an_excerpt_shows_the_place_in_a_file(say, attach, browser):
    attach(say("Look"), "Of the okapi")
    page = browser.get("/search?q=okapi").content.decode()
    assert "Of the <mark>okapi</mark>" in re.search(r'<p class="list__text">(.*?)</p>', page)[1]


def test_only_ones_own_sessions_are_found(say, find, bob, charlie, log_in):
    say("secret of bob", owner=bob)
    mine = say("secret of alice")
    say("secret pane", is_listed=False)
    assert find("secret") == ids(mine)
    assert "alice" not in log_in(charlie).get("/search?q=secret").content.decode().partition("data-hits")[2]


def test_what_was_put_away_is_found_and_marked(say, find, browser):
    session = say("a camel")
    browser.post(f"/chats/{session.pk}/archive")
    assert find("camel") == ids(session)
    assert "Archive ·" in browser.get("/search?q=camel").content.decode()


@pytest.mark.parametrize("query", HOSTILE)
def test_nothing_that_is_typed_is_a_query_language(say, find, query):
    say("tea and a b c", title="tea")
    find(query)
    assert Message.objects.count() == 1


def test_what_was_found_and_typed_is_shown_as_text(say, browser):
    say("before <script>alert('camel')</script> after", title="<b>camel</b>")
    page = browser.get("/search", {"q": "camel"}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;b&gt;<mark>camel</mark>&lt;/b&gt;" in page
    assert "<script>x" not in browser.get("/search", {"q": "<script>x"}).content.decode()


def test_an_excerpt_shows_the_place(say, browser):
    say("lorem " * 100 + "the camel " + "ipsum " * 100)
    excerpt = re.search(r'<p class="list__text">(.*?)</p>', browser.get("/search?q=camel").content.decode())[1]
    assert "the <mark>camel</mark> ipsum" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) < 300


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Animals\n\n- a **camel**, see [there](https://example.org)", "Animals a <mark>camel</mark>, see there"),
        ("| beast | legs |\n|---|---|\n| camel | `4` |", "beast legs <mark>camel</mark> 4"),
        ("Say:\n```python\ncamel = 1\n```\nso it is", "Say: <mark>camel</mark> = 1 so it is"),
        ("[a name](https://camel.example.org)", "a name"),
        ("> " * 200 + "a camel", "a <mark>camel</mark>"),
    ],
)
def test_an_excerpt_has_no_marks(say, browser, text, shown):
    say(text, title="Animals")
    excerpt = re.search(r'<p class="list__text">(.*?)</p>', browser.get("/search?q=camel").content.decode())[1]
    assert excerpt.removeprefix("…").endswith(shown)


def test_results_have_pages(say, find, browser):
    made = [say(f"camel {number}") for number in range(25)]
    first = browser.get("/search?q=camel").content.decode()
    assert find("camel") == ids(*made[:4:-1])
    assert "?q=camel&amp;page=2" in first
    second = browser.get("/search?q=camel&page=2").content.decode()
    assert second.count('<li class="list__row') == 5
    for page in ("0", "-1", "x", "9" * 400, "٣"):
        assert browser.get("/search", {"q": "camel", "page": page}).status_code == 200


def test_nothing_is_told_as_such(browser):
    assert "No results for “zebra”" in words(browser.get("/search?q=zebra"))
    assert "Enter a word" in words(browser.get("/search?q=!"))
    assert "in the titles, messages and files of all your chats" in words(browser.get("/search"))


def test_the_script_gets_the_results_alone(say, browser):
    say("camel")
    page = browser.get("/search?q=camel", headers={"X-Requested-With": "fetch"}).content.decode()
    assert "<mark>camel</mark>" in page
    assert "<html" not in page


def test_an_endless_message_can_be_saved_and_its_beginning_found(say, find):
    session = say("aardvark " + " ".join(f"{number:x}" for number in range(300_000)) + " zebra")
    assert find("aardvark") == ids(session)
    assert find("zebra") == []


def test_the_index_is_made_anew_when_the_table_was(say, find):
    """SQLite drops triggers with their table, and Django's migrations make a changed table anew."""
    session = say("camel")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER chats_search_insert")
    missed = say("another camel")
    connection.check_constraints()  # those that PostgreSQL has deferred stand in the way of an index
    index.ensure_index("default")
    index.ensure_index("default")
    assert find("camel") == ids(missed, session)
    Message.objects.filter(session=missed).delete()
    assert find("camel") == ids(session)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("model", "field"), [(Message, "key"), (Attachment, "media_type")])
def test_tables_of_the_index_can_be_changed_by_later_migrations(say, attach, find, model, field):
    """SQLite would not rename the new table: a trigger of the other one names the old one, which is gone."""
    attach(say("camel"), "okapi")
    changes = Migration("later", "chats")
    index.drop_triggers("default", plan=[(changes, False)])
    for length in (90, model._meta.get_field(field).max_length):
        old = model._meta.get_field(field)
        new = old.clone()
        new.max_length = length
        new.set_attributes_from_name(field)
        new.model = model
        with connection.schema_editor() as editor:
            editor.alter_field(model, old, new, strict=False)
    index.ensure_index("default")
    assert len(find("camel okapi")) == 1


def test_the_index_is_made_anew_when_an_earlier_version_has_made_it(say, attach, find):
    """Its triggers have the same names and know of no files."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in index._SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute("CREATE TRIGGER chats_search_insert AFTER INSERT ON chats_message BEGIN SELECT 1; END")
    session = say("camel")
    attach(session, "okapi")
    connection.check_constraints()
    index.ensure_index("default")
    assert find("camel okapi") == ids(session)


def test_the_database_uses_its_index(say):
    say("camel")
    found = index.matching_messages(Message.objects.order_by(), ["camel"])
    if connection.vendor == "sqlite":
        assert "VIRTUAL TABLE INDEX" in found.explain()
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # there is little to look through here
    assert "chats_message_words_1" in found.explain()
    assert "chats_attachment_words_1" in found.explain()
    found = index.matching_messages(Message.objects.order_by(), ["東京", "camel"])
    for name in ("chats_message_grams_1", "chats_attachment_grams_1", "chats_message_mixed_1"):
        assert name in found.explain()
