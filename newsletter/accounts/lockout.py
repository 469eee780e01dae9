"""Limits wrong passwords of a name from one network, of a network for all names, and of a name from all networks.

django-axes counts them. The first two lock for a while; the last lets one attempt through every SLOW_SECONDS, and does
not hold for networks from which the name has logged in, so that nobody can lock an owner out.
"""

import logging
from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from newsletter import clock
from newsletter.client_network import UNKNOWN, client_address, network_of

LONGEST_NAME: int = AccessAttempt._meta.get_field("username").max_length or 255
SLOW_SECONDS = 30
KNOWN_FOR = timedelta(days=90)  # how long a network is known as a name's own
log = logging.getLogger(__name__)


class LoginLimits(AxesDatabaseHandler):  # type: ignore[misc]
    """The limit of django-axes, which is that of a name from one network, and two more."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        request.login_limit = reached_limit(request, credentials) or (
            "here" if super().is_locked(request, credentials) else ""
        )
        return bool(request.login_limit)


def reached_limit(request: Any, credentials: dict[str, Any] | None) -> str:
    """Return which limit this login has reached: of its "network", or of its name "everywhere"; else an empty text."""
    name, network, now = typed_name(request, credentials), request.axes_ip_address, request.axes_attempt_time
    recent = AccessAttempt.objects.filter(attempt_time__gte=now - settings.AXES_COOLOFF_TIME)
    if network and failures(recent.filter(ip_address=network))[0] >= settings.LOGIN_FAILURES_PER_NETWORK:
        return "network"
    count, last = failures(recent.filter(username=name))
    if count < settings.LOGIN_FAILURES_PER_NAME or now - last >= timedelta(seconds=SLOW_SECONDS):
        return ""
    return "" if has_logged_in_from(name, network) else "everywhere"


def failures(attempts: QuerySet[Any]) -> tuple[int, Any]:
    """Return how many attempts failed, and when the last did."""
    found = attempts.aggregate(count=Sum("failures_since_start", default=0), last=Max("attempt_time"))
    return found["count"], found["last"]


def has_logged_in_from(name: str | None, network: str | None) -> bool:
    logins = AccessLog.objects.filter(username=name, ip_address=network, attempt_time__gte=clock.now() - KNOWN_FOR)
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
