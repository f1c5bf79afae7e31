"""Send due deliveries, retry failed ones, and disable endpoints that keep failing.

Each endpoint has at most one sender per process, a thread of its own: a slow or stalled endpoint delays neither others
nor upkeep, whose task starts the senders. A delivery is claimed by a conditional UPDATE that moves its next attempt
beyond the time this one can take: if the sender dies, it becomes due again. So a receiver gets each message at least
once, always with the same id.
"""

import logging
import threading
import time
from datetime import timedelta
from random import shuffle, uniform
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.db.models import F, Q
from django.utils import timezone

from chatapp.webhooks.client import Answer, Unsendable, post
from chatapp.webhooks.models import Delivery, DisabledReason, Endpoint, State
from chatapp.webhooks.signing import signed_headers
from runs import clock

logger = logging.getLogger(__name__)

MAX_SENDERS = 32  # per process; each is a thread and a socket
CLAIM_FACTOR = 3  # a claim lasts this many times the limit of an attempt
RETRY_FACTOR = 6  # each pause is this many times the previous one,
LONGEST_SECONDS = 12 * 3600.0  # but at most this, whatever a receiver's Retry-After
JITTER = 0.2  # fraction of the pause, so that deliveries that failed together are not retried together
GONE = 410

_sending: set[UUID] = set()  # endpoints that have a sender in this process
_lock = threading.Lock()


def send_due() -> int:
    """Start senders for due deliveries, without waiting for them. Returns the number of started senders."""
    due = list(_due().values_list("endpoint", flat=True).distinct())
    shuffle(due)
    return sum(_begin(endpoint_id) for endpoint_id in due)


def _due():
    pending = Delivery.objects.filter(state=State.PENDING, next_attempt_at__lte=clock.now())
    return pending.filter(endpoint__is_enabled=True, endpoint__owner__is_active=True)


def _begin(endpoint_id: UUID) -> bool:
    with _lock:
        if endpoint_id in _sending or len(_sending) >= MAX_SENDERS:
            return False
        _sending.add(endpoint_id)
    threading.Thread(target=_send_all, args=[endpoint_id], name=f"webhook-{endpoint_id}", daemon=True).start()
    return True


def _send_all(endpoint_id: UUID) -> None:
    """Send one delivery after another until one fails; then the slot is free for another endpoint."""
    try:
        while (delivery := claim(endpoint_id)) and attempt(delivery):
            pass
    except Exception:
        logger.exception("sender of endpoint %s failed", endpoint_id)
    finally:
        close_old_connections()
        with _lock:
            _sending.discard(endpoint_id)


def claim(endpoint_id: UUID) -> Delivery | None:
    """Claim the delivery that has been due longest. None: nothing is due."""
    while delivery := _due().filter(endpoint=endpoint_id).order_by("next_attempt_at").first():
        ahead = clock.now() + timedelta(seconds=settings.WEBHOOK_SECONDS * CLAIM_FACTOR)
        unclaimed = Delivery.objects.filter(pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts)
        if unclaimed.update(attempts=F("attempts") + 1, next_attempt_at=ahead):
            delivery.attempts += 1
            return delivery
    return None


def attempt(delivery: Delivery) -> bool:
    """Send a claimed delivery once. Returns whether the receiver accepted it."""
    endpoint, body = delivery.endpoint, delivery.payload.encode()
    headers = signed_headers(endpoint.secret, delivery.message_id, int(time.time()), body)
    headers |= {"Content-Type": "application/json", "User-Agent": f"chatapp/{settings.VERSION}"}
    close_old_connections()  # hold none while waiting for the receiver
    try:
        answer = post(endpoint.url, body, headers)
    except Unsendable as error:
        return _failed(delivery, str(error))
    except Exception:  # otherwise it would be retried forever
        logger.exception("delivery %s could not be sent", delivery.pk)
        return _failed(delivery, "Something went wrong on our side.")
    if 200 <= answer.status < 300:
        return _delivered(delivery, answer)
    return _failed(delivery, f"The receiver responded with {answer.status}.", answer)


def _mine(delivery: Delivery):
    """The row, unless the claim has expired and another process has claimed it since."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts)


def _delivered(delivery: Delivery, answer: Answer) -> bool:
    fields = {"state": State.DELIVERED, "next_attempt_at": None, "ended_at": timezone.now(), "error": ""}
    _mine(delivery).update(response_status=answer.status, response_text=answer.text[:1000], **fields)
    Endpoint.objects.filter(pk=delivery.endpoint_id).exclude(failures=0).update(failures=0)
    return True


def _failed(delivery: Delivery, error: str, answer: Answer | None = None) -> bool:
    """Schedule the next attempt, or give up after the last one or when the receiver is gone."""
    fields = {"error": error[:300]}
    if answer is not None:
        fields |= {"response_status": answer.status, "response_text": answer.text[:1000]}
    is_gone = answer is not None and answer.status == GONE
    if is_gone or delivery.attempts >= settings.WEBHOOK_ATTEMPTS:
        ended = {"state": State.GIVEN_UP, "next_attempt_at": None, "ended_at": timezone.now()}
        if _mine(delivery).update(**ended, **fields):
            _count_failure(delivery.endpoint_id, is_gone)
    else:
        pause = pause_after(delivery.attempts, answer.retry_after if answer else "")
        _mine(delivery).update(next_attempt_at=clock.now() + timedelta(seconds=pause), **fields)
    return False


def pause_after(attempts: int, retry_after: str = "") -> float:
    """Seconds until the next attempt, after this many; longer if the receiver's Retry-After says so."""
    pause = min(settings.WEBHOOK_RETRY_SECONDS * RETRY_FACTOR ** (attempts - 1), LONGEST_SECONDS)
    requested = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
    return max(pause * uniform(1 - JITTER, 1 + JITTER), min(requested, LONGEST_SECONDS))


def _count_failure(endpoint_id: UUID, is_gone: bool) -> None:
    endpoints = Endpoint.objects.filter(pk=endpoint_id, is_enabled=True)
    endpoints.update(failures=F("failures") + 1)
    too_many = Q(failures__gte=settings.WEBHOOK_MAX_FAILURES)
    if is_gone:
        endpoints.update(is_enabled=False, disabled_why=DisabledReason.GONE)
    elif endpoints.filter(too_many).update(is_enabled=False, disabled_why=DisabledReason.FAILURES):
        logger.warning("webhook endpoint %s is disabled: too many deliveries failed", endpoint_id)
