"""Lets users without a verified second factor see nothing but the pages that ask for it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from newsletter.accounts import second_factor

OPEN_VIEWS = {"admin:login", "admin:logout", "admin:jsi18n", "second_factor", "second_factor_set_up"}


class SecondFactorGate:
    """Redirects unverified users inside the admin, and treats them as anonymous elsewhere.

    Place it below OTPMiddleware, which reads from the session whether the user is verified.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        # Without a session cookie nobody is logged in. Reading the session would add `Vary: Cookie`.
        if match is None or settings.SESSION_COOKIE_NAME not in request.COOKIES or match.view_name in OPEN_VIEWS:
            return None
        page = next_page(request)
        if page is None:
            return None
        if request.path.startswith(reverse("admin:index")):
            return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")
        request.user = AnonymousUser()
        return None


def next_page(request: HttpRequest) -> str | None:
    """Return the URL name of the page that a logged-in user has to pass first, or None."""
    user: Any = request.user
    if not user.is_authenticated or user.is_verified():
        return None
    if second_factor.is_set_up(user):
        return "second_factor"
    return "second_factor_set_up" if settings.TWO_FACTOR else None
