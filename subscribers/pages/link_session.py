"""Pages that a mailed link opens: the link's token moves from the URL into a cookie, and the page's forms prove it.

Neither the address bar nor the Referer header then holds a token. Each form on such a page carries a signature of its
token, which only the page itself knows. The signature keeps other sites from posting the form, and tells the pages of
two readers in one browser apart. Django's CSRF check cannot do this: these pages send no referrer, so their forms post
`Origin: null`.

A browser without cookies returns to the link's own URL, which then shows the page. Its forms carry the token itself,
so everything works, and the URL is clean again after the first button.
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
COOKIE_SALT = "paper-round.link-cookie"
MARK_SALT = "paper-round.mark"
COOKIE_SENT = "sent"  # query parameter: the last response set the cookie
LINK_FIELD = "link"  # form field that carries the token when the browser keeps no cookies

ViewArgs = ParamSpec("ViewArgs")
TokenView = Callable[[HttpRequest, str], HttpResponse]
RefuseView = Callable[[HttpRequest, str, int], HttpResponse]


def open_page(request: HttpRequest, purpose: str, token: str, to: str, view: TokenView) -> HttpResponse:
    """Store `token` in a cookie and redirect to `to` (a path or URL name); without cookies, show the page here."""
    if cookie_token(request, purpose) == token:
        return redirect(to)
    if COOKIE_SENT in request.GET:
        return view(request, token)
    response = redirect(f"{request.get_full_path()}{'&' if request.GET else '?'}{COOKIE_SENT}")
    response.set_signed_cookie(
        cookie_name(purpose),
        token,
        salt=COOKIE_SALT,
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def forget_token(response: HttpResponse, purpose: str) -> None:
    """Delete the cookie that holds the token for `purpose`."""
    response.delete_cookie(cookie_name(purpose), samesite="Lax")


def cookie_name(purpose: str) -> str:
    return f"link_{purpose}"


def cookie_token(request: HttpRequest, purpose: str) -> str:
    found = request.get_signed_cookie(cookie_name(purpose), "", salt=COOKIE_SALT, max_age=LIFETIME)
    return found or ""


def token_of(request: HttpRequest, purpose: str) -> str:
    """Return the token from the form, or from a link opened within LIFETIME; otherwise an empty string."""
    return request.POST.get(LINK_FIELD, "") or cookie_token(request, purpose)


def is_without_cookies(request: HttpRequest) -> bool:
    """Return True if the token came in the URL or the form, so only a form can lead on from this page."""
    return COOKIE_SENT in request.GET or LINK_FIELD in request.POST


def form_fields(request: HttpRequest, token: str) -> dict[str, str]:
    """Return the template context for the hidden fields of a page's forms."""
    return {"mark": mark_of(token), "link": token if is_without_cookies(request) else ""}


def mark_of(token: str) -> str:
    return Signer(salt=MARK_SALT).signature(token)


def is_marked(request: HttpRequest, token: str) -> bool:
    """Return True if the posted form comes from a page of this token."""
    try:
        return Signer(salt=MARK_SALT).unsign(f"{token}:{request.POST.get('mark', '')}") == token
    except BadSignature:
        return False


def private(view: Callable[ViewArgs, HttpResponse]) -> Callable[ViewArgs, HttpResponse]:
    """Keep a page out of caches and search engines, and its URL out of Referer headers."""

    @wraps(view)
    def private_view(*args: ViewArgs.args, **kwargs: ViewArgs.kwargs) -> HttpResponse:
        response = view(*args, **kwargs)
        add_never_cache_headers(response)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return private_view


class TokenPage(Protocol):
    """A view that finds its token in the cookie or the form; `with_token` is the same view for a known token."""

    with_token: TokenView

    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def refuse(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)


def token_page(*purposes: str, refuse: RefuseView = refuse) -> Callable[[TokenView], TokenPage]:
    """Turn view(request, token) into a page that needs a token for one of `purposes`.

    `refuse` answers a request without a token, and a form that another page posted.
    """

    def decorate(view: TokenView) -> TokenPage:
        @csrf_exempt
        @require_http_methods(["GET", "HEAD", "POST"])
        @private
        @wraps(view)
        def page(request: HttpRequest) -> HttpResponse:
            token = next(filter(None, (token_of(request, purpose) for purpose in purposes)), "")
            if not token:
                return refuse(request, "subscribers/link_needed.html", 403 if request.method == "POST" else 200)
            if request.method == "POST" and not is_marked(request, token):
                return refuse(request, "subscribers/link_changed.html", 403)
            return view(request, token)

        found = cast("TokenPage", page)
        found.with_token = view
        return found

    return decorate
