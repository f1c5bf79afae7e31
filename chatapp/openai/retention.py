"""Delete API requests after their retention."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.openai.models import Exchange
from runs.actions import delete_session
from runs.states import FINAL

UNSTORED_DAYS = 1  # days after its end; until then staff can investigate failures
BATCH_EXCHANGES = 200  # deleted per call: other upkeep needs the slot, too


def delete_due() -> int:
    """Delete a batch of requests UNSTORED_DAYS (if stored, RESPONSES_DAYS) after their end. Returns their number.

    Those in chats leave their messages behind, which are the chat's.
    """
    due = _ended(UNSTORED_DAYS, is_stored=False)
    if settings.RESPONSES_DAYS > 0:
        due |= _ended(settings.RESPONSES_DAYS, is_stored=True)
    in_chats = due.filter(run__session__is_listed=True).values("pk")[:BATCH_EXCHANGES]
    forgotten = Exchange.objects.filter(pk__in=list(in_chats.values_list("pk", flat=True))).delete()[0]
    due = due.filter(run__session__is_listed=False)
    sessions = list(Session.objects.filter(runs__in=due.values("run")[:BATCH_EXCHANGES]).select_related("owner"))
    for session in sessions:
        delete_session(session, by=session.owner)
    return len(sessions) + forgotten


def _ended(days: float, *, is_stored: bool):
    before = timezone.now() - timedelta(days=days)
    return Exchange.objects.filter(run__status__in=FINAL, run__finished_at__lt=before, is_stored=is_stored)
