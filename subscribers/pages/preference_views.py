"""The pages on which a reader changes preferences and pauses digests."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from newsletter import clock
from subscribers import letters, tokens
from subscribers.models import Subscriber
from subscribers.pages import link_session
from subscribers.pages.link_pages import open_reader_page, reader_page
from subscribers.pages.subscribe_forms import PreferencesForm
from subscribers.tokens import Purpose

WEEK = timedelta(days=7)


@link_session.private
@require_safe
def open_preferences(request: HttpRequest, token: str) -> HttpResponse:
    return open_reader_page(request, Purpose.PREFERENCES, token, "subscribers:preferences", preferences)


@reader_page(Purpose.PREFERENCES)
def preferences(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    form = preferences_form(reader, request.POST if request.method == "POST" else None)
    is_saved = "saved" in request.GET
    if form.is_valid():
        form.save(reader)
        if not link_session.is_without_cookies(request):
            return redirect(f"{request.path}?saved")
        is_saved, form = True, preferences_form(reader, None)
    context = preferences_context(request, reader, form, token) | {"is_saved": is_saved}
    return render(request, "subscribers/preferences.html", context, status=422 if form.errors else 200)


def preferences_form(reader: Subscriber, posted: QueryDict | None) -> PreferencesForm:
    return PreferencesForm(posted, initial=PreferencesForm.initial_of(reader), stored=reader.preferences)


def preferences_context(
    request: HttpRequest, reader: Subscriber, form: PreferencesForm, token: str
) -> dict[str, object]:
    """Return the template context of the preferences page."""
    return {
        "subscriber": reader,
        "form": form,
        "is_paused": reader.paused_until is not None and reader.paused_until > clock.today(),
        "unsubscribe_token": tokens.sign(Purpose.UNSUBSCRIBE, reader.pk, reader.token_epoch),
        **link_session.form_fields(request, token),
    }


@link_session.private
@require_safe
def open_pause(request: HttpRequest, token: str) -> HttpResponse:
    return open_reader_page(request, Purpose.PAUSE, token, "subscribers:pause", pause)


@reader_page(Purpose.PAUSE)
def pause(request: HttpRequest, reader: Subscriber, token: str) -> HttpResponse:
    """Pause a reader's digests for a week, counted from today in the reader's time zone."""
    is_active = reader.status == Subscriber.Status.ACTIVE
    until = reader.local_today + WEEK
    if request.method == "POST" and is_active:
        reader.pause(until)
    context = {
        "subscriber": reader,
        "is_theirs": True,
        "is_active": is_active,
        "is_paused": reader.paused_until is not None and reader.paused_until >= until,
        "until": until,
        "preferences_path": letters.preferences_path(reader),
        **link_session.form_fields(request, token),
    }
    return render(request, "subscribers/pause.html", context)
