"""Send what is due, and what becomes of it.

Each endpoint has at most one sender in a process, a thread of its own: one that is slow or stalls delays no other,
neither the others nor upkeep, in whose task the senders begin. A delivery is claimed by a conditional UPDATE that puts
its next attempt ahead, beyond the time that this one can take: if the sender dies, it becomes due again by itself. So
a receiver gets each message at least once, always with the same id.
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
from chatapp.webhooks.models import Delivery, Endpoint, State, Why
from chatapp.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

MOST_SENDERS = 32  # of one process: each is a thread, and a socket
CLAIM_FACTOR = 3  # a claim lasts so many times what an attempt may take
RETRY_FACTOR = 6  # each pause is so many times the one before,
LONGEST_SECONDS = 12 * 3600.0  # but no longer than this, whatever a receiver asks for
JITTER = 0.2  # a part of the pause, so that what failed together does not come back together
GONE = 410

_sending: set[UUID] = set()  # endpoints that have a sender in this process
_lock = threading.Lock()


def send_due() -> int:
    """Begin to send what is due, and do not wait for it. Returns the number of senders that have begun."""
    due = list(_due().values_list("endpoint", flat=True).distinct())
    shuffle(due)
    return sum(_begin(endpoint_id) for endpoint_id in due)


def _due():
    pending = Delivery.objects.filter(state=State.PENDING, next_attempt_at__lte=timezone.now())
    return pending.filter(endpoint__is_enabled=True, endpoint__owner__is_active=True)


def _begin(endpoint_id: UUID) -> bool:
    with _lock:
        if endpoint_id in _sending or len(_sending) >= MOST_SENDERS:
            return False
        _sending.add(endpoint_id)
    threading.Thread(target=_send_all, args=[endpoint_id], name=f"webhook-{endpoint_id}", daemon=True).start()
    return True


def _send_all(endpoint_id: UUID) -> None:
    """One after the other, as long as they arrive. After one that did not, others may have this sender's place."""
    try:
        while (delivery := claim(endpoint_id)) and attempt(delivery):
            pass
    except Exception:
        logger.exception("deliveries to %s could not be looked after", endpoint_id)
    finally:
        close_old_connections()
        with _lock:
            _sending.discard(endpoint_id)


def claim(endpoint_id: UUID) -> Delivery | None:
    """The delivery that has been due for longest, now this process's for a while; None: there is none."""
    while delivery := _due().filter(endpoint=endpoint_id).order_by("next_attempt_at").first():
        ahead = timezone.now() + timedelta(seconds=settings.WEBHOOK_SECONDS * CLAIM_FACTOR)
        unclaimed = Delivery.objects.filter(pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts)
        if unclaimed.update(attempts=F("attempts") + 1, next_attempt_at=ahead):
            delivery.attempts += 1
            return delivery
    return None


def attempt(delivery: Delivery) -> bool:
    """Send a delivery that was claimed, once. Returns whether the receiver has taken it."""
    endpoint, body = delivery.endpoint, delivery.payload.encode()
    headers = signed_headers(endpoint.secret, delivery.message_id, int(time.time()), body)
    headers |= {"Content-Type": "application/json", "User-Agent": f"chatapp/{settings.VERSION}"}
    close_old_connections()  # so that none is held while a receiver is waited for
    try:
        answer = post(endpoint.url, body, headers)
    except Unsendable as error:
        return _failed(delivery, str(error))
    except Exception:  # else it would be tried for ever
        logger.exception("delivery %s could not be sent", delivery.pk)
        return _failed(delivery, "Something went wrong on our side.")
    if 200 <= answer.status < 300:
        return _delivered(delivery, answer)
    return _failed(delivery, f"The receiver answered {answer.status}.", answer)


def _mine(delivery: Delivery):
    """The row, unless the claim has run out and another process has tried since."""
    return Delivery.objects.filter(pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts)


def _delivered(delivery: Delivery, answer: Answer) -> bool:
    fields = {"state": State.DELIVERED, "next_attempt_at": None, "ended_at": timezone.now(), "error": ""}
    _mine(delivery).update(response_status=answer.status, response_text=answer.text[:1000], **fields)
    Endpoint.objects.filter(pk=delivery.endpoint_id).exclude(failures=0).update(failures=0)
    return True


def _failed(delivery: Delivery, error: str, answer: Answer | None = None) -> bool:
    """Another attempt later; after the last one, or where the receiver is gone, none."""
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
        _mine(delivery).update(next_attempt_at=timezone.now() + timedelta(seconds=pause), **fields)
    return False


def pause_after(attempts: int, retry_after: str = "") -> float:
    """Seconds until the next attempt, after so many; as long as the receiver asks for, if that is longer."""
    pause = min(settings.WEBHOOK_RETRY_SECONDS * RETRY_FACTOR ** (attempts - 1), LONGEST_SECONDS)
    asked = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
    return max(pause * uniform(1 - JITTER, 1 + JITTER), min(asked, LONGEST_SECONDS))


def _count_failure(endpoint_id: UUID, is_gone: bool) -> None:
    endpoints = Endpoint.objects.filter(pk=endpoint_id, is_enabled=True)
    endpoints.update(failures=F("failures") + 1)
    too_many = Q(failures__gte=settings.WEBHOOK_MAX_FAILURES)
    if is_gone:
        endpoints.update(is_enabled=False, disabled_why=Why.GONE)
    elif endpoints.filter(too_many).update(is_enabled=False, disabled_why=Why.FAILURES):
        logger.warning("webhook endpoint %s is switched off: too many deliveries failed", endpoint_id)
