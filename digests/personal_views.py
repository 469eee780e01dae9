"""Pages that show a reader what was sent, hand out what is kept, and erase it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from digests import personal
from digests.looking_back import history_of
from subscribers import doors, tokens, wishes
from subscribers.models import Letter
from subscribers.reader_views import link_invalid


@doors.opened_by(tokens.Purpose.PREFERENCES)
def last(request: HttpRequest, token: str) -> HttpResponse:
    """Show a reader's last digests, as a page or as a part of the choices."""
    reader = tokens.read(tokens.Purpose.PREFERENCES, token)
    if reader is None:
        return link_invalid(request, tokens.Purpose.PREFERENCES, token)
    template = "digests/_last.html" if request.headers.get("HX-Request") else "digests/last.html"
    return render(request, template, {"history": history_of(reader), "subscriber": reader})


@doors.discreet
@require_safe
def enter_data(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Letter.Kind.EXPORT, token, "digests:data", data.page)


@doors.discreet
@require_safe
def enter_erase(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Letter.Kind.ERASE, token, "digests:erase", erase.page)


def enter(request: HttpRequest, kind: Letter.Kind, token: str, page: str, shown: doors.PageOfToken) -> HttpResponse:
    if wishes.find(kind, token) is None:
        return link_over(request)
    return doors.enter(request, kind, token, page, shown)


def link_over(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/letter_over.html", status=404)


@doors.opened_by(Letter.Kind.EXPORT)
def data(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out all that is kept of a reader as a file."""
    letter = wishes.find(Letter.Kind.EXPORT, token)
    if letter is None:
        return link_over(request)
    if request.method != "POST":
        context = {"subscriber": letter.subscriber, **doors.marks(request, token)}
        return render(request, "digests/data.html", context)
    answer = JsonResponse(
        personal.record_of(letter.subscriber), json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    answer["Content-Disposition"] = 'attachment; filename="my-digests.json"'
    return answer


@doors.opened_by(Letter.Kind.ERASE)
def erase(request: HttpRequest, token: str) -> HttpResponse:
    """Erase a reader, once the button is pressed."""
    letter = wishes.find(Letter.Kind.ERASE, token)
    if letter is None:
        return link_over(request)
    context = {"subscriber": letter.subscriber, **doors.marks(request, token)}
    if request.method != "POST":
        return render(request, "digests/erase.html", context)
    personal.erase(letter.subscriber)
    answer = render(request, "digests/erased.html")
    doors.leave(answer, Letter.Kind.ERASE)
    return answer
