"""How many are ahead of an answer that waits, as those hear who wait for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatapp.chats.models import Session
from runs import session_feed
from runs.models import Run
from runs.queries import queue_position


@pytest.fixture
def told(monkeypatch):
    """What owners were told: {owner's id: {run's id: how many are ahead}}."""
    said = {}
    monkeypatch.setattr(queue_position, "positions_changed", lambda owner, ahead: said.update({owner: ahead}))
    return said


def test_each_owner_hears_of_their_own_only_counted_among_all(send, alice, bob, told):  # B55
    began = timezone.now()
    runs = [send(to=Session.objects.create(owner=owner)) for owner in (bob, alice, bob, alice)]
    for second, run in enumerate(runs):
        Run.objects.filter(pk=run.pk).update(dispatched_at=began + timedelta(seconds=second))
    assert queue_position.announce_positions() == 4
    first, second, third, fourth = (str(run.pk) for run in runs)
    assert told == {bob.pk: {first: 0, third: 2}, alice.pk: {second: 1, fourth: 3}}
    for run, ahead in zip(runs, range(4), strict=True):
        run.refresh_from_db()
        assert queue_position.ahead_of(run) == ahead


def test_what_waits_behind_another_answer_of_its_session_waits_for_no_worker(send, alice, told):
    first = send()
    send()
    assert queue_position.announce_positions() == 1
    assert told == {alice.pk: {str(first.pk): 0}}


def test_it_is_told_on_the_stream_of_the_owner(alice, monkeypatch):
    announced = []
    monkeypatch.setattr(session_feed, "announce", announced.extend)
    session_feed.positions_changed(alice.pk, {"a": 1})
    [event] = announced
    assert (event.stream, event.seq, event.kind) == (session_feed.stream_of(alice.pk), 0, "places.changed")
    assert event.data == b'{"ahead":{"a":1}}'
