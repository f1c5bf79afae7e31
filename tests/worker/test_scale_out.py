"""Two web servers and two workers keep the promises of one of each to a reader, a Stop and a killed process.

The tests are those of one web server and one worker. Here a person's requests go to one server and the next, and the
tasks to whichever worker takes them.
"""

import itertools

import pytest

from tests.harness import parts
from tests.harness.check import check
from tests.harness.people import Person
from tests.harness.stack import Stack
from tests.harness.upstream import prompt, spoken
from tests.worker.test_durability import test_an_answer_goes_on_when_every_viewer_has_gone  # noqa: F401  (collected here, with the stacks below)
from tests.worker.test_following import (  # noqa: F401
    test_a_place_in_the_future_is_answered_with_resync_and_everything,
    test_a_reader_who_is_cut_off_again_and_again_misses_nothing,
    test_every_reader_hears_the_log_wherever_and_whenever_he_begins,
)
from tests.worker.test_stop import (  # noqa: F401
    test_stop_before_the_first_word_leaves_an_empty_stopped_answer,
    test_stop_is_idempotent_and_truthful,
    test_stop_reaches_a_run_that_waits_on_a_silent_upstream,
)


class Traveller(Person):
    """A person whose requests alternate between the web servers."""

    def __init__(self, urls: list[str], name: str):
        self._urls = itertools.cycle(urls)
        super().__init__(urls[0], name)

    @property
    def url(self) -> str:
        return next(self._urls)

    @url.setter
    def url(self, _: str) -> None:
        """Created with one web server."""


class Town(Stack):
    """Two web servers and two workers."""

    def start(self, *only: str) -> "Town":
        super().start(*only)
        self.second_web, self.second_url = parts.make_web("daphne", self.directory, self.env, name="web2")
        self.more.append(self.second_web.start())
        self.second_worker = self.make_worker("worker2")
        self.start_part(self.second_worker)
        parts.wait_for_web(self.second_web, self.second_url)
        return self

    def person(self, name: str) -> Traveller:
        person = Traveller([self.url, self.second_url], name)
        self.people.append(person)
        return person


@pytest.fixture(scope="module")
def _town(request, upstream):
    from tests.harness.plugin import chosen

    town = Town("town", request.config.stash[chosen], upstream, LEASE_SECONDS="2", LEASE_RENEW_SECONDS="0.5")
    request.addfinalizer(town.kill)
    return town.start()


@pytest.fixture
def each_stack(_no_transaction, _town):
    with _town.in_use() as stack:
        yield stack


stack = each_stack


def test_both_workers_carry_runs_and_both_servers_tell_of_them(each_stack):  # B23 B28
    town, alice = each_stack, each_stack.person("alice")
    says = [prompt(tokens=12, hold=[6]) for _ in range(12)]
    runs = [alice.send(say) for say in says]
    followers = [(alice.follow(run), alice.follow(run), alice.follow_ws(run), alice.follow_ws(run)) for run in runs]
    assert {follower.connection.port for pair in followers for follower in pair[:2]} == {
        int(url.rpartition(":")[2]) for url in (town.url, town.second_url)
    }
    for say in says:
        town.upstream.wait(say.tag, "stalled")
        town.upstream.release(say.tag)
    runs = [check(run, *readers) for run, readers in zip(runs, followers, strict=True)]
    assert {run.worker.name.partition("@")[0] for run in runs} == {"worker", "worker2"}
    assert {run.message.content for run in runs} == {spoken(12)}


def test_a_worker_that_is_killed_takes_its_own_runs_along_and_no_others(each_stack):  # B1 B12
    town, alice = each_stack, each_stack.person("alice")
    says = [prompt(tokens=12, hold=[6]) for _ in range(8)]
    runs = [alice.send(say) for say in says]
    followers = [(alice.follow(run), alice.follow_ws(run)) for run in runs]
    for reader in itertools.chain(*followers):
        reader.wait_for_text(spoken(6))
    town.second_worker.kill()
    town.start_part(town.second_worker)
    for say in says:
        town.upstream.release(say.tag)
    runs = [check(run, *readers) for run, readers in zip(runs, followers, strict=True)]
    ends = {(run.worker.name.partition("@")[0], run.status, run.message.content) for run in runs}
    assert ends == {("worker", "completed", spoken(12)), ("worker2", "lost", spoken(6))}
