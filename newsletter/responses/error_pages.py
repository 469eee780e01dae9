"""Error pages: each says what happened, what it means and what to do next.

They also replace Django's debug pages while DEBUG is on, except for unexpected exceptions.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render

from newsletter.number_text import parse_row_id

# These limit the size of what is posted to them themselves.
BOUNDED_ELSEWHERE = ("/admin/subscribers/importrun/add/", "/anymail/")
View = Callable[[HttpRequest], HttpResponseBase]


class DesignedErrors:
    """Refuses bodies that are too large before anything reads them, and gives empty error responses a page."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.DEBUG and is_foreign_host(request):
            return render_error(request, 400)
        if is_too_large(request):
            return render_error(request, 413)
        if holds_nul(request):
            return render_error(request, 404)
        response = self.get_response(request)
        if response.status_code == 405 and not getattr(response, "content", b""):
            return render_error(request, 405, Allow=response["Allow"])
        # No URL matched, so no view has answered.
        if response.status_code == 404 and request.resolver_match is None:
            return render_error(request, 404)
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Answer 404 for an admin page whose row id is no number: all our keys are numbers."""
        row_id = kwargs.get("object_id")
        return None if row_id is None or parse_row_id(row_id) is not None else render_error(request, 404)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Http404) or is_unfit_id(request, exception):
            return render_error(request, 404)
        if isinstance(exception, (SuspiciousOperation, BadRequest, MultiPartParserError)):
            return bad_request(request, exception)
        return None


def is_unfit_id(request: HttpRequest, exception: Exception) -> bool:
    """Return whether “view on site” was asked for an id that its model cannot have, such as a number for a date."""
    view_name = request.resolver_match.view_name if request.resolver_match else ""
    return view_name == "admin:view_on_site" and isinstance(exception, ValidationError)


def holds_nul(request: HttpRequest) -> bool:
    """Return whether the address holds a NUL, which no row contains and PostgreSQL refuses to look for."""
    return "\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")


def is_foreign_host(request: HttpRequest) -> bool:
    """Return whether the request is for a host name that is not ours; while DEBUG is on, Django answers at length."""
    try:
        request.get_host()
    except DisallowedHost:
        return True
    return False


def is_too_large(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    is_free = request.path.startswith(BOUNDED_ELSEWHERE)
    return not is_free and length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def render_error(request: HttpRequest, status: int, **headers: str) -> HttpResponse:
    answer = render(request, f"{status}.html", status=status)
    for name, value in headers.items():
        answer[name] = value
    return answer
