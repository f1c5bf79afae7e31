"""Throttles: requests per minute of a user or an address, counted across all processes.

`limits` counts in Valkey, atomically. While Valkey is down nothing is throttled: refusing every request would be worse
than a missing limit.
"""

import logging
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from unicodedata import normalize

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)

# Keys of settings.THROTTLES.
READS, WRITES, RUNS, FOLLOWS, SIGN_INS = "reads", "writes", "runs", "follows", "sign_ins"
PROGRAMS = "programs"
EXPORTS, ANONYMOUS = "exports", "anonymous"

ANSWER_SECONDS = 0.5  # s a request waits for Valkey
AWAY_SECONDS = 5.0  # s without another attempt after Valkey did not respond
ADDRESS_FACTOR = 10  # users behind one address who log in at the same time

_retry_at = 0.0  # time.monotonic() of the next attempt to reach Valkey, per process


def check(scope: str, *who: object) -> None:
    """Count one request of `scope` for `who`. Raises Throttled, with the seconds to wait."""
    wait = seconds_to_wait(scope, *who)
    if wait is not None:
        raise Throttled(wait)


def seconds_to_wait(scope: str, *who: object, factor: int = 1) -> float | None:
    """Count a request. None: it is within the limit. Otherwise it was not counted."""
    global _retry_at
    limit = settings.THROTTLES[scope] * factor
    if limit <= 0 or time.monotonic() < _retry_at:
        return None
    try:
        return _count(RateLimitItemPerMinute(limit, namespace="throttle"), scope, *map(str, who))
    except StorageError as error:
        _retry_at = time.monotonic() + AWAY_SECONDS
        logger.warning("nothing is throttled, Valkey does not respond: %r", error.storage_error)
        return None


def _count(item: RateLimitItemPerMinute, *who: str) -> float | None:
    limiter = _limiter(settings.REDIS_URL, settings.CHANNEL_PREFIX)
    if limiter.hit(item, *who):
        return None
    return max(1.0, limiter.get_window_stats(item, *who).reset_time - time.time())


@lru_cache(4)
def _limiter(url: str, prefix: str) -> MovingWindowRateLimiter:
    storage = RedisStorage(
        url,
        key_prefix=prefix,
        wrap_exceptions=True,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # redis-py's default retries for seconds
    )
    return MovingWindowRateLimiter(storage)


def scope_of(method: str) -> str:
    return READS if method in SAFE_METHODS else WRITES


class ScopeThrottle(BaseThrottle):
    """DRF throttle by user: READS or WRITES, or what `throttle_scopes = {"POST": RUNS}` on the view says."""

    def allow_request(self, request, view) -> bool:
        self._wait = None
        if request.user and request.user.is_authenticated:
            scopes = getattr(view, "throttle_scopes", {})
            self._wait = seconds_to_wait(scopes.get(request.method) or scope_of(request.method), request.user.pk)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


class AddressThrottle(BaseThrottle):
    """DRF throttle for public views, by address."""

    def allow_request(self, request, view) -> bool:
        self._wait = seconds_to_wait(ANONYMOUS, address_of(request))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


Wait = Callable[[HttpRequest], float | None]  # counts a request; returns the seconds to wait if it exceeds the limit
View = Callable[..., HttpResponseBase]


def throttled_sign_in(view: View) -> View:
    """Throttle a log-in form by name and address; an address may try ADDRESS_FACTOR times as often for all names."""
    return _throttled(view, _wait_to_sign_in)


def throttled_password(view: View, form: str = "") -> View:
    """Throttle a view that requires the current password, per user.

    Keeps a stranger at an unlocked browser from guessing the password. `form` is the URL name of the page with the
    form, if it is not the view itself.
    """
    return _throttled(view, _wait_to_prove, form)


def throttled_link(view: View) -> View:
    """Throttle the pages of one-time links by address, which many invited users may share."""
    return _throttled(view, _wait_with_link)


def throttled_address(view: View) -> View:
    """Throttle a public page by address."""
    return _throttled(view, lambda request: seconds_to_wait(ANONYMOUS, address_of(request)), method="GET")


def throttled_export(view: View) -> View:
    """Throttle exports by user."""
    return _throttled(view, lambda request: seconds_to_wait(EXPORTS, request.user.pk), method="GET")


def _throttled(view: View, wait_for: Wait, form: str = "", method: str = "POST") -> View:
    @wraps(view)
    def inner(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        if request.method == method and (wait := wait_for(request)) is not None:
            context = {"seconds": ceil(wait), "back": reverse(form) if form else request.get_full_path()}
            response = render(request, "429.html", context, status=429)
            response["Retry-After"] = str(ceil(wait))
            return response
        return view(request, *args, **kwargs)

    return inner


def _wait_with_link(request: HttpRequest) -> float | None:
    return seconds_to_wait(SIGN_INS, "link", address_of(request), factor=ADDRESS_FACTOR)


def _wait_to_prove(request: HttpRequest) -> float | None:
    return seconds_to_wait(SIGN_INS, "password", request.user.pk) if request.user.is_authenticated else None


def _wait_to_sign_in(request: HttpRequest) -> float | None:
    name = normalize("NFKC", request.POST.get("username", "")).strip().lower()[:150]  # normalized as in the form
    address = address_of(request)
    wait = seconds_to_wait(SIGN_INS, address, name)
    return wait if wait is not None else seconds_to_wait(SIGN_INS, address, factor=ADDRESS_FACTOR)


def address_of(request: HttpRequest) -> str:
    """The client's address; behind a trusted proxy (`HTTPS`) the last one in X-Forwarded-For.

    For IPv6 the /64 network, since a subscriber has 2⁶⁴ addresses. A port, which some proxies add, is dropped.
    """
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.HTTPS else ""
    address = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        ip = ip_address(_without_port(address))
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False)
    return str(ip)


def _without_port(address: str) -> str:
    """Strip the port of `1.2.3.4:567` or `[2001:db8::1]:567`. A bare IPv6 address has more than one colon."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
