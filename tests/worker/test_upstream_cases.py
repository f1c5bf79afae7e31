"""Every case of tests/upstream/cases on the running product: run, page, title, and /v1 where a program would ask."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runs.models import Model, Provider
from tests.harness.check import check, logged
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.upstream.cases.case import Case, cases
from tests.upstream.cases.reading import Answer, faults
from tests.upstream.cases.server import CaseServer

CASES = {name: case for name, case in cases().items() if case.want.get("status") != "still"}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "time")
]
LIMITS = {"USER_MAX_SENDS": "10000", "USER_MAX_RUNS": "1000", "TITLES": "1"}


@contextmanager
def served() -> Iterator[str]:
    """The URL of a server of all cases, in a thread of its own."""
    loop, ready, done, urls = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def serve() -> None:
        async with CaseServer() as server:
            urls.append(server.url)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def _faults_of_chat(alice: Person, case: Case, run) -> list[str]:
    run = check(run)
    answer = Answer(logged(run), run.code, run.error, run.finish_reason, run.attempt)
    found = faults(case, answer)
    page = alice.page("GET", f"/chats/{run.session_id}").body.decode().lower()
    if "page" in case.want and not any(word in page for word in case.want["page"]):
        found.append("the page says nothing of it")
    return found + _faults_of_title(case, run)


def _faults_of_title(case: Case, run) -> list[str]:
    def titled() -> str:
        run.session.refresh_from_db()
        return run.session.title

    title = wait_until(titled, f"a title of {case.name}", 60) if "title" in case.want else titled()
    is_wrong = title != case.want.get("title", title)
    unwanted = any(word.lower() in title.lower() for word in case.want.get("title_not", ()))
    return [f"the title is {title!r}"] if is_wrong or unwanted else []


def _faults_for_program(alice: Person, case: Case) -> list[str]:
    """Asked by a program, with tools."""
    body = {"model": case.name, "messages": [{"role": "user", "content": "Weather in Rome?"}], "tools": TOOLS}
    headers = {**alice.bearer, "Content-Type": "application/json"}
    reply = alice.request("POST", "/v1/chat/completions", json.dumps(body).encode(), headers)
    if case.want["status"] == "failed":
        return [] if reply.status >= 400 else [f"HTTP {reply.status}: {reply.json()}"]
    if reply.status != 200:
        return [f"HTTP {reply.status}: {reply.json()}"]
    message = reply.json()["choices"][0]["message"]
    calls = [[call["function"]["name"], call["function"]["arguments"]] for call in message.get("tool_calls", ())]
    return [] if calls == case.want.get("tools", []) else [f"tools are {calls}"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_answer_that_servers_send_is_right_on_the_product(make_stack):  # B61 B62 B63 B64 B66
    with served() as url:
        stack = make_stack(**LIMITS)
        alice = stack.person("alice")
        provider = Provider.objects.create(name="cases", base_url=url)
        for name in CASES:
            Model.objects.create(name=name, label=name, provider=provider, upstream_id=name)
        chats = {name: case for name, case in CASES.items() if not case.tools}
        runs = {name: alice.send("What is a wren?", model=name) for name in chats}
        found = {name: _faults_of_chat(alice, case, runs[name]) for name, case in chats.items()}
        found |= {name: _faults_for_program(alice, case) for name, case in CASES.items() if case.tools}
    assert {name: what for name, what in found.items() if what} == {}
