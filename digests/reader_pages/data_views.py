"""Pages that show a reader what was sent, hand out what is kept, and erase it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from digests.reader_pages import personal_data
from digests.reader_pages.sent_digests import history_of
from subscribers import tokens
from subscribers.models import Letter
from subscribers.pages import link_session
from subscribers.pages.reader_views import link_invalid
from subscribers.subscription import link_requests


@link_session.opened_by(tokens.Purpose.PREFERENCES)
def last(request: HttpRequest, token: str) -> HttpResponse:
    """Show a reader's last digests, as a page or as a part of the choices."""
    reader = tokens.read(tokens.Purpose.PREFERENCES, token)
    if reader is None:
        return link_invalid(request, tokens.Purpose.PREFERENCES, token)
    template = "digests/_last.html" if request.headers.get("HX-Request") else "digests/last.html"
    return render(request, template, {"history": history_of(reader), "subscriber": reader})


@link_session.discreet
@require_safe
def enter_data(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Letter.Kind.EXPORT, token, "digests:data", data.page)


@link_session.discreet
@require_safe
def enter_erase(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Letter.Kind.ERASE, token, "digests:erase", erase.page)


def enter(
    request: HttpRequest, kind: Letter.Kind, token: str, page: str, shown: link_session.PageOfToken
) -> HttpResponse:
    if link_requests.find(kind, token) is None:
        return link_over(request)
    return link_session.enter(request, kind, token, page, shown)


def link_over(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/letter_over.html", status=404)


@link_session.opened_by(Letter.Kind.EXPORT)
def data(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out all that is kept of a reader as a file."""
    letter = link_requests.find(Letter.Kind.EXPORT, token)
    if letter is None:
        return link_over(request)
    if request.method != "POST":
        context = {"subscriber": letter.subscriber, **link_session.marks(request, token)}
        return render(request, "digests/data.html", context)
    answer = JsonResponse(
        personal_data.record_of(letter.subscriber), json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    answer["Content-Disposition"] = 'attachment; filename="my-digests.json"'
    return answer


@link_session.opened_by(Letter.Kind.ERASE)
def erase(request: HttpRequest, token: str) -> HttpResponse:
    """Erase a reader, once the button is pressed."""
    letter = link_requests.find(Letter.Kind.ERASE, token)
    if letter is None:
        return link_over(request)
    context = {"subscriber": letter.subscriber, **link_session.marks(request, token)}
    if request.method != "POST":
        return render(request, "digests/erase.html", context)
    personal_data.erase(letter.subscriber)
    answer = render(request, "digests/erased.html")
    link_session.leave(answer, Letter.Kind.ERASE)
    return answer
