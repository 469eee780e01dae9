"""Keeps who has not shown a second factor out of everything but the pages that ask for it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from newsletter.accounts import second_factor

OPEN = {"admin:login", "admin:logout", "admin:jsi18n", "second_factor", "second_factor_set_up"}


class SecondFactorGate:
    """Middleware, below the one that knows which factor a session has shown."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        # Without the cookie there is no session to look into, and the answer is everybody's.
        if match is None or settings.SESSION_COOKIE_NAME not in request.COOKIES or match.view_name in OPEN:
            return None
        page = page_awaited(request)
        if page is None:
            return None
        if "admin" in match.namespaces:
            return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")
        request.user = AnonymousUser()
        return None


def page_awaited(request: HttpRequest) -> str | None:
    """Name the page that somebody who is logged in has to pass first; None where there is none."""
    user: Any = request.user
    if not user.is_authenticated or user.is_verified():
        return None
    if second_factor.is_set_up(user):
        return "second_factor"
    return "second_factor_set_up" if settings.TWO_FACTOR else None
