"""What servers really send, read by the real client over real connections: every case of tests/upstream/cases."""

import asyncio

import pytest

from runs.net.http1 import Client
from runs.upstream import chat_completions
from tests.upstream.cases.case import Case, cases
from tests.upstream.cases.reading import Answer, ask, faults
from tests.upstream.cases.server import CaseServer

CASES = {name: case for name, case in cases().items() if case.want.get("status") != "still" and not case.strict}


async def _ask_all(chosen: list[Case]) -> dict[str, Answer]:
    async with CaseServer() as server:
        client = Client()
        try:
            answers = await asyncio.gather(*(ask(client, server.url, case) for case in chosen))
        finally:
            client.close()
    return {case.name: answer for case, answer in zip(chosen, answers, strict=True)}


@pytest.fixture(scope="module")
def answers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_completions, "FINISH_SECONDS", 0.2)
        return asyncio.run(_ask_all([*CASES.values()]))


@pytest.mark.parametrize("name", CASES)
def test_an_answer_that_arrived_is_the_answer_and_a_broken_one_is_not(answers, name):  # B61 B62 B63 B64
    assert faults(CASES[name], answers[name]) == [], CASES[name].right
