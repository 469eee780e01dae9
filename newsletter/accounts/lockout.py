"""Limits wrong passwords of a name from one network, of a network for all names, and of a name from all networks.

django-axes counts them. The first two lock for a while; the last lets one attempt through every SLOW_SECONDS, and does
not hold for networks from which the name has logged in, so that nobody can lock an owner out.

django-axes dates its rows by the real time, so the limits compare them with the real time of the attempt.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from newsletter import advisory_locks, clock
from newsletter.advisory_locks import Lock
from newsletter.client_network import UNKNOWN, client_address, network_of

LONGEST_NAME: int = AccessAttempt._meta.get_field("username").max_length or 255
SLOW_SECONDS = 30
KNOWN_FOR = timedelta(days=90)  # how long a network is known as a name's own
log = logging.getLogger(__name__)


class LoginLimits(AxesDatabaseHandler):  # type: ignore[misc]
    """The limit of django-axes, which is that of a name from one network, and two more."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        request.login_limit = (
            ("network" if is_network_locked(request) else "")
            or ("here" if super().is_locked(request, credentials) else "")
            or ("everywhere" if is_slowed_down(request, typed_name(request, credentials)) else "")
        )
        return bool(request.login_limit)


def recent_attempts(now: datetime) -> QuerySet[Any]:
    attempts: QuerySet[Any] = AccessAttempt.objects.filter(attempt_time__gte=now - settings.AXES_COOLOFF_TIME)
    return attempts


def is_network_locked(request: Any) -> bool:
    attempts = recent_attempts(request.axes_attempt_time).filter(ip_address=request.axes_ip_address)
    return bool(request.axes_ip_address) and failures(attempts)[0] >= settings.LOGIN_FAILURES_PER_NETWORK


def is_slowed_down(request: Any, name: str | None) -> bool:
    """Return whether this attempt comes too soon after the last one for its name; else count it as the last one.

    The lock lets one of several attempts at once through: each sees those that came before it.
    """
    now, network = request.axes_attempt_time, request.axes_ip_address
    attempts = recent_attempts(now).filter(username=name)
    if failures(attempts)[0] < settings.LOGIN_FAILURES_PER_NAME or has_logged_in_from(name, network, now):
        return False
    with transaction.atomic():
        advisory_locks.wait_in_transaction(Lock.LOGIN, name)
        _, last = failures(attempts)
        if last and now - last < timedelta(seconds=SLOW_SECONDS):
            return True
        # django-axes adds 1 to this row if the password is wrong, and deletes it if the password is right.
        AccessAttempt.objects.update_or_create(
            username=name,
            ip_address=network,
            user_agent=request.axes_user_agent,
            defaults={"attempt_time": now},
            create_defaults={"failures_since_start": 0},
        )
    return False


def failures(attempts: QuerySet[Any]) -> tuple[int, Any]:
    """Return how many attempts failed, and when the last did."""
    found = attempts.aggregate(count=Sum("failures_since_start", default=0), last=Max("attempt_time"))
    return found["count"], found["last"]


def has_logged_in_from(name: str | None, network: str | None, now: datetime) -> bool:
    logins = AccessLog.objects.filter(username=name, ip_address=network, attempt_time__gte=now - KNOWN_FOR)
    return network is not None and bool(logins.exists())


def network_address(request: HttpRequest) -> str | None:
    """Return the first address of the client's network; the client's own address is never stored."""
    network = network_of(client_address(request))
    return None if network == UNKNOWN else network.partition("/")[0]


def typed_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return the name of a login as it is counted: cut to what the table of attempts can store."""
    name = (credentials or request.POST).get("username")
    return name[:LONGEST_NAME] if name else name


def lockout_page(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer 429 and say how long to wait."""
    limit = getattr(request, "login_limit", "") or "here"
    log.warning("Login refused after too many wrong passwords (%s)", limit)
    seconds = SLOW_SECONDS if limit == "everywhere" else int(settings.AXES_COOLOFF_TIME.total_seconds())
    shown = {"title": "Too many wrong passwords", "limit": limit, "seconds": seconds, "minutes": seconds // 60}
    answer = render(request, "admin/accounts/locked.html", admin.site.each_context(request) | shown, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def unlock(name: str) -> None:
    """Let an account log in again, from any network."""
    AccessAttempt.objects.filter(username=name).delete()


def delete_expired() -> None:
    now = clock.now()
    AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
    AccessLog.objects.filter(attempt_time__lt=now - KNOWN_FOR).delete()
