"""Until the vote nothing that a client can read names a model (B45): every response and every event is searched.

Real parts: panes that complete, that fail at an upstream which shouts the name, that are stopped, and rerolled.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chatapp.compare.models import Comparison, Pane
from runs.models import Model, Provider, Run
from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database

NAMES = ["betula", "fagus", "salix", "quercus", "ulmus"]
SCRIPTED = {"X-Requested-With": "fetch"}


@pytest.fixture
def contenders(stack) -> list[Model]:
    """Each is called by a name of its own at every level; the last ones fail, and their server tells everybody who."""
    stack.upstream.register()
    scripts = {
        "betula": {"tokens": 6},
        "fagus": {"tokens": 9, "stall_after": 4},
        "salix": {"status": 404, "error": "no such model: salix-upstream"},
        "quercus": {"tokens": 9, "error_after": 3, "error": "quercus-upstream broke"},
        "ulmus": {"status": 503, "error": "ulmus-upstream is busy", "times": 2, "tokens": 3},
    }
    made = []
    for name in NAMES:
        provider, _ = Provider.objects.get_or_create(
            name=f"{name}-provider", defaults={"base_url": stack.upstream.base_url}
        )
        upstream_id = stack.upstream.register(tag=f"{name}-tag", **scripts[name])
        made.append(
            Model.objects.update_or_create(
                name=f"{name}-name",
                defaults={"label": f"{name} label", "provider": provider, "upstream_id": upstream_id, "enabled": True},
            )[0]
        )
    yield made
    Model.objects.filter(name__endswith="-name").update(enabled=False)


class Searched:
    """Everything that alice's browser and programs get to see."""

    def __init__(self, alice, upstream_ids: list[str]):
        self.alice, self.words = alice, [*NAMES, *upstream_ids]
        self.seen = 0

    def search(self, what: str, text: str) -> None:
        self.seen += 1
        found = [word for word in self.words if word in text.lower()]
        assert not found, f"{what} names {found}"

    def reply(self, what: str, reply) -> None:
        self.search(what, f"{reply.status} {reply.headers} {reply.body.decode(errors='replace')}")

    def get(self, path: str, **headers: str) -> None:
        self.reply(path, self.alice.request("GET", path, headers={**self.alice.cookie_header, **headers}))

    def everything(self, comparison: Comparison) -> None:
        for path in ("", "/export.md"):
            self.get(f"/compare/{comparison.pk}{path}")
        self.get(f"/compare/{comparison.pk}", **SCRIPTED)
        for path in ("/compare/history", "/compare/scoreboard", "/compare/scoreboard?votes=all"):
            self.get(path)
        for run in Run.objects.filter(session__pane__comparison=comparison).select_related("message"):
            self.around(run)

    def around(self, run: Run) -> None:
        """What pages and API know of a run, its session and its messages."""
        question = run.message.parent_id
        for path in (f"/chats/{run.session_id}", f"/messages/{run.message_id}", f"/messages/{question}"):
            self.get(path)
        for path in (f"/sessions/{run.session_id}", f"/runs/{run.pk}", f"/sessions/{run.session_id}/queue"):
            self.reply(path, self.alice.api("GET", path))
        for path in (f"/runs/{run.pk}/stop", f"/runs/{run.pk}/again", f"/runs/{run.pk}/continue"):
            if run.is_final:
                self.reply(path, self.alice.api("POST", path, {}))
        if run.is_final:
            self.reply("continue", self.alice.page("POST", f"/compare/panes/{_pane_of(run)}/continue", {}))


def _pane_of(run: Run):
    return Pane.objects.get(session=run.session_id).pk


def form_of(contenders, **values: str) -> dict[str, str]:
    rows = {f"c-{row}-model": model.name for row, model in enumerate(contenders)}
    form = {"prompt": "Speak.", "order": "parallel", "is_blind": "on", "c-TOTAL_FORMS": "6", "c-INITIAL_FORMS": "0"}
    return form | rows | values


def start(alice, contenders, **values: str) -> Comparison:
    reply = alice.page("POST", "/compare", form_of(contenders, **values))
    assert reply.status == 302, reply
    return Comparison.objects.get(pk=reply.headers["location"].rpartition("/")[2])


