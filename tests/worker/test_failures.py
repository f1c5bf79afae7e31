"""All errors take the same path: an event with a seq, FAILED, a code, the partial text kept."""

import json

import pytest

from runs.models import Model, Provider, Run
from runs.states import Status
from tests.harness.check import check
from tests.harness.parts import free_port
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

SCRIPTS = {
    "upstream_unauthorized": ({"status": 401}, ""),
    "upstream_not_found": ({"status": 404}, ""),
    "upstream_rejected": ({"status": 400}, ""),
    "upstream_garbage": ({"tokens": 9, "garbage_after": 3}, spoken(3)),
    "upstream_failed": ({"tokens": 9, "error_after": 3}, spoken(3)),
    "upstream_interrupted": ({"tokens": 9, "close_after": 3}, spoken(3)),
    "empty_answer": ({"tokens": 0}, ""),
}


@pytest.mark.parametrize("code", SCRIPTS)
def test_an_upstream_that_misbehaves_ends_the_run_with_its_code(each_stack, code):  # B8 B10 B47 B48
    script, kept = SCRIPTS[code]
    alice = each_stack.person("alice")
    run = alice.send(prompt(**script))
    sse, socket = alice.follow(run), alice.follow_ws(run)
    run = check(run, sse, socket)
    assert (run.status, run.code, run.message.content) == (Status.FAILED, code, kept)
    assert sse.final.data["code"] == code
    assert run.error and run.error == sse.final.data["message"]
    assert "Traceback" in run.trace and "Traceback" not in run.error


def test_a_connection_that_is_reset_keeps_what_had_arrived(each_stack):  # B10
    alice = each_stack.person("alice")
    run = check(alice.send(prompt(tokens=9, rate=100, reset_after=5)))
    assert (run.status, run.code) == (Status.FAILED, "upstream_interrupted")
    assert spoken(5).startswith(run.message.content)


def _send_to(stack, **provider) -> tuple:
    """A run of a model with its own provider."""
    alice = stack.person("alice")
    made = Provider.objects.create(name=alice.user.username, **provider)
    Model.objects.create(name=alice.user.username, label="Broken", provider=made, upstream_id="x")
    run = alice.send(prompt(), model=alice.user.username)
    return run, alice.follow(run), alice.follow_ws(run)


def test_a_provider_without_its_key_fails_like_any_other_run(each_stack):  # B47
    url = each_stack.upstream.base_url
    run, *followers = _send_to(each_stack, base_url=url, key_env="PROVIDER_KEY_MISSING")
    run = check(run, *followers)
    assert (run.status, run.code, run.retryable) == (Status.FAILED, "provider_key_missing", False)
    assert "PROVIDER_KEY_MISSING" in run.trace and "PROVIDER_KEY_MISSING" not in run.error


def test_a_refused_connection_fails_like_any_other_run(each_stack):  # B47
    run, *followers = _send_to(each_stack, base_url=f"http://127.0.0.1:{free_port()}/v1")
    run = check(run, *followers)
    assert (run.status, run.code, run.retryable) == (Status.FAILED, "upstream_unreachable", True)


def test_a_model_that_was_disabled_after_sending_fails_the_run(make_stack):  # B47 B54
    stack = make_stack(start=("valkey", "web"))
    alice = stack.person("alice")
    run = alice.send(prompt())
    Model.objects.update(enabled=False)
    stack.start_part(stack.worker)
    run = check(run, alice.follow(run))
    assert (run.status, run.code) == (Status.FAILED, "model_unknown")


def test_the_next_send_works_at_once_after_a_failure(each_stack):  # B49
    alice = each_stack.person("alice")
    session = alice.new_session()
    assert check(alice.send(prompt(status=500), session)).code == "upstream_failed"
    assert check(alice.send(prompt(tokens=2), session)).status == Status.COMPLETED


def test_a_key_never_shows_in_a_trace(make_stack):  # B48
    key = "sk-very-secret-4711"
    stack = make_stack(WITHOUT_BEAT, PROVIDER_KEY_TEST=key)
    echoed = prompt(status=401, error=f"Incorrect API key provided: {key}")
    alice = stack.person("alice")
    Provider.objects.update(key_env="PROVIDER_KEY_TEST")
    run = check(alice.send(echoed))
    assert stack.upstream.connections(echoed.tag)[0]["headers"]["Authorization"] == f"Bearer {key}"
    assert run.code == "upstream_unauthorized"
    assert key not in run.trace and "Incorrect API key" in run.trace


def test_time_limits_end_a_run_with_their_own_codes(start_worker):  # B9
    stack = start_worker("gevent", RUN_MAX_SECONDS="1.5", RUN_IDLE_SECONDS="0.7")
    alice = stack.person("alice")
    silent, endless = alice.send(prompt(tokens=9, stall_after=2)), alice.send(prompt(tokens=9000, rate=50))
    silent, endless = check(silent), check(endless)
    assert (silent.status, silent.code, silent.message.content) == (Status.FAILED, "upstream_silent", spoken(2))
    assert (endless.status, endless.code) == (Status.FAILED, "time_limit")
    assert endless.message.content.startswith(spoken(10))


def test_a_send_to_a_broker_that_is_silent_is_answered(make_stack):  # B11
    stack = make_stack(start=("valkey", "web"))
    alice = stack.person("alice")
    session, say = alice.new_session(), prompt(tokens=3)
    stack.valkey.suspend()
    try:
        reply = alice.api("POST", f"/sessions/{session}/messages", {"text": say})
    finally:
        stack.valkey.resume()
    assert (reply.status, reply.json()["code"]) == (503, "broker_unavailable")
    run = check(Run.objects.get(session=session))
    assert (run.status, run.message.parent.content) == (Status.FAILED, say)


HOSTILE = [
    {"choices": [{"delta": {"content": "a\0b", "reasoning": "c\0d"}}]},
    {
        "choices": [
            {"delta": {"tool_calls": [{"index": 10**30, "id": "\0", "function": {"name": "f\0", "arguments": "\0"}}]}}
        ]
    },
    {
        "choices": [{"delta": {}, "finish_reason": "stop\0" * 1000}],
        "usage": {"prompt_tokens": 10**30, "completion_tokens": -5},
    },
]


@pytest.mark.parametrize(("last", "status"), [("[DONE]", Status.COMPLETED), ('{"error": "no\\u0000"}', Status.FAILED)])
def test_what_no_database_holds_ends_no_worse_than_anything_else(stack, last, status):  # B10 B58
    body = "".join(f"data: {said}\n\n" for said in (*map(json.dumps, HOSTILE), last))
    run = check(stack.person("alice").send(prompt(body=body, content_type="text/event-stream")))
    assert (run.status, run.message.content, run.message.reasoning) == (status, "a\ufffdb", "c\ufffdd")
