"""Ends logins that nobody uses, and every login after a while."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from newsletter import clock

# Where the session keeps the second of the login's first request and of the last act.
BEGUN_AT, SEEN_AT = "begun_at", "seen_at"
STEP_SECONDS = 60  # between two notes of an act, so that not every page writes the session


class IdleLogout:
    """Logs out accounts that did nothing for SESSION_IDLE, or logged in SESSION_COOKIE_AGE ago.

    Pages that refresh parts of themselves (a GET by htmx) do nothing in this sense. Where they are no longer let in,
    they are told to load again as a whole: htmx would follow a redirect and show the login inside the page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without a session cookie nobody is logged in. Reading the session would add `Vary: Cookie`.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            end_or_note(request)
        response = self.get_response(request)
        return HttpResponseClientRefresh() if is_htmx(request) and leads_to_login(response) else response


def end_or_note(request: HttpRequest) -> None:
    """Log the account out if its time is over, else note that it is being used."""
    session: Any = request.session
    now = clock.now().timestamp()
    begun_at, seen_at = session.get(BEGUN_AT, now), session.get(SEEN_AT, now)
    if now - seen_at >= settings.SESSION_IDLE.total_seconds() or now - begun_at >= settings.SESSION_COOKIE_AGE:
        logout(request)
    elif BEGUN_AT not in session:
        session[BEGUN_AT] = session[SEEN_AT] = now
    elif now - seen_at >= STEP_SECONDS and not is_refresh(request):
        session[SEEN_AT] = now


def is_refresh(request: HttpRequest) -> bool:
    return request.method == "GET" and is_htmx(request)


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def leads_to_login(response: HttpResponse) -> bool:
    """Return whether a response redirects to the page for the password or one for the second factor."""
    doors = {reverse(name) for name in ("admin:login", "second_factor", "second_factor_set_up")}
    return response.status_code == 302 and urlsplit(response["Location"]).path in doors
