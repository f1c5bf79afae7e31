"""What programs have asked for is not kept for ever."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.openai.models import Exchange
from runs.actions import delete_session
from runs.states import FINAL

UNSTORED_DAYS = 1  # after its end, for staff to look into what went wrong
TURN_EXCHANGES = 200  # deleted by one call: other upkeep wants the slot, too


def forget_due() -> int:
    """Delete what ended UNSTORED_DAYS, or RESPONSES_DAYS, ago; what is left at the next call. Returns how many."""
    due = _ended(UNSTORED_DAYS, is_stored=False)
    if settings.RESPONSES_DAYS > 0:
        due |= _ended(settings.RESPONSES_DAYS, is_stored=True)
    sessions = list(Session.objects.filter(runs__in=due.values("run")[:TURN_EXCHANGES]).select_related("owner"))
    for session in sessions:
        delete_session(session, by=session.owner)
    return len(sessions)


def _ended(days: float, *, is_stored: bool):
    before = timezone.now() - timedelta(days=days)
    return Exchange.objects.filter(run__status__in=FINAL, run__finished_at__lt=before, is_stored=is_stored)
