"""What the session's page shows of messages in every state."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.chats.models import Message, Session
from chatapp.chats.tree import Tree
from chatapp.web.chat.transcript import entries
from runs.errors import UpstreamUnreachable
from runs.lifecycle import transitions
from runs.models import Run
from runs.states import LostReason
from streams.events import Kind
from streams.log import store
from tests.harness.rendering import make_html


def page_of(browser, run) -> str:
    response = browser.get(f"/chats/{run.session_id}")
    assert response.status_code == 200
    return response.content.decode()


def test_a_question_is_shown_as_it_was_typed(browser, ask):
    page = page_of(browser, ask("<b>Bold?</b>\n  indented"))
    assert "&lt;b&gt;Bold?&lt;/b&gt;\n  indented</div>" in page


@pytest.mark.parametrize(
    ("text", "is_folded"),
    [
        ("word " * 400, True),
        ("line\n" * 25, True),
        ("word " * 200 + "line\n" * 10, False),
    ],
)
def test_a_long_question_is_folded_and_all_of_it_is_on_the_page(browser, ask, text, is_folded):
    page = page_of(browser, ask(text))
    assert text.strip() in page
    assert ('<details class="fold">' in page, "Show all" in page) == (is_folded, is_folded)


def test_a_final_answer_is_html_rendered_once_and_kept(browser, ask, write):
    run = write(ask(), "Some **bold** text")
    transitions.complete(run.id, "stop")
    make_html()
    assert "Some <strong>bold</strong> text" in page_of(browser, run)
    Message.objects.filter(pk=run.message_id).update(html="<p>what was kept</p>")
    assert "<p>what was kept</p>" in page_of(browser, run)


@pytest.mark.parametrize(("words", "is_long"), [(20_000, True), (200, False)])
def test_blocks_of_a_long_answer_are_laid_out_when_they_come_into_view(browser, ask, write, words, is_long):
    run = write(ask(), "word\n\n" * words)
    transitions.complete(run.id, "stop")
    make_html()
    assert ('class="prose prose--long"' in page_of(browser, run)) == is_long


def test_what_a_model_writes_does_nothing(browser, ask, write):  # B58
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) ![i](http://e.org/i)"
    run = write(ask(), hostile, reasoning=hostile)
    pages = [page_of(browser, run)]
    transitions.complete(run.id, "stop")
    pages.append(page_of(browser, run))
    make_html()
    pages.append(page_of(browser, run))
    for page in pages:
        assert "<script>" not in page
        assert "<img src=x" not in page
        assert "<img src=http" not in page
        assert 'href="javascript' not in page


def test_an_answer_being_written_shows_the_text_so_far_and_where_to_go_on(browser, ask, write):  # B33
    run = write(ask(), "As far as <this>", reasoning="Hm, & so")
    page = page_of(browser, run)
    assert ">As far as &lt;this&gt;</div>" in page
    assert ">Hm, &amp; so</div>" in page
    assert f'data-stream="{run.pk}" data-seq="4"' in page  # queued, started, reasoning, text
    assert 'data-state="answering"' in page


def test_while_an_answer_is_being_written_there_is_stop_and_what_is_sent_comes_next(browser, ask, write):  # B33
    run = write(ask(), "Some")
    page = page_of(browser, run)
    assert f'formaction="/runs/{run.pk}/stop" data-stop>' in page
    assert "data-next> next</span>" in page
    transitions.complete(run.id, "stop")
    page = page_of(browser, run)
    assert 'formaction="" data-stop hidden>' in page
    assert "data-next hidden> next</span>" in page


def test_an_answer_that_waits_says_so(browser, ask):
    page = page_of(browser, ask())
    assert "Waiting to start…" in page
    assert 'data-seq="1"' in page


def test_an_answer_that_waits_for_a_worker_says_how_many_are_ahead_of_it(browser, ask):
    first, second, third = ask(), ask(), ask()
    for place, run in enumerate((first, second, third)):
        Run.objects.filter(pk=run.pk).update(dispatched_at=timezone.now() + timedelta(seconds=place))
    assert "Waiting to start… 2 answers ahead of yours" in page_of(browser, third)
    assert "ahead of yours" not in page_of(browser, first)


def test_each_answer_tells_how_fast_it_was(browser, ask, write):
    run = write(ask(), "All of it")
    transitions.complete(run.id, "stop")
    begin = timezone.now()
    times = {"started_at": begin, "first_token_at": begin + timedelta(seconds=0.5)}
    Run.objects.filter(pk=run.pk).update(**times, finished_at=begin + timedelta(seconds=4.5), completion_tokens=200)
    assert "first token 0.5 s · 50 tokens/s · 200 tokens" in page_of(browser, run)


def test_a_model_that_counts_nothing_has_no_speed(browser, ask, write):
    run = write(ask(), "All of it")
    transitions.complete(run.id, "stop")
    assert re.search(r'class="figures">.*?<span>first token [0-9.]+ s</span></details>', page_of(browser, run))


def test_tools_are_shown_while_they_are_asked_for_and_after(browser, ask, write):
    run = write(ask(), "Some text")
    store.append(run.id, (Kind.TOOL, {"index": 0, "id": "a", "name": "sea", "arguments": '{"q": '}))
    store.append(run.id, (Kind.TOOL, {"index": 0, "name": "rch", "arguments": '"<b>"}'}))
    shown = 'search</code></summary><pre tabindex="0" data-tool-arguments>{&quot;q&quot;: &quot;&lt;b&gt;&quot;}</pre>'
    assert shown in page_of(browser, run)
    transitions.complete(run.id, "stop")
    assert shown in page_of(browser, run)


def test_without_a_script_the_page_says_how_to_see_more(browser, ask):  # B56
    run = ask()
    hint = re.search(r"<noscript>(.*?)</noscript>", page_of(browser, run))[1]
    assert "This page does not update automatically." in hint
    assert f'href="/chats/{run.session_id}?at=' in hint


def test_a_stopped_answer_keeps_its_text_and_says_so(browser, ask, write):  # B39
    run = write(ask(), "Half of")
    transitions.stop(run.id)
    page = page_of(browser, run)
    assert "data-plain>Half of</div>" in page
    assert ">Stopped</p>" in page
    assert "data-stream" not in page


def test_an_answer_stopped_before_its_first_word_is_no_empty_bubble(browser, ask):  # B39
    run = ask()
    transitions.stop(run.id)
    assert "Stopped before the first word" in page_of(browser, run)


def test_a_failed_answer_shows_sentence_and_code_in_place(browser, ask, write):  # B47
    run = write(ask(), "Half of")
    transitions.fail(run.id, UpstreamUnreachable("secret detail"))
    page = page_of(browser, run)
    assert "data-plain>Half of</div>" in page
    assert "The model server could not be reached. </p><details" in page
    assert "<summary>Details</summary><code>upstream_unreachable</code>" in page
    assert "secret detail" not in page


@pytest.mark.parametrize("reason", LostReason)
def test_a_lost_answer_says_what_happened(browser, ask, write, reason):
    run = write(ask(), "Half of")
    transitions.lose(run.id, reason)
    page = page_of(browser, run)
    assert "data-plain>Half of</div>" in page
    sentence = transitions.LOST_MESSAGES[reason]
    assert f"<strong>The answer was interrupted.</strong> {sentence} The text so far is kept." in page
    assert "interrupted" not in sentence  # which the page says before it


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("length", "reached the model’s length limit"),
        ("model_length", "reached the model’s length limit"),
        ("content_filter", "a content filter of the model’s server"),
        ("sensitive", "a content filter of the model’s server"),
    ],
)
def test_an_answer_that_was_cut_off_says_so_in_words_and_can_be_continued(browser, ask, write, reason, words):  # B62
    run = write(ask(), "Half of")
    transitions.complete(run.id, reason)
    page = page_of(browser, run)
    assert "Cut off: " in page and words in page and 'title="Continue"' in page


def test_an_answer_that_used_up_its_limit_by_thinking_says_so(browser, ask, write):  # B62
    run = write(ask(), "")
    store.append(run.id, (Kind.REASONING, {"text": "Hm."}))
    transitions.complete(run.id, "length")
    assert "reached its length limit before the answer began" in page_of(browser, run)


def test_a_model_that_is_being_loaded_is_not_called_busy(browser, ask):
    run = ask()
    store.append(run.id, (Kind.STARTED, {}), (Kind.RETRYING, {"code": "upstream_loading", "seconds": 5.0}))
    assert "The model is being loaded, which may take a few minutes…" in page_of(browser, run)


def test_the_web_pages_that_an_answer_names_are_links(browser, ask, write):
    run = write(ask(), "A wren is small [1].")
    store.append(run.id, (Kind.SOURCES, {"sources": [{"url": "https://example.org/?a=1&b", "title": "<b>Wrens"}]}))
    transitions.complete(run.id, "stop")
    page = page_of(browser, run)
    assert '<a href="https://example.org/?a=1&amp;b" rel="nofollow noopener noreferrer"' in page
    assert "&lt;b&gt;Wrens</a>" in page


def test_tokens_spent_on_reasoning_are_told_apart(browser, ask, write):
    run = write(ask(), "All of it")
    counts = {"prompt_tokens": 30, "completion_tokens": 20, "cached_tokens": 10, "reasoning_tokens": 5}
    store.append(run.id, (Kind.USAGE, counts))
    transitions.complete(run.id, "stop")
    page = page_of(browser, run)
    assert "20 tokens, 5 of them reasoning" in page and "10 prompt tokens from the cache" in page


def test_an_answer_that_ends_while_the_page_is_made_is_shown_ended(ask, write):
    run = write(ask(), "All of it")
    stale = Message.objects.get(pk=run.message_id)
    transitions.complete(run.id, "stop")
    [entry] = entries([stale], Tree(stale.session))
    assert not entry.is_active
    assert entry.page_text == "All of it"


def test_an_answer_that_begins_while_the_page_is_made_is_shown_begun(ask, write):
    run = ask()
    stale = Message.objects.get(pk=run.message_id)
    write(run, "Some")
    [entry] = entries([stale], Tree(stale.session))
    assert (entry.state, entry.text) == ("answering", "Some")


def test_no_page_makes_html(browser, ask, write):  # B85
    run = write(ask(), "Some **bold** text & so")
    transitions.complete(run.id, "stop")
    page = page_of(browser, run)
    assert "data-html-due" in page
    assert '<div class="prose prose--plain" data-plain>Some **bold** text &amp; so</div>' in page
    assert Message.objects.get(pk=run.message_id).html == ""

    # What was too much to be made into HTML is shown so for ever, and nobody waits for it
    Message.objects.filter(pk=run.message_id).update(html_due_at=None)
    page = page_of(browser, run)
    assert "data-html-due" not in page
    assert "data-plain>Some **bold** text &amp; so</div>" in page


def test_text_that_would_read_otherwise_than_it_is_gets_a_mark_also_without_html(browser, ask, write):
    run = write(ask(), "access = user\u202e \u2066// admin\u2069")
    transitions.complete(run.id, "stop")
    assert "access = user\ufffd \ufffd// admin\ufffd" in page_of(browser, run)


def test_one_message_is_shown_as_in_the_transcript(browser, ask, write):
    run = write(ask(), "All of it")
    transitions.complete(run.id, "stop")
    part = browser.get(f"/messages/{run.message_id}", headers={"X-Requested-With": "fetch"}).content.decode().strip()
    assert part.startswith("<article")
    assert part in page_of(browser, run)


def test_stop_names_the_running_answer_and_not_what_waits(browser, ask, write):
    first = write(ask(), "Some")
    ask("Another?", session=first.session)
    assert f'formaction="/runs/{first.pk}/stop"' in page_of(browser, first)


def test_a_session_without_title_is_called_by_its_first_words(browser, ask):
    ask("  What   is\nthe " + "very " * 20 + "long question?")
    page = browser.get("/").content.decode()
    assert ">What is the very very very very very very very very very…<" in page


def test_a_title_wins(browser, ask):
    Session.objects.filter(pk=ask("The question").session_id).update(title="The <title>")
    page = browser.get("/").content.decode()
    assert ">The &lt;title&gt;<" in page
    assert "The question" not in page


def test_the_text_so_far_is_what_the_log_says(browser, ask, write):
    run = write(ask(), "one ")
    for word in ("two ", "three"):
        store.append(run.id, (Kind.TEXT, {"text": word}))
    assert ">one two three</div>" in page_of(browser, run)


def test_a_long_session_takes_no_more_queries_than_a_short_one(browser, ask, write, django_assert_max_num_queries):
    run = ask()
    for _ in range(20):
        transitions.complete(write(run, "An answer").id, "stop")
        run = ask("And?", session=run.session)
    page_of(browser, run)  # its news has been seen
    with django_assert_max_num_queries(19):
        page_of(browser, run)


@pytest.mark.parametrize(
    ("text", "is_folded"),
    [("Hello?", False), ("word " * 299, False), ("word " * 301, True), ("line\n" * 21, True)],
)
def test_a_long_question_is_folded_and_whole_in_the_page(text, is_folded, browser, ask):
    page = browser.get(f"/chats/{ask(text).session_id}").text.partition("data-transcript")[2].partition("</main>")[0]
    assert (page.count('<details class="fold">') == 1) is is_folded
    assert page.partition('class="question__text"')[2].count(text.split()[0]) >= len(text.split())
