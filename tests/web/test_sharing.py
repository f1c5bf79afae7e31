"""A link by which anybody can read a session, and files of it."""

import json
import re

import pytest
from django.test import Client

from chatapp.chats.models import Message, Role, Session
from runs.actions import answer_again
from runs.lifecycle import transitions
from tests.harness.rendering import make_html
from tests.web.test_frame import words


@pytest.fixture
def nobody(db) -> Client:
    return Client()


@pytest.fixture
def session(ask, write, alice) -> Session:
    """Alice's, with a question and an answer that has been replaced by a second one."""
    run = write(ask("Why is the sky **blue**?"), "First branch")
    transitions.complete(run.id, "stop")
    second = write(answer_again(run.message, user=alice), "*Because* of <b>light</b>")
    transitions.complete(second.id, "stop")
    Session.objects.filter(pk=run.session_id).update(title="The sky", system_prompt="A secret prompt")
    return Session.objects.get(pk=run.session_id)


@pytest.fixture
def share(browser, session):
    """`share()`: the path of the link, made as alice makes it."""

    def share() -> str:
        assert browser.post(f"/chats/{session.pk}/share").url == f"/chats/{session.pk}/share"
        page = browser.get(f"/chats/{session.pk}/share").content.decode()
        return re.search(r'value="http://testserver(/shared/[\w-]{43})"', page)[1]

    return share


def test_everybody_with_the_link_reads_the_branch_that_is_shown_and_nothing_about_the_owner(share, nobody):
    path = share()
    assert "*Because* of &lt;b&gt;light&lt;/b&gt;" in nobody.get(path).content.decode()  # B85
    make_html()
    page = nobody.get(path).content.decode()
    assert "<em>Because</em> of &lt;b&gt;light&lt;/b&gt;" in page
    assert "Why is the sky **blue**?" in page
    assert "A Model" in page
    for hidden in ("First branch", "alice", "secret", "<form", "<script", "/chats/", "csrf"):
        assert hidden not in page, hidden


def test_no_cache_and_no_search_engine_keeps_it(share, nobody):
    response = nobody.get(share())
    assert "noindex" in response.headers["X-Robots-Tag"]
    assert '<meta name="robots" content="noindex, nofollow">' in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_a_revoked_link_leads_nowhere_and_a_new_one_is_another(share, nobody, browser, session):
    first = share()
    assert share() == first  # asking again makes no second one
    browser.post(f"/chats/{session.pk}/share", {"off": "1"})
    assert nobody.get(first).status_code == 404
    assert 'value="http' not in browser.get(f"/chats/{session.pk}/share").content.decode()
    second = share()
    assert second != first
    assert nobody.get(first).status_code == 404
    assert nobody.get(second).status_code == 200


def test_what_is_being_written_is_not_shown(share, nobody, ask, write, session):
    write(ask("And now?", session=session), "Half a sen")
    page = nobody.get(share()).content.decode()
    assert "And now?" in page
    assert "Half a sen" not in page
    assert page.count("message answer") == 1, "not even that it is being written"


@pytest.fixture
def long(session):
    """Alice's session with a hundred messages; each says its number."""
    tip = session.messages.latest("id")
    for number in range(3, 101):
        role = Role.USER if number % 2 else Role.ASSISTANT
        tip = Message.objects.create(session=session, parent=tip, role=role, content=f"Number {number}.")
    Session.objects.filter(pk=session.pk).update(tip=tip)
    return session


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"Number (\d+)\.", page)]


def test_a_long_session_comes_in_pages_from_its_beginning_without_a_script(share, nobody, long):
    link, at, read = share(), "", []
    while True:
        page = nobody.get(link + at).content.decode()
        read += numbers(page)
        later = re.search(r'href="(\?from=\d+)">Show later messages', page)
        if not later:
            break
        at = later[1]
    assert read == list(range(3, 101))
    assert at == "?from=81"
    assert numbers(nobody.get(f"{link}?from=41").content.decode())[0] == 41
    assert 'href="?from=1">Show earlier messages' in nobody.get(f"{link}?from=41").content.decode()
    assert "Show earlier messages" not in nobody.get(link).content.decode()


