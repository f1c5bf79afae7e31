"""What ends a stream from outside: kill -9 of what carries it, and a token that is revoked."""

import openai
import pytest
from knox.models import get_token_model

from runs.models import Run
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken
from tests.openai.test_responses import all_of, plain

pytestmark = pytest.mark.one_database

QUICK = {"LEASE_SECONDS": "1.5", "LEASE_RENEW_SECONDS": "0.5", "STREAMS_SWEEP_SECONDS": "0.5"}


def test_what_was_heard_before_a_kill_is_a_part_of_the_whole(make_stack, sdk):  # B1 B7 B12
    stack = make_stack(**QUICK)
    alice = stack.person("alice")
    client, say = sdk(alice), prompt(tokens=9, hold=[3, 6])
    stream = client.responses.create(model="scripted", input=say, background=True, stream=True)
    heard = []
    stack.upstream.wait(say.tag, "stalled")
    with pytest.raises(openai.APIConnectionError):
        for event in stream:
            heard.append(plain(event))
            if spoken(3) in "".join(event.get("delta", "") for event in heard):
                stack.web.kill()
    response_id, seen = heard[0]["response"]["id"], heard[-1]["sequence_number"]
    # The run goes on while no web server is there.
    stack.upstream.release(say.tag)
    stack.upstream.wait(say.tag, "tokens:6")
    stack.start_part(stack.web)
    resumed = client.responses.retrieve(response_id, stream=True, starting_after=seen)
    for event in resumed:
        heard.append(plain(event))
        if spoken(6) in "".join(event.get("delta", "") for event in heard):
            break
    stack.worker.kill()
    heard += [plain(event) for event in resumed]
    # Without its worker it has failed, with what it had said.
    last = heard[-1]["response"]
    assert (heard[-1]["type"], last["error"]["type"]) == ("response.failed", "lost")
    assert last["output"][0]["content"][0]["text"] == spoken(6)
    assert heard == all_of(client.responses.retrieve(response_id, stream=True))
    assert plain(client.responses.retrieve(response_id)) == last
    check(Run.objects.get(pk=response_id.removeprefix("resp_")))


def test_a_token_that_is_revoked_closes_the_streams_it_opened(make_stack, sdk):  # B55
    stack = make_stack(start=("valkey", "web"), STREAMS_HEARTBEAT_SECONDS="0.2")
    alice = stack.person("alice")
    stream = sdk(alice).responses.create(model="scripted", input="Hi", background=True, stream=True)
    first = next(iter(stream))
    get_token_model().objects.filter(user=alice.user).delete()
    assert [event.type for event in stream] == ["response.queued"]  # nobody is there to begin it
    assert Run.objects.active().filter(pk=first.response.id.removeprefix("resp_")).exists()
