"""A log-in that is over follows nothing, however it ended (B55)."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from streams.access import SessionViewer, _granted


def test_a_session_that_has_expired_follows_nothing(alice, client):  # B55
    client.force_login(alice)
    viewer = SessionViewer(alice.pk, client.session.session_key)
    assert _granted({(viewer, None)}) == {(viewer, None)}
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert _granted({(viewer, None)}) == set()
