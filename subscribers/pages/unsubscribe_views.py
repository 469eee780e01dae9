"""The pages on which a reader unsubscribes, says why, or pauses instead."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsletter import client_network, clock
from subscribers import letters, tokens
from subscribers.models import Farewell, Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_forms import FarewellForm, PauseInsteadForm
from subscribers.pages.link_pages import explain_link, reader_page
from subscribers.subscription import opt_in
from subscribers.tokens import Purpose

PAUSES = {"week": timedelta(days=7), "month": timedelta(days=30)}


@csrf_exempt  # mail clients POST here themselves (RFC 8058, one-click unsubscribe)
@link_session.private
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """Unsubscribe at once on POST, without cookies; redirect GET to the unsubscribe page."""
    pk = tokens.unsign(Purpose.UNSUBSCRIBE, token)
    if pk is None:
        return explain_link(request, Purpose.UNSUBSCRIBE, token)
    if request.method != "POST":
        page = unsubscribe.with_token
        return link_session.open_page(request, Purpose.UNSUBSCRIBE, token, "subscribers:unsubscribe", page)
    # The reader is not loaded first: large providers post thousands of these at once after a complaint.
    opt_in.unsubscribe(Subscriber(pk=pk), client_network.client_address(request), "one click")
    return HttpResponse(
        "You are unsubscribed. We will send you no more digests.\n", content_type="text/plain; charset=utf-8"
    )


@reader_page(Purpose.UNSUBSCRIBE)
def unsubscribe(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    if request.method == "POST":
        opt_in.unsubscribe(reader, client_network.client_address(request), "page of leaving")
        if not link_session.is_without_cookies(request):
            return redirect(request.path)
        reader.refresh_from_db()
    context = {
        "subscriber": reader,
        "reasons": Farewell.Reason.choices,
        "is_theirs": tokens.is_of_now(Purpose.UNSUBSCRIBE, token, reader),
        **link_session.form_fields(request, token),
    }
    page = "unsubscribed" if reader.can_undo_unsubscribe else "unsubscribe"
    return render(request, f"subscribers/{page}.html", context)


@reader_page(Purpose.UNSUBSCRIBE)
def pause_instead(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Turn an unsubscription of the last hour into a pause."""
    form = PauseInsteadForm(request.POST)
    if not form.is_valid():
        return redirect("subscribers:unsubscribe")
    until = reader.local_today + PAUSES[form.cleaned_data["how_long"]]
    is_back = opt_in.pause_instead(reader, until, client_network.client_address(request))
    is_theirs = tokens.is_of_now(Purpose.UNSUBSCRIBE, token, reader)
    context = {
        "subscriber": reader,
        "is_active": is_back,
        "is_paused": is_back,
        "is_theirs": is_theirs,
        "preferences_path": letters.preferences_path(reader) if is_theirs else reverse("subscribers:preferences"),
    }
    return render(request, "subscribers/pause.html", context)


@reader_page(Purpose.UNSUBSCRIBE)
def farewell(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Record why a reader left."""
    form = FarewellForm(request.POST)
    has_left = reader.status == Subscriber.Status.UNSUBSCRIBED
    if request.method != "POST" or not has_left or not form.is_valid():
        return redirect("subscribers:unsubscribe")
    if form.cleaned_data["reason"] or form.cleaned_data["words"]:
        Farewell.objects.update_or_create(subscriber=reader, defaults={**form.cleaned_data, "at": clock.now()})
    return render(request, "subscribers/farewell.html")