def test_nothing_names_a_model_before_the_vote_and_everything_after_it(stack, contenders):  # B45 B42 B43
    alice = stack.person("alice")
    comparison = start(alice, contenders)
    searched = Searched(alice, [model.upstream_id.lower() for model in contenders])
    panes = list(comparison.panes.select_related("run"))
    followers = [
        follower
        for pane in panes
        for follower in (alice.follow_ws(pane.run), alice.follow_page(pane.run), alice.follow(pane.run))
    ]
    silent = next(pane for pane in panes if pane.contender == "fagus label")
    stack.upstream.wait("fagus-tag", "stalled", len(stack.upstream.connections("fagus-tag")) or 1)
    searched.everything(comparison)  # while some are being written

    # The stopped one should end at once, and nobody should be told more than that
    searched.reply("stop", alice.page("POST", f"/compare/panes/{silent.pk}/stop", {}))
    for follower in followers:
        follower.wait_for_final()
    ends = {pane.contender: check(pane.run) for pane in panes}
    assert {name: run.status for name, run in ends.items()} == {
        "betula label": Status.COMPLETED,
        "fagus label": Status.STOPPED,
        "salix label": Status.FAILED,
        "quercus label": Status.FAILED,
        "ulmus label": Status.COMPLETED,
    }
    assert ends["fagus label"].message.content == spoken(4)
    assert "salix-upstream" in ends["salix label"].trace  # staff are told
    for follower in followers:
        for envelope in follower.envelopes:
            searched.search("an event", f"{envelope}")
        searched.search("the stream's head", f"{getattr(follower, 'response_headers', '')}")
    searched.everything(comparison)

    # Errors should not name anybody either, nor should another answer
    for choice in ("Z", ""):
        searched.reply("vote", alice.page("POST", f"/compare/{comparison.pk}/vote", {"choice": choice}))
    again = next(pane for pane in panes if pane.contender == "salix label")
    searched.reply("another answer", alice.page("POST", f"/compare/panes/{again.pk}/again", {}))
    again.refresh_from_db()
    searched.search("its events", f"{alice.follow_ws(again.run).wait_for_final()}")
    check(again.run)
    searched.everything(comparison)
    assert searched.seen > 150

    # After the vote everybody should be named
    assert alice.page("POST", f"/compare/{comparison.pk}/vote", {"choice": "A"}).status == 302
    for path in ("", "/export.md"):
        page = alice.page("GET", f"/compare/{comparison.pk}{path}").body.decode()
        assert all(f"{name} label" in page for name in NAMES)


@pytest.mark.one_database
def test_sequential_panes_are_answered_one_after_the_other(stack, contenders):  # B44
    alice = stack.person("alice")
    text = prompt(tokens=4, hold=[2])
    comparison = start(alice, contenders[:3], prompt=text, order="sequential")
    panes = list(comparison.panes.select_related("run"))
    followers = [alice.follow_ws(pane.run) for pane in panes]
    for number, (pane, follower) in enumerate(zip(panes, followers, strict=True), 1):
        follower.wait_for_text(spoken(2))
        assert len(stack.upstream.connections(text.tag)) == number
        assert [Run.objects.get(pk=other.run_id).task_id for other in panes[number:]] == [None] * (3 - number)
        stack.upstream.release(text.tag)
        assert check(pane.run, follower).status == Status.COMPLETED


@pytest.mark.one_database
def test_leaving_ends_all_panes_and_begins_none(stack, contenders):  # B42 B44
    alice = stack.person("alice")
    text = prompt(tokens=9, stall_after=4)
    comparison = start(alice, contenders[:3], prompt=text, order="sequential")
    panes = list(comparison.panes.select_related("run"))
    followers = [alice.follow_ws(pane.run).wait_for_seq(1) for pane in panes]
    followers[0].wait_for_text(spoken(4))
    for follower in reversed(followers):  # one socket of a page closes all of them at once
        follower.close()
    assert stack.upstream.wait(text.tag, "closed")["ended"] == "closed by client"
    ends = [check(pane.run) for pane in panes]
    assert [run.reason for run in ends] == ["viewer_left"] * 3
    assert [run.message.content for run in ends] == [spoken(4), "", ""]
    assert len(stack.upstream.connections(text.tag)) == 1


def test_the_same_form_from_two_hands_at_once_is_one_comparison(stack, contenders):  # B22
    alice = stack.person("alice")
    form = form_of(contenders[:2], key="twice", prompt=prompt(tokens=2))
    assert alice.cookies
    with ThreadPoolExecutor(4) as hands:
        replies = list(hands.map(lambda _: alice.page("POST", "/compare", form), range(4)))
    assert {reply.status for reply in replies} == {302}
    assert len({reply.headers["location"] for reply in replies}) == 1
    for run in Run.objects.filter(session__owner=alice.user):
        check(run)
    assert Run.objects.filter(session__owner=alice.user).count() == 2
