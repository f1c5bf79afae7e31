"""Access is rechecked for many viewers at once, and no stream waits for it (B55)."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.contrib.sessions.models import Session as CookieSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapp.accounts.authentication import TokenViewer
from chatapp.accounts.models import Scope, Token
from chatapp.accounts.tokens import make_token
from chatapp.chats.models import Message, Role, Session
from runs.admin.live_tail import StaffViewer
from runs.models import Run
from streams import access
from streams.access import SessionViewer, _granted
from streams.delivery.hub import EncodedEvent
from streams.transports import sse

SECONDS = 20.0


def cookie_of(user) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[project.SESSION_COOKIE_NAME].value


def run_of(user) -> Run:
    session = Session.objects.create(owner=user)
    return Run.objects.create(session=session, message=Message.objects.create(session=session, role=Role.ASSISTANT))


@pytest.fixture
def cast(alice, bob, charlie):
    """Of each user a viewer with a cookie and one with a token, and a run."""
    members = {}
    for user in (alice, bob, charlie):
        token, _ = make_token(user, "a program", Scope.READ, 7)
        members[user] = [SessionViewer(user.pk, cookie_of(user)), TokenViewer(user.pk, token.digest)], run_of(user).pk
    return members


def test_users_may_follow_their_own_streams(cast):
    viewers = [viewer for viewers, _ in cast.values() for viewer in viewers]
    streams = [stream for _, stream in cast.values()]
    own = {(viewer, stream) for viewers, stream in cast.values() for viewer in viewers}
    assert _granted({(viewer, stream) for viewer in viewers for stream in streams}) == own
    assert _granted({(viewer, None) for viewer in viewers}) == {(viewer, None) for viewer in viewers}
    assert _granted({(viewers[0], uuid4())}) == set()


def test_a_credential_must_belong_to_the_user_and_be_valid(cast, alice, bob):
    (cookie, token), stream = cast[alice]
    strangers = [SessionViewer(bob.pk, cookie.credential), SessionViewer(alice.pk, token.credential)]
    strangers += [SessionViewer(alice.pk, "gone"), TokenViewer(alice.pk, "gone"), TokenViewer(bob.pk, "")]
    assert _granted({(viewer, None) for viewer in strangers}) == set()
    Token.objects.filter(user=alice).update(expiry=timezone.now() - timedelta(seconds=1))
    assert _granted({(cookie, stream), (token, stream)}) == {(cookie, stream)}
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert _granted({(cookie, stream), (token, stream), (cookie, None)}) == set()


def test_staff_may_follow_every_run_except_attached_ones(cast, alice, charlie):  # B42
    [(cookie, _), _], (_, stream) = cast[charlie], cast[alice]
    staff, nobody = StaffViewer(charlie.pk, cookie.credential), StaffViewer(alice.pk, cast[alice][0][0].credential)
    assert _granted({(staff, stream), (nobody, stream), (cookie, stream)}) == {(staff, stream)}
    Run.objects.filter(pk=stream).update(viewer_until=timezone.now())
    assert _granted({(staff, stream), (staff, None)}) == {(staff, None)}


def test_a_changed_password_ends_every_session_of_the_old_one(cast, alice, bob, charlie):  # B55
    """A log-out elsewhere ended what was being followed; a changed password did not."""
    (cookie, token), stream = cast[alice]
    staff = StaffViewer(charlie.pk, cast[charlie][0][0].credential)
    for user in (alice, charlie):
        user.set_password("a long and quiet river")
        user.save(update_fields=["password"])
    renewed, others = SessionViewer(alice.pk, cookie_of(alice)), cast[bob][0][0]
    questions = {(viewer, stream) for viewer in (cookie, token, renewed, staff)} | {(others, None)}
    assert _granted(questions) == {(token, stream), (renewed, stream), (others, None)}


def test_a_deleted_or_unknown_session_ends_too(cast, alice, bob, charlie, settings):  # B55
    viewers = [cast[user][0][0] for user in (alice, bob, charlie)]
    CookieSession.objects.filter(session_key=viewers[0].credential).delete()
    CookieSession.objects.filter(session_key=viewers[1].credential).update(expire_date=timezone.now())
    assert _granted({(viewer, None) for viewer in viewers}) == {(viewers[2], None)}
    settings.AUTHENTICATION_BACKENDS = ["somewhere.Else"]
    assert _granted({(viewers[2], None)}) == set()


def test_former_staff_can_no_longer_follow_runs_of_others(cast, alice, charlie):  # B55
    staff, (_, stream) = StaffViewer(charlie.pk, cast[charlie][0][0].credential), cast[alice]
    charlie.is_staff = False
    charlie.save(update_fields=["is_staff"])
    assert _granted({(staff, stream), (staff, None)}) == {(staff, None)}


def test_a_session_stays_valid_while_the_secret_key_is_rotated(cast, alice, settings):
    cookie = cast[alice][0][0]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    assert _granted({(cookie, None)}) == {(cookie, None)}
    assert access._viewer_of(cookie.credential) == cookie
    settings.SECRET_KEY_FALLBACKS = []
    assert _granted({(cookie, None)}) == set()


@pytest.mark.parametrize("key", ["", "gone", "a\0b", "x" * 5000, "0" * 32])
def test_a_forged_cookie_is_no_log_in(key, db):
    assert access._viewer_of(key) is None


def test_a_cookie_is_valid_while_its_user_is_active(alice):
    key = cookie_of(alice)
    assert access._viewer_of(key) == SessionViewer(alice.pk, key)
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert access._viewer_of(key) is None


def test_the_number_of_queries_does_not_depend_on_the_number_of_checks(cast, alice):
    def queries(viewers: list, count: int) -> int:
        questions = {(viewer, stream) for viewer in viewers for stream in [run_of(alice).pk for _ in range(count)]}
        with CaptureQueriesContext(
            connection,
        ) as counted:
            assert _granted(questions) == questions
        return len(counted)

    for viewer in cast[alice][0]:
        assert queries([viewer], 1) == queries([viewer], 30) == 3  # users, credentials, runs


class PendingViewer:
    """A viewer whose recheck takes long."""

    user_id = 0

    def __init__(self) -> None:
        self.answer: asyncio.Future[set] = asyncio.get_running_loop().create_future()
        self.is_rechecking = asyncio.Event()

    async def recheck(self, streams) -> set:
        self.is_rechecking.set()
        return await self.answer


@pytest.fixture
def serve(settings, monkeypatch):
    """`serve(viewer, events)`: a response that follows what is put into `events`; what was sent, and the task."""
    settings.STREAMS_HEARTBEAT_SECONDS = 0.01

    def serve(viewer, events: asyncio.Queue) -> tuple[asyncio.Queue, asyncio.Task]:
        async def follow(stream, after, idle, shortcut, may_return):
            while True:
                try:
                    yield [await asyncio.wait_for(events.get(), idle)]
                except TimeoutError:
                    yield []

        async def never() -> dict:
            return await asyncio.get_running_loop().create_future()

        monkeypatch.setattr(sse, "follow", follow)
        sent: asyncio.Queue[dict] = asyncio.Queue()
        return sent, asyncio.create_task(sse.EventBody(viewer, uuid4(), 0).serve(never, sent.put))

    return serve


@pytest.mark.parametrize("answer", ["yes", "no", "nobody can say"])
def test_events_are_sent_during_a_recheck(serve, answer):
    async def main() -> None:
        viewer, events = PendingViewer(), asyncio.Queue()
        sent, serving = serve(viewer, events)
        await viewer.is_rechecking.wait()
        for seq in (1, 2):  # the second one: it did so before and after a heartbeat
            await events.put(EncodedEvent(seq, False, b"{}"))
            while b"id: %d" % seq not in (await sent.get())["body"]:
                pass
        if answer == "yes":
            viewer.is_rechecking.clear()
            viewer.answer.set_result({1})
            await viewer.is_rechecking.wait()  # and rechecked with the next heartbeat
            await events.put(EncodedEvent(3, False, b"{}"))
            while b"id: 3" not in (await sent.get())["body"]:
                pass
            serving.cancel()
            await asyncio.wait([serving])
            return
        viewer.answer.set_result(set()) if answer == "no" else viewer.answer.set_exception(OSError("no database"))
        await serving
        last = [sent.get_nowait() for _ in range(sent.qsize())][-1]
        assert (last["body"], last.get("more_body", False)) == (
            b"",
            False,
        )  # so the client comes back

    asyncio.run(asyncio.wait_for(main(), SECONDS))


def test_rechecks_at_about_the_same_time_share_one_query(monkeypatch, settings):
    settings.STREAMS_HEARTBEAT_SECONDS, batches = 1.0, []

    def answered(questions: set) -> set:
        batches.append(questions)
        return questions if len(batches) == 1 else set()

    async def main() -> None:
        streams = [uuid4() for _ in range(5)]
        viewers = [SessionViewer(number, "key") for number in range(5)]
        ask = [viewer.recheck([stream]) for viewer, stream in zip(viewers, streams, strict=True)]
        assert await asyncio.gather(*ask) == [{stream} for stream in streams]
        assert [len(questions) for questions in batches] == [10]
        assert await viewers[0].recheck(streams) is None
        batches.clear()

    monkeypatch.setattr(access, "_granted", answered)
    asyncio.run(asyncio.wait_for(main(), SECONDS))
