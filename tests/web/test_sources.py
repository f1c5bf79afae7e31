"""The web pages that an answer names, wherever the answer is shown."""

import pytest

from chatapp.accounts.models import Token
from chatapp.compare import actions as comparing
from chatapp.compare.contenders import Contender
from chatapp.compare.export import markdown_of
from runs.actions import continue_answer
from runs.lifecycle import transitions
from runs.models import Model
from runs.queries.answers import answer_now
from streams.events import Kind
from streams.log import store
from streams.log.compaction import compact

pytestmark = pytest.mark.one_database

WREN = {"url": "https://example.org/?a=1&b", "title": "<b>Wrens](javascript:alert)"}
OWL = {"url": "https://bücher.example/owl", "title": "Owls"}


@pytest.fixture
def named(ask, write):
    """`named(WREN)`: a run that has written some text and named these pages."""

    def named_(*sources):
        run = write(ask(), "A wren is small [1].")
        store.append(run.pk, (Kind.SOURCES, {"sources": list(sources)}))
        return run

    return named_


def test_they_are_on_the_page_before_the_answer_has_ended_and_after(browser, named):
    run = named(WREN, OWL)
    while_written = browser.get(f"/chats/{run.session_id}").text
    transitions.complete(run.pk, "stop")
    for page in (while_written, browser.get(f"/chats/{run.session_id}").text):
        assert '<a href="https://example.org/?a=1&amp;b" rel="nofollow noopener noreferrer" target="_blank">' in page
        assert "&lt;b&gt;Wrens](javascript:alert)</a>" in page
        assert '<span class="sources__host">xn--bcher-kva.example</span>' in page


def test_an_answer_without_any_has_an_empty_list_that_is_hidden(browser, ask, write):
    run = write(ask(), "A wren is small.")
    assert 'aria-label="Sources" data-sources hidden>' in browser.get(f"/chats/{run.session_id}").text


def test_exports_and_programs_have_them(alice, browser, named):
    run = named(WREN, OWL)
    browser.defaults["HTTP_AUTHORIZATION"] = f"Bearer {Token.objects.create(alice)[1]}"
    for _ in ("while it is written", "after its end"):
        assert browser.get(f"/api/v1/messages/{run.message_id}").json()["sources"] == [WREN, OWL]
        transitions.complete(run.pk, "stop")
    markdown = browser.get(f"/chats/{run.session_id}/export.md").text
    assert "1. [\\<b\\>Wrens\\](javascript:alert)](<https://example.org/?a=1&b>)\n2. [Owls](<https" in markdown
    messages = browser.get(f"/chats/{run.session_id}/export.json").json()["messages"]
    assert [message["sources"] for message in messages] == [[], [WREN, OWL]]


def test_a_shared_chat_shows_them(browser, named, log_in):
    run = named(WREN)
    transitions.complete(run.pk, "stop")
    run.session.share_token = "a-token"
    run.session.save()
    assert "https://example.org/?a=1&amp;b" in log_in(None).get("/shared/a-token").text


def test_an_answer_that_is_continued_has_those_of_all_its_parts(alice, named, write):
    run = named(WREN)
    transitions.stop(run.pk)
    more = continue_answer(run.message, user=alice)
    write(more, " And loud.")
    store.append(more.pk, (Kind.SOURCES, {"sources": [OWL, WREN]}))
    assert answer_now(more.message, more).sources == [WREN, OWL]
    transitions.complete(more.pk, "stop")
    more.refresh_from_db()
    more.message.refresh_from_db()
    assert answer_now(more.message, more).sources == [WREN, OWL]


def test_a_comparison_shows_and_exports_them(alice, browser, model, write):
    other = Model.objects.create(name="other", label="Other", provider=model.provider, upstream_id="o")
    comparison = comparing.compare(alice, "Which?", [Contender(model), Contender(other)])
    pane = comparison.panes.select_related("run").first()
    write(pane.run, "This [1].")
    store.append(pane.run_id, (Kind.SOURCES, {"sources": [OWL]}))
    assert "https://bücher.example/owl" in browser.get(f"/compare/{comparison.pk}").text
    transitions.complete(pane.run_id, "stop")
    assert "https://bücher.example/owl" in browser.get(f"/compare/{comparison.pk}").text
    assert "1. [Owls](<https://bücher.example/owl>)" in markdown_of(comparison)


def test_a_compacted_log_still_has_them(named):
    run = named(WREN)
    transitions.complete(run.pk, "stop")
    list(compact(run.pk))
    assert store.fold_stream(run.pk).sources == [WREN]
