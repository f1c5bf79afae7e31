"""Staff look at runs in the admin and stop them there; nothing else can be changed."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from chatapp.chats.models import Message, MessageState, Role, Session
from runs.errors import UpstreamGarbage
from runs.lifecycle import transitions
from runs.lifecycle.start import start_next
from runs.lifecycle.stop import request_stop
from runs.models import Model, Provider, Run
from runs.queries import timeline
from runs.states import Trigger
from streams.events import Kind
from streams.log import store

RUNS = "admin:runs_run_changelist"


def person(name, **fields):
    return get_user_model().objects.create_user(f"{name}-{uuid4().hex[:8]}", **fields)


def browser(user=None):
    client = Client()
    if user:
        client.force_login(user)
    return client


@pytest.fixture
def admin(charlie):
    return browser(charlie)


def a_model(name="wren"):
    provider = Provider.objects.create(name=f"{name}-{uuid4().hex[:6]}", base_url="http://127.0.0.1:9/v1")
    return Model.objects.create(name=f"{name}-{uuid4().hex[:6]}", label=name, provider=provider, upstream_id=name)


@pytest.fixture
def ask(alice):
    """Makes a run: a session with a question, an answer and its run, waiting."""
    model = a_model()

    def ask(owner=alice, session=None):
        session = session or Session.objects.create(owner=owner, title="Birds")
        question = Message.objects.create(session=session, role=Role.USER, content="What is a wren?")
        answer = Message.objects.create(
            session=session, role=Role.ASSISTANT, parent=question, state=MessageState.WAITING
        )
        run = transitions.enqueue(session, answer, model, Trigger.API)
        start_next(session.id)
        return run

    return ask


def change_page(client, run):
    return client.get(reverse("admin:runs_run_change", args=[run.pk]))


def stop(client, *runs, **query):
    """Stop, after the confirmation."""
    data = {"action": "stop", "confirmed": "yes", "_selected_action": [str(run.pk) for run in runs]}
    return client.post(reverse(RUNS, query=query), data, follow=True)


def test_the_list_shows_whose_run_it_is_and_how_it_stands(admin, ask, alice):
    run = ask()
    page = admin.get(reverse(RUNS)).text
    for shown in (str(run.pk)[-12:], alice.username, "Queued", "Birds", "wren", "Api"):
        assert shown in page


def test_a_run_is_found_by_its_id_its_task_its_session_and_its_owner(admin, ask):
    run, other = ask(owner=person("alice")), ask(owner=person("bob"))
    run.refresh_from_db()
    for term in (run.pk, run.pk.hex, run.task_id, run.session_id, run.message_id, run.session.owner.username):
        found = admin.get(reverse(RUNS), {"q": str(term)}).context["cl"].result_list
        assert list(found) == [run], term
    assert not admin.get(reverse(RUNS), {"q": str(uuid4())}).context["cl"].result_list
    assert other in admin.get(reverse(RUNS), {"q": ""}).context["cl"].result_list


@pytest.mark.parametrize(
    "query", ["status__exact=queued", "trigger__exact=api", "queued_at__gte=2020-01-01+00:00:00%2B00:00"]
)
def test_the_list_can_be_narrowed(admin, ask, query):
    run = ask()
    assert run in admin.get(f"{reverse(RUNS)}?{query}").context["cl"].result_list


def test_a_session_leads_to_its_messages_and_runs(admin, ask):
    run, _ = ask(), ask()
    page = admin.get(reverse("admin:chats_session_change", args=[run.session_id])).text
    links = re.findall(r'href="([^"]*session__id__exact=[^"]*)"', page)
    found = [set(admin.get(link).context["cl"].result_list) for link in links]
    assert found == [set(run.session.messages.all()), {run}]


@pytest.mark.parametrize("where", ["chats_session", "chats_message"])
def test_sessions_and_messages_are_found_by_id_and_owner(admin, ask, where):
    run = ask(owner=person("alice"))
    ask(owner=person("bob"))
    found = [
        admin.get(reverse(f"admin:{where}_changelist"), {"q": term}).context["cl"].result_count
        for term in (str(run.session_id), run.session.owner.username, "no such thing")
    ]
    messages = 1 if where == "chats_session" else 2
    assert found == [messages, messages, 0]


# -- the page of one run --------------------------------------------------------------------------


def test_a_runs_page_shows_its_stream_with_the_deltas_in_one_line(admin, ask):
    run = ask()
    store.append(run.pk, (Kind.STARTED, {}), *[(Kind.TEXT, {"text": f"w{n} "}) for n in range(5)])
    transitions.fail(run.pk, UpstreamGarbage("HTTP 200, then <html>"))
    page = change_page(admin, run).text
    assert "w0 w1 w2 w3 w4" in page
    for shown in ("run.queued", "run.started", "text.delta ×5", "3–7", "run.failed", "upstream_garbage"):
        assert shown in page
    # It should show the trace, as text and not as markup.
    assert "HTTP 200, then &lt;html&gt;" in page


def test_what_a_model_wrote_is_text_in_the_admin_too(admin, ask):  # B58
    run = ask()
    store.append(run.pk, (Kind.TEXT, {"text": "<script>alert(1)</script>"}))
    page = change_page(admin, run).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_a_run_says_who_asked_it_to_stop_and_when(admin, ask, alice):
    run = ask()
    request_stop(run, by=alice)
    run.refresh_from_db()
    page = change_page(admin, run).text
    assert alice.username in page.split("Stop requested by")[1][:200]
    assert "run.stopped" in page


def test_a_long_stream_is_shown_from_both_ends(ask):
    run = ask()
    deltas = [(Kind.TEXT if n % 2 else Kind.REASONING, {"text": str(n)}) for n in range(3_000)]
    store.append(run.pk, *deltas)
    lines = timeline.timeline(run.pk)
    assert len(lines) == timeline.HEAD_EVENTS + timeline.TAIL_EVENTS + 1
    assert (lines[0].first, lines[-1].last) == (1, 3_001)
    # It should say how many are missing in between, so that every seq is accounted for.
    assert sum(line.count for line in lines) == 3_001
    assert [line.count for line in lines if not line.kind] == [2_501]


def test_a_line_of_text_is_cut_with_its_length(ask):
    run = ask()
    store.append(run.pk, (Kind.TEXT, {"text": "x" * 12_345}))
    assert timeline.timeline(run.pk)[1].text.endswith("… (12,345 characters)")


def test_a_run_without_events_says_so(admin, ask):
    run = ask()
    Run.objects.filter(pk=run.pk).update(id=uuid4())
    assert "No events are kept." in change_page(admin, Run.objects.get(message=run.message)).text


# -- Stop -----------------------------------------------------------------------------------------


def test_stop_ends_waiting_runs_and_tells_what_became_of_each(admin, ask, charlie):
    waiting, ended = ask(), ask()
    transitions.stop(ended.pk)
    page = stop(admin, waiting, ended).text
    assert "Runs: 1 stopped, 1 had ended before." in page
    waiting.refresh_from_db()
    assert (waiting.status, waiting.stop_requested_by) == ("stopped", charlie)


def test_stop_counts_right_in_a_list_that_the_stopped_runs_drop_out_of(admin, ask):
    page = stop(admin, ask(), ask(), status__exact="queued").text
    assert "Runs: 2 stopped." in page


def test_only_staff_who_may_change_runs_can_stop_them(ask):
    viewer = person("charlie", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_run"))
    run = ask()
    page = stop(browser(viewer), run)
    assert page.status_code == 200
    assert "Stop (queued, running)" not in page.text
    run.refresh_from_db()
    assert run.status == "queued"


# -- access ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["runs_run", "chats_session", "chats_message", "runs_model", "runs_provider"])
def test_the_admin_is_for_staff(what, alice, charlie):
    path = reverse(f"admin:{what}_changelist")
    answers = [browser(user).get(path).status_code for user in (charlie, alice, None)]
    assert answers == [200, 302, 302]


@pytest.mark.parametrize("what", ["runs_run", "chats_session", "chats_message"])
def test_what_happened_can_be_neither_added_nor_changed_nor_deleted(admin, ask, what):
    run = ask()
    pk = {"runs_run": run.pk, "chats_session": run.session_id, "chats_message": run.message_id}[what]
    assert admin.get(reverse(f"admin:{what}_change", args=[pk])).status_code == 200
    assert admin.post(reverse(f"admin:{what}_change", args=[pk]), {"status": "completed"}).status_code == 403
    assert admin.post(reverse(f"admin:{what}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    assert admin.get(reverse(f"admin:{what}_add")).status_code == 403


def test_a_message_s_page_shows_its_files_to_read(admin, ask):
    question = ask().message.parent
    question.attachments.create(position=0, name="wrens.md", media_type="text/markdown", size=7, text="<b>Wrens</b>")
    page = admin.get(reverse("admin:chats_message_change", args=[question.pk])).text
    assert "wrens.md" in page
    assert "&lt;b&gt;Wrens&lt;/b&gt;" in page
    assert 'name="attachments-0-text"' not in page


# -- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["runs_run", "chats_session", "chats_message", "runs_model"])
def test_a_longer_list_asks_the_database_no_more_often(admin, ask, what, django_assert_max_num_queries):
    path = reverse(f"admin:{what}_changelist")
    for _ in range(2):
        ask(owner=person("alice"))
    admin.get(path)
    with django_assert_max_num_queries(12) as few:
        admin.get(path)
    for _ in range(10):
        ask(owner=person("bob"))
        a_model()
    with django_assert_max_num_queries(len(few)):
        admin.get(path)


def test_a_runs_page_asks_the_database_a_fixed_number_of_times(admin, ask, django_assert_max_num_queries):
    run = ask()
    store.append(run.pk, *[(Kind.TEXT, {"text": "x"}) for _ in range(2_000)])
    with django_assert_max_num_queries(8):
        change_page(admin, run)


# -- providers and models -------------------------------------------------------------------------


def test_a_provider_is_added_with_the_name_of_its_key_never_the_key(admin, monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY_SOME", "the key itself")
    path = reverse("admin:runs_provider_add")
    refused = admin.post(path, {"name": "p", "base_url": "http://ollama:11434/v1", "key_env": "sk-12ab"})
    assert "name of an environment variable" in refused.text
    admin.post(
        path, {"name": "p", "base_url": "http://ollama:11434/v1/", "position": 0, "key_env": "PROVIDER_KEY_SOME"}
    )
    assert Provider.objects.get(name="p").base_url == "http://ollama:11434/v1"
    page = admin.get(reverse("admin:runs_provider_changelist")).text
    assert "PROVIDER_KEY_SOME" in page
    assert "the key itself" not in page


def test_one_step_makes_another_model_the_default(admin):
    first, second = a_model(), a_model()
    path = reverse("admin:runs_model_changelist")
    for model in (first, second):
        admin.post(path, {"action": "make_default", "_selected_action": [model.pk]})
    assert list(Model.objects.filter(is_default=True)) == [second]
    refused = admin.post(path, {"action": "make_default", "_selected_action": [first.pk, second.pk]}, follow=True)
    assert "Choose exactly one model." in refused.text


def test_parameters_are_an_object_and_leave_the_sites_own_words_alone(admin):
    model = a_model()
    path = reverse("admin:runs_model_change", args=[model.pk])
    form = {
        "name": model.name,
        "label": "Wren",
        "provider": model.provider_id,
        "upstream_id": "w",
        "position": 0,
        "enabled": "on",
    }
    assert "Enter a JSON object such as" in admin.post(path, form | {"parameters": "[1]"}).text
    assert "This site sets these itself: stream" in admin.post(path, form | {"parameters": '{"stream": false}'}).text
    assert admin.post(path, form | {"parameters": '{"temperature": 0}'}).status_code == 302