def test_a_page_of_long_answers_has_fewer_of_them_and_never_none(share, nobody, long):
    long.messages.filter(content="Number 4.").update(html=f"<p>{'x' * 900_000}</p>")
    long.messages.filter(content="Number 6.").update(html=f"<p>{'y' * 1_900_000}</p>")
    link, at, sizes, read = share(), "?from=1", [], []
    while at:
        page = nobody.get(link + at).content.decode()
        sizes.append(len(page))
        read += numbers(page)
        later = re.search(r'href="(\?from=\d+)">Show later messages', page)
        at = later[1] if later else ""
    assert max(sizes) < 2_000_000
    assert len(sizes) == 5
    assert read == [number for number in range(3, 101) if number not in (4, 6)]
    assert 'href="?from=6">Show earlier messages' in nobody.get(f"{link}?from=7").content.decode()


@pytest.mark.parametrize("number", ["0", "-1", "x", "1e3", "²", "9" * 30, "101", ""])
def test_a_place_that_is_none_is_the_beginning(number, share, nobody, long):
    assert "Why is the sky" in nobody.get(share(), {"from": number}).content.decode()


def test_a_page_costs_as_many_queries_however_long_the_session_is(share, nobody, long, django_assert_max_num_queries):
    link = share()
    nobody.get(link)  # which keeps what was not rendered yet
    with django_assert_max_num_queries(9) as queries:
        nobody.get(link)
    read = [query["sql"] for query in queries.captured_queries if query["sql"].startswith('SELECT "chats_message"')]
    assert [sql for sql in read if '"reasoning"' in sql] == []


def test_what_comes_later_is_there_when_the_link_is_opened_again(share, nobody, ask, write, session):
    link = share()
    transitions.complete(write(ask("And now?", session=session), "Now this.").id, "stop")
    assert "Now this." in nobody.get(link).content.decode()


@pytest.mark.parametrize("token", ["x", "None", "null", "A" * 43, "%00", "A" * 5000])
def test_a_made_up_link_leads_nowhere(token, nobody, session):
    assert nobody.get(f"/shared/{token}").status_code == 404


def test_the_link_of_a_user_who_was_switched_off_leads_nowhere(share, nobody, alice):
    link = share()
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert nobody.get(link).status_code == 404


def test_a_session_without_a_link_cannot_be_read(nobody, session):
    assert session.share_token is None
    assert nobody.get("/shared/").status_code == 404


def test_the_export_for_people_is_what_the_page_shows(browser, session):
    response = browser.get(f"/chats/{session.pk}/export.md")
    assert response.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="the-sky.md"'
    text = "# The sky\n\n## You\n\nWhy is the sky **blue**?\n\n## A Model\n\n*Because* of <b>light</b>\n"
    assert response.content.decode() == text


def test_the_export_says_what_is_not_complete(browser, ask, write):
    run = write(ask("Why?"), "Half an ans")
    transitions.stop(run.id)
    assert browser.get(f"/chats/{run.session_id}/export.md").content.decode().endswith("Half an ans\n\n*(stopped)*\n")


def test_the_export_for_programs_has_everything_and_is_what_is_stored(browser, session):
    response = browser.get(f"/chats/{session.pk}/export.json")
    assert response.headers["Content-Disposition"] == 'attachment; filename="the-sky.json"'
    whole = json.loads(response.content)
    assert (whole["title"], whole["settings"]["system_prompt"]) == ("The sky", "A secret prompt")
    question, first, second = whole["messages"]
    assert [message["content"] for message in whole["messages"]] == list(
        Message.objects.order_by("id").values_list("content", flat=True)
    )
    assert first["parent_id"] == second["parent_id"] == question["id"]
    assert (question["model"], second["model"]) == (None, "model")
    assert whole["shown"] == [question["id"], second["id"]]


def test_a_name_of_odd_letters_is_a_harmless_file_name(browser, session):
    Session.objects.filter(pk=session.pk).update(title='日本 "; filename=evil.exe\\')
    header = browser.get(f"/chats/{session.pk}/export.md").headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="[a-z0-9-]+\.md"', header)
    Session.objects.filter(pk=session.pk).update(title="日本")
    assert browser.get(f"/chats/{session.pk}/export.md").headers["Content-Disposition"].endswith('"chat.md"')


def test_the_menu_offers_all_of_it(browser, session):
    page = words(browser.get(f"/chats/{session.pk}"))
    for act in (
        "Pin",
        "Archive",
        "Share",
        "Export as Markdown",
        "Export as JSON",
        "Delete chat",
    ):
        assert act in page
