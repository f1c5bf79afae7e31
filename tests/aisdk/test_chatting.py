"""The AI SDK's own Chat and transport, in Node.js, with a running stack."""

import json
from contextlib import closing
from uuid import uuid4

import pytest

from runs.models import Run
from tests.aisdk.conftest import text_of
from tests.harness.check import check
from tests.harness.cutting import CuttingProxy
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database


def stored(person, name: str) -> list[dict]:
    reply = person.request("GET", f"/api/chat/{name}", headers=person.bearer)
    assert reply.status == 200, reply
    return reply.json()["messages"]


def run_of(message: dict) -> Run:
    return Run.objects.get(pk=message["metadata"]["run"])


def assert_is_stored(person, chat, name: str) -> None:
    """The page shows what a page that is opened now would show."""
    *_, question, answer = chat.state["messages"]
    *_, kept, told = stored(person, name)
    assert (question["id"], question["parts"]) == (kept["id"], kept["parts"])
    assert answer == told


def test_a_message_is_answered_and_what_the_client_has_is_what_is_stored(stack, open_chat):
    alice = stack.person("alice")
    chat = open_chat(alice, "first").send(prompt(tokens=5, reasoning=3))
    state = chat.settle()
    assert (state["status"], chat.text) == ("ready", spoken(5))
    assert state["finishes"] == [{"isAbort": False, "isDisconnect": False, "isError": False, "finishReason": "stop"}]
    run = check(run_of(state["messages"][-1]))
    assert state["messages"][-1]["metadata"]["usage"]["outputTokens"] == run.completion_tokens
    assert_is_stored(alice, chat, "first")


def test_web_pages_that_an_answer_names_are_source_parts(stack, open_chat):
    alice, pages = stack.person("alice"), ["https://wrens.example/1", "https://owls.example/2"]
    chat = open_chat(alice, "sources").send(prompt(tokens=3, sources=pages))
    parts = [part for part in chat.settle()["messages"][-1]["parts"] if part["type"] == "source-url"]
    assert parts == [{"type": "source-url", "sourceId": str(n), "url": url} for n, url in enumerate(pages, start=1)]
    assert_is_stored(alice, chat, "sources")


def test_a_connection_that_is_cut_is_resumed_from_the_log(stack, upstream, open_chat):  # B7, B34
    alice, name = stack.person("alice"), str(uuid4())
    asked = prompt(tokens=9, reasoning=2, hold=[4, 6])
    with closing(CuttingProxy(stack.url, seed=1)) as proxy:
        chat = open_chat(alice, name, url=proxy.url).send(asked).wait_for_text(spoken(4))
        proxy.arm(other=None)
        upstream.release(asked.tag)
        assert chat.settle()["status"] == "error"
        proxy.disarm()
        # The cut is no Stop: the run goes on, and a client that comes back has all of it.
        chat.call("resumeStream").wait_for("streaming")
        upstream.release(asked.tag)
        state = chat.settle()
    assert (state["status"], chat.text, len(state["messages"])) == ("ready", spoken(9), 2)
    check(run_of(state["messages"][-1]))
    assert_is_stored(alice, chat, name)


def test_a_page_that_is_loaded_in_the_middle_goes_on_where_the_answer_is(stack, upstream, open_chat):  # B33
    alice = stack.person("alice")
    asked = prompt(tokens=8, hold=[5])
    left = open_chat(alice, "reloaded").send(asked).wait_for_text(spoken(5))
    left.call("stop").settle()  # as a page does that is closed
    # It should begin with the text so far, which the answer then takes the place of.
    messages = stored(alice, "reloaded")
    assert [part["type"] for part in messages[-1]["parts"]] == ["step-start", "text"]
    chat = open_chat(alice, "reloaded", messages=messages).call("resumeStream")
    chat.wait_for("streaming")
    upstream.release(asked.tag)
    state = chat.settle()
    assert (state["status"], chat.text, len(state["messages"])) == ("ready", spoken(8), 2)
    check(run_of(state["messages"][-1]))
    assert_is_stored(alice, chat, "reloaded")


def test_a_page_with_use_chat_resumes_by_itself(stack, upstream, open_chat):  # B33
    alice = stack.person("alice")
    asked = prompt(tokens=6, hold=[2, 4])
    page = open_chat(alice, "react", is_mounted=True).send(asked).wait_for_text(spoken(2))
    page.unmount()
    upstream.release(asked.tag)
    page = open_chat(alice, "react", is_mounted=True, messages=stored(alice, "react"))
    page.wait_for("streaming")
    upstream.release(asked.tag)
    state = page.wait_for_text(spoken(6)).wait_for("ready", "error")
    assert (state["status"], len(state["messages"])) == ("ready", 2)
    check(run_of(state["messages"][-1]))
    assert_is_stored(alice, page, "react")
    # A page of a chat in which nothing runs shows just that.
    still = open_chat(alice, "react", is_mounted=True, messages=stored(alice, "react")).state
    assert (still["status"], still["messages"], still["finishes"]) == ("ready", stored(alice, "react"), [])


def test_an_answer_that_ended_meanwhile_is_replayed_by_its_run_and_else_there_is_nothing(stack, upstream, open_chat):
    alice = stack.person("alice")
    asked = prompt(tokens=7, hold=[3])
    left = open_chat(alice, "late").send(asked).wait_for_text(spoken(3)).call("stop")
    partial = left.settle()["messages"]
    upstream.release(asked.tag)
    run = check(run_of(partial[-1]))
    nothing = open_chat(alice, "late", messages=partial).call("resumeStream").settle()
    assert (nothing["status"], nothing["messages"]) == ("ready", partial)
    reply = alice.request("GET", "/api/chat/late/stream", headers=alice.bearer)
    assert (reply.status, reply.body) == (204, b"")
    # Whoever knows the run's id is told the whole, however late.
    chat = open_chat(alice, "late", messages=partial, reconnect=f"late/stream?run={run.pk}")
    chat.call("resumeStream").settle()
    assert chat.text == spoken(7)
    assert_is_stored(alice, chat, "late")


