"""Locks a name for the network of a client after too many wrong passwords (django-axes)."""

import logging
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from newsletter import clock
from newsletter.client_network import UNKNOWN, client_address, network_of

LONGEST_NAME: int = AccessAttempt._meta.get_field("username").max_length or 255
log = logging.getLogger(__name__)


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
    log.warning("Login locked after %s wrong passwords", settings.AXES_FAILURE_LIMIT)
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = admin.site.each_context(request) | {"title": "Too many wrong passwords", "minutes": minutes}
    answer = render(request, "admin/accounts/locked.html", context, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer


def unlock(name: str) -> None:
    """Let an account log in again, from any network."""
    AccessAttempt.objects.filter(username=name).delete()


def delete_expired() -> None:
    AccessAttempt.objects.filter(attempt_time__lt=clock.now() - settings.AXES_COOLOFF_TIME).delete()
