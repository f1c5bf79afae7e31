"""Throttles in a running site: two web processes count together, and go on when Valkey is gone."""

from urllib.parse import urlsplit

import pytest

from tests.harness import parts
from tests.harness.facts import wait_until

pytestmark = pytest.mark.one_database


def test_two_processes_count_together_and_go_on_without_valkey(make_stack):
    stack = make_stack(start=("valkey", "web"), THROTTLE_READS="6")
    alice = stack.person("alice")
    other, url = parts.make_web("uvicorn", stack.directory, stack.env, name="web2")
    other.start()
    stack.more.append(other)
    parts.wait_for_web(other, url)

    def ask() -> int:
        alice.url = url if alice.url == stack.url else stack.url
        return alice.api("GET", "/sessions/00000000-0000-4000-8000-000000000000").status

    assert [ask() for _ in range(8)] == [404] * 6 + [429] * 2
    stack.valkey.kill()
    address = urlsplit(stack.redis_url)
    wait_until(lambda: not parts.answers(address.port), "Valkey is gone")
    assert [ask() for _ in range(8)] == [404] * 8
    for log in (stack.web.log(), other.log()):
        # Once in AWAY_SECONDS, so that eight requests log less than eight lines.
        assert 1 <= log.count("nothing is throttled, Valkey does not respond") < 4