def test_stop_is_a_request_of_its_own_and_the_client_hears_the_end(stack, upstream, open_chat):  # B36, B37
    alice = stack.person("alice")
    chat = open_chat(alice, "stopped").send(prompt(tokens=9, stall_after=4)).wait_for_text(spoken(4))
    run = run_of(chat.state["messages"][-1])
    # Another message's Stop comes too late.
    assert stop(alice, "stopped", activeStreamId=str(uuid4())) == (200, {"state": "already_final"})
    assert stop(alice, "stopped", assistantMessage={"id": str(uuid4()), "parts": []})[0] == 200
    assert stop(alice, "stopped", assistantMessage=chat.state["messages"][-1]) == (202, {"state": "stopping"})
    state = chat.settle()
    assert (state["status"], chat.text) == ("ready", spoken(4))
    assert state["messages"][-1]["metadata"]["state"] == "stopped"
    run = check(run)
    assert (run.status, run.reason, run.stop_requested_by) == ("stopped", "user", alice.user)
    assert_is_stored(alice, chat, "stopped")
    assert stop(alice, "stopped") == (200, {"state": "already_final"})


def test_what_is_sent_right_after_stop_is_answered_and_not_held(stack, upstream, open_chat):  # B19
    alice = stack.person("alice")
    chat = open_chat(alice, "again").send(prompt(tokens=9, stall_after=1)).wait_for_text(spoken(1))
    chat.call("stop").settle()
    stack.worker.suspend()
    try:
        assert stop(alice, "again") == (202, {"state": "stopping"})
        chat.send(prompt(tokens=3)).wait_for("submitted")
        # It should wait for the end of what was stopped: in the queue it would be held.
        assert [len(stored(alice, "again")) for _ in range(5)] == [2] * 5
    finally:
        stack.worker.resume()
    chat.wait_for_text(spoken(3))
    assert chat.settle()["status"] == "ready"
    assert [message["role"] for message in stored(alice, "again")] == ["user", "assistant"] * 2
    check(run_of(chat.state["messages"][-1]))


def test_an_answer_that_fails_is_an_error_with_its_text_kept(stack, open_chat):  # B10, B48
    alice = stack.person("alice")
    chat = open_chat(alice, "failed").send(prompt(tokens=9, error_after=2))
    state = chat.settle()
    assert (state["status"], state["error"]) == ("error", "The model server reported an error.")
    assert chat.text == spoken(2)
    metadata = state["messages"][-1]["metadata"]
    assert (metadata["state"], metadata["code"], metadata["retryable"]) == ("failed", "upstream_failed", True)
    run = check(run_of(state["messages"][-1]))
    assert_is_stored(alice, chat, "failed")
    # Asking again should make another answer in its place.
    assert chat.call("regenerate").settle()["status"] == "error"
    assert check(run_of(chat.state["messages"][-1])).message.parent_id == run.message.parent_id
    assert len(chat.state["messages"]) == len(stored(alice, "failed")) == 2


def test_a_question_is_edited_in_its_place_under_its_own_name(stack, open_chat):  # B40
    alice = stack.person("alice")
    chat = open_chat(alice, "edited").send(prompt(tokens=2))
    question = chat.settle()["messages"][0]["id"]
    for tokens in (3, 4):
        chat.call("sendMessage", {"text": prompt(tokens=tokens), "messageId": question})
        assert chat.settle()["status"] == "ready" and chat.text == spoken(tokens)
        assert [text_of(message) for message in stored(alice, "edited")][1:] == [spoken(tokens)]
    chat.call("regenerate", {"messageId": chat.state["messages"][-1]["id"]}).settle()
    answers = [run_of(message) for message in (chat.state["messages"][-1], stored(alice, "edited")[-1])]
    assert answers[0] == answers[1] and check(answers[0]).message.content == spoken(4)
    assert Run.objects.filter(session=answers[0].session).count() == 4


def test_a_tool_call_is_a_part_of_the_message(stack, open_chat):
    alice = stack.person("alice")
    call = {"id": "call-1", "name": "weather", "arguments": '{"city": "Ulm"}'}
    chat = open_chat(alice, "tools").send(prompt(tokens=0, tools=[call], finish="tool_calls"))
    state = chat.settle()
    part = state["messages"][-1]["parts"][-1]
    assert (part["type"], part["toolName"], part["input"]) == ("dynamic-tool", "weather", {"city": "Ulm"})
    assert state["finishes"][0]["finishReason"] == "tool-calls"
    check(run_of(state["messages"][-1]))
    assert_is_stored(alice, chat, "tools")


def test_a_refused_message_is_an_error_that_says_why(stack, open_chat):
    alice = stack.person("alice")
    state = open_chat(alice, "refused").send("hello", body={"model": "no-such-model"}).settle()
    assert '"code":"model_unknown"' in state["error"]
    # It should have begun no chat.
    assert alice.request("GET", "/api/chat/refused", headers=alice.bearer).status == 404


def stop(person, name: str, **body: object) -> tuple[int, dict]:
    headers = person.bearer | {"Content-Type": "application/json"}
    reply = person.request("POST", f"/api/chat/{name}/stop", json.dumps(body).encode(), headers)
    return reply.status, reply.json()
