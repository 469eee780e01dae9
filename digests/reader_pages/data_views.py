"""Pages that show a reader past digests, export the reader's data, and erase it."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from digests.reader_pages import personal_data
from digests.reader_pages.sent_digests import load_history
from subscribers.models import Letter, Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_pages import letter_over, letter_page, open_letter_page, reader_page
from subscribers.subscription import link_requests
from subscribers.tokens import Purpose


@reader_page(Purpose.PREFERENCES)
def last(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Show a reader's last digests, as a page or as a fragment of the preferences page."""
    template = "digests/_last.html" if request.headers.get("HX-Request") else "digests/last.html"
    return render(request, template, {"history": load_history(reader), "subscriber": reader})


@link_session.private
@require_safe
def open_data(request: HttpRequest, token: str) -> HttpResponse:
    return open_letter_page(request, Letter.Kind.EXPORT, token, "digests:data", data)


@letter_page(Letter.Kind.EXPORT)
def data(request: HttpRequest, letter: Letter, token: str) -> HttpResponse:
    """Download all data stored about a reader as a JSON file, once for each letter."""
    if request.method != "POST":
        context = {"subscriber": letter.subscriber, **link_session.form_fields(request, token)}
        return render(request, "digests/data.html", context)
    with transaction.atomic():  # the link stays good if the file cannot be made
        if not link_requests.mark_used(letter):
            return letter_over(request)
        record = personal_data.collect_personal_data(letter.subscriber)
    response = JsonResponse(record, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="my-digests.json"'
    return response


@link_session.private
@require_safe
def open_erase(request: HttpRequest, token: str) -> HttpResponse:
    return open_letter_page(request, Letter.Kind.ERASE, token, "digests:erase", erase)


@letter_page(Letter.Kind.ERASE)
def erase(request: HttpRequest, letter: Letter, token: str) -> HttpResponse:
    """Erase a reader on POST; GET shows the button."""
    context = {"subscriber": letter.subscriber, **link_session.form_fields(request, token)}
    if request.method != "POST":
        return render(request, "digests/erase.html", context)
    personal_data.erase(letter.subscriber)
    response = render(request, "digests/erased.html")
    link_session.forget_token(response, Letter.Kind.ERASE)
    return response
