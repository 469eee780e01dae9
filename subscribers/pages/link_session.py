"""Pages that are reached by a link: its token goes from the address into a cookie, and the page's forms prove it.

The address bar and what the page leads to then hold no token. A form of such a page carries a mark of its token, which
nobody can make who has not seen the page: that keeps other sites out, and tells two readers' pages in one browser
apart. Django's own check would refuse these forms, since what comes from a page without referrer has no origin.

A browser that keeps no cookies comes back to the link's own address, which then shows the page. Its forms carry the
token themselves, so that all of it works, and the address is clean again after the first button.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, Protocol, cast

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

LIFETIME = timedelta(hours=1)
SALT = "paper-round.door"
MARK_SALT = "paper-round.mark"
SENT = "sent"  # in the address of a link whose cookie was sent along already
LINK = "link"  # what carries the token in a form, where no cookie does

More = ParamSpec("More")
PageOfToken = Callable[[HttpRequest, str], HttpResponse]
Refusal = Callable[[HttpRequest, str, int], HttpResponse]


def enter(request: HttpRequest, purpose: str, token: str, page: str, shown: PageOfToken) -> HttpResponse:
    """Lead on to `page`, an address or a view's name, with the token in a cookie; without cookies show it here."""
    if cookie_in(request, purpose) == token:
        return redirect(page)
    if SENT in request.GET:
        return shown(request, token)
    answer = redirect(f"{request.get_full_path()}{'&' if request.GET else '?'}{SENT}")
    answer.set_signed_cookie(
        cookie_of(purpose),
        token,
        salt=SALT,
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return answer


def leave(answer: HttpResponse, purpose: str) -> None:
    """Have the browser forget the token of `purpose`."""
    answer.delete_cookie(cookie_of(purpose), samesite="Lax")


def cookie_of(purpose: str) -> str:
    return f"link_{purpose}"


def token_of(request: HttpRequest, purpose: str) -> str:
    """Return the token of a link that was opened within the last hour, or that a form brings; or an empty string."""
    return request.POST.get(LINK, "") or cookie_in(request, purpose)


def cookie_in(request: HttpRequest, purpose: str) -> str:
    found = request.get_signed_cookie(cookie_of(purpose), "", salt=SALT, max_age=LIFETIME)
    return found or ""


def is_without_cookies(request: HttpRequest) -> bool:
    """Say whether the page came by its link or form alone, and can be left by a form only."""
    return SENT in request.GET or LINK in request.POST


def marks(request: HttpRequest, token: str) -> dict[str, str]:
    """Return what the forms of a page carry."""
    return {"mark": mark_of(token), "link": token if is_without_cookies(request) else ""}


def mark_of(token: str) -> str:
    return Signer(salt=MARK_SALT).signature(token)


def is_marked(request: HttpRequest, token: str) -> bool:
    """Say whether a form was posted by a page of this token."""
    try:
        return Signer(salt=MARK_SALT).unsign(f"{token}:{request.POST.get('mark', '')}") == token
    except BadSignature:
        return False


def discreet(view: Callable[More, HttpResponse]) -> Callable[More, HttpResponse]:
    """Keep a page out of caches, out of search engines and out of what other pages learn of where one came from."""

    @wraps(view)
    def kept(*args: More.args, **more: More.kwargs) -> HttpResponse:
        answer = view(*args, **more)
        add_never_cache_headers(answer)
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Robots-Tag"] = "noindex"
        return answer

    return kept


class Opened(Protocol):
    """A view that finds its token itself, and the page it then shows."""

    page: PageOfToken

    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def refuse(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)


def opened_by(*purposes: str, refuse: Refusal = refuse) -> Callable[[PageOfToken], Opened]:
    """Make a view(request, token) a page that takes marked forms only, and opens with a token of one of `purposes`.

    `refuse` answers who brings none, or whose form is of another page.
    """

    def made(view: PageOfToken) -> Opened:
        @csrf_exempt
        @require_http_methods(["GET", "HEAD", "POST"])
        @discreet
        @wraps(view)
        def opened(request: HttpRequest) -> HttpResponse:
            token = next(filter(None, (token_of(request, purpose) for purpose in purposes)), "")
            if not token:
                is_looking = request.method != "POST"
                return refuse(request, "subscribers/link_needed.html", 200 if is_looking else 403)
            if request.method == "POST" and not is_marked(request, token):
                return refuse(request, "subscribers/link_changed.html", 403)
            return view(request, token)

        found = cast("Opened", opened)
        found.page = view
        return found

    return made
