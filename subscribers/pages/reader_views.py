"""The pages of one reader, each reached by a link: choices, pause, another address, and the way out."""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from newsletter import client_network, clock
from subscribers import letters, tasks, tokens
from subscribers.models import Farewell, Letter, SignupRequest, Subscriber
from subscribers.pages import link_session, signup_intake
from subscribers.pages.choice_forms import PreferencesForm
from subscribers.pages.reader_forms import AddressForm, DataForm, FarewellForm, LinkForm, StayForm
from subscribers.subscription import link_requests, opt_in, requests
from subscribers.tokens import Purpose

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
OWN_PAGE = "own page"  # no network: who asks there has shown a link
STAYS = {"week": WEEK, "month": MONTH}


def link_invalid(request: HttpRequest, purpose: Purpose, token: str) -> HttpResponse:
    """Say why a link opens nothing: it was cut, its reader was erased, or it has ended."""
    signed = tokens.unsign_with_epoch(purpose, token)
    if signed is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    is_there = Subscriber.objects.filter(pk=signed[0]).exists()
    return render(request, f"subscribers/link_{'ended' if is_there else 'erased'}.html", status=410)


# Choices


@link_session.opened_by(Purpose.PREFERENCES)
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = tokens.read(Purpose.PREFERENCES, token)
    if subscriber is None:
        return link_invalid(request, Purpose.PREFERENCES, token)
    form = preferences_form(subscriber, request.POST if request.method == "POST" else None)
    is_saved = "saved" in request.GET
    if form.is_valid():
        form.save(subscriber)
        if not link_session.is_without_cookies(request):
            return redirect(f"{request.path}?saved")
        is_saved, form = True, preferences_form(subscriber, None)
    context = preferences_page(request, subscriber, form, token) | {"is_saved": is_saved}
    return render(request, "subscribers/preferences.html", context, status=422 if form.errors else 200)


@link_session.discreet
@require_safe
def enter_preferences(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Purpose.PREFERENCES, token, preferences.page)


def enter(request: HttpRequest, purpose: Purpose, token: str, page: link_session.PageOfToken) -> HttpResponse:
    """Lead from a link to its page, whose address holds no token."""
    if tokens.read(purpose, token) is None:
        return link_invalid(request, purpose, token)
    return link_session.enter(request, purpose, token, f"subscribers:{purpose}", page)


def preferences_form(subscriber: Subscriber, typed: QueryDict | None) -> PreferencesForm:
    initial = PreferencesForm.initial_of(subscriber)
    return PreferencesForm(typed, initial=initial, stored=subscriber.preferences)


def preferences_page(
    request: HttpRequest, subscriber: Subscriber, form: PreferencesForm, token: str
) -> dict[str, object]:
    """Return what the page of a reader's choices shows."""
    is_paused = subscriber.paused_until is not None and subscriber.paused_until > clock.today()
    leave = tokens.sign(Purpose.UNSUBSCRIBE, subscriber.pk, subscriber.token_epoch)
    return {
        "subscriber": subscriber,
        "form": form,
        "is_paused": is_paused,
        "unsubscribe_token": leave,
        **link_session.marks(request, token),
    }


@csrf_exempt  # asking for a link grants nothing: it goes to the reader's own inbox
@link_session.discreet
@require_http_methods(["GET", "HEAD", "POST"])
def mail_link(request: HttpRequest) -> HttpResponse:
    """Mail a link to the choices; the answer is the same for every address."""
    if request.method != "POST":
        return redirect("subscribers:preferences")
    form = LinkForm(request.POST)
    if not form.is_valid():
        return render(request, "subscribers/link_needed.html", {"form": form}, status=422)
    return signup_intake.take(request, form, "subscribers:link_mailed", SignupRequest.Wish.LINK, {})


@link_session.discreet
@require_safe
def link_mailed(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/link_mailed.html")


def send_soon(letter: Letter | None) -> None:
    """Have a letter sent by a worker; where Redis is away the sweep finds it."""
    if letter is not None:
        transaction.on_commit(partial(tasks.wake, tasks.send_letter, letter.pk))


# Another address, and the data


@link_session.opened_by(Purpose.PREFERENCES)
def new_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for another address, and mail a link there."""
    subscriber = tokens.read(Purpose.PREFERENCES, token)
    if subscriber is None:
        return link_invalid(request, Purpose.PREFERENCES, token)
    if subscriber.status != Subscriber.Status.ACTIVE:
        return redirect("subscribers:preferences")
    form = AddressForm(request.POST if request.method == "POST" else None, own=subscriber.canonical)
    context = {"subscriber": subscriber, "form": form, **link_session.marks(request, token)}
    if not form.is_valid():
        return render(request, "subscribers/new_address.html", context, status=422 if form.errors else 200)
    # Whether somebody reads there already is a worker's to know: the page takes the same time for all.
    origin = {"ip": client_network.client_address(request), "network": OWN_PAGE, "wish": SignupRequest.Wish.MOVE}
    received = requests.receive(form.cleaned_data["email"], {"reader": subscriber.pk}, **origin)
    assert received is not None
    signup_intake.answer_soon(received)
    return render(request, "subscribers/new_address_mailed.html", context)


@link_session.discreet
@require_safe
def enter_address(request: HttpRequest, token: str) -> HttpResponse:
    if link_requests.find(Letter.Kind.ADDRESS, token) is None:
        return render(request, "subscribers/letter_over.html", status=404)
    return link_session.enter(request, Letter.Kind.ADDRESS, token, "subscribers:address", address.page)


@link_session.opened_by(Letter.Kind.ADDRESS)
def address(request: HttpRequest, token: str) -> HttpResponse:
    """Move a reader to the address whose link was opened."""
    letter = link_requests.find(Letter.Kind.ADDRESS, token)
    if letter is None:
        return render(request, "subscribers/letter_over.html", status=404)
    context = {"letter": letter, "subscriber": letter.subscriber, **link_session.marks(request, token)}
    if request.method != "POST":
        return render(request, "subscribers/move.html", context)
    told = link_requests.move(letter, client_network.client_address(request))
    send_soon(told)
    return render(request, "subscribers/moved.html", context | {"is_moved": told is not None})


@link_session.opened_by(Purpose.PREFERENCES)
def data(request: HttpRequest, token: str) -> HttpResponse:
    """Mail a link to all that is kept of a reader, or to its erasure."""
    subscriber, form = tokens.read(Purpose.PREFERENCES, token), DataForm(request.POST)
    if subscriber is None:
        return link_invalid(request, Purpose.PREFERENCES, token)
    if not form.is_valid():
        return redirect("subscribers:preferences")
    send_soon(link_requests.plan(subscriber, Letter.Kind(form.cleaned_data["what"])))
    return render(request, "subscribers/data_mailed.html", {"subscriber": subscriber, **form.cleaned_data})


@link_session.opened_by(Purpose.PREFERENCES)
def end_links(request: HttpRequest, token: str) -> HttpResponse:
    """End every link mailed so far, but for those that unsubscribe, and mail a fresh one."""
    subscriber = tokens.read(Purpose.PREFERENCES, token)
    if subscriber is None:
        return link_invalid(request, Purpose.PREFERENCES, token)
    if request.method != "POST":
        return redirect("subscribers:preferences")
    send_soon(link_requests.end_links(subscriber))
    answer = render(request, "subscribers/links_ended.html", {"subscriber": subscriber})
    for purpose in tokens.OF_AN_EPOCH:
        link_session.leave(answer, purpose)
    return answer


# A pause


@link_session.opened_by(Purpose.PAUSE)
def pause(request: HttpRequest, token: str) -> HttpResponse:
    """Pause one reader's digests for a week from the reader's own today."""
    subscriber = tokens.read(Purpose.PAUSE, token)
    if subscriber is None:
        return link_invalid(request, Purpose.PAUSE, token)
    is_active = subscriber.status == Subscriber.Status.ACTIVE
    until = subscriber.local_today + WEEK
    if request.method == "POST" and is_active:
        subscriber.pause(until)
    is_paused = subscriber.paused_until is not None and subscriber.paused_until >= until
    context = {
        "is_theirs": True,
        "is_active": is_active,
        "is_paused": is_paused,
        "until": until,
        **link_session.marks(request, token),
    }
    context |= {"subscriber": subscriber, "preferences_path": letters.preferences_path(subscriber)}
    return render(request, "subscribers/pause.html", context)


@link_session.discreet
@require_safe
def enter_pause(request: HttpRequest, token: str) -> HttpResponse:
    return enter(request, Purpose.PAUSE, token, pause.page)


# The way out


@csrf_exempt  # mail clients POST here themselves (RFC 8058, one-click unsubscribe)
@link_session.discreet
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """End a subscription at once, without cookies; whoever looks is led to the page."""
    pk = tokens.unsign(Purpose.UNSUBSCRIBE, token)
    if pk is None:
        return link_invalid(request, Purpose.UNSUBSCRIBE, token)
    if request.method != "POST":
        return link_session.enter(request, Purpose.UNSUBSCRIBE, token, "subscribers:unsubscribe", unsubscribe.page)
    # Not read first: after a complaint at a large provider thousands come at once.
    opt_in.unsubscribe(Subscriber(pk=pk), client_network.client_address(request), "one click")
    return HttpResponse("You are unsubscribed. No more digests are sent.\n", content_type="text/plain; charset=utf-8")


@link_session.opened_by(Purpose.UNSUBSCRIBE)
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = tokens.read(Purpose.UNSUBSCRIBE, token)
    if subscriber is None:
        return link_invalid(request, Purpose.UNSUBSCRIBE, token)
    if request.method == "POST":
        opt_in.unsubscribe(subscriber, client_network.client_address(request), "page of leaving")
        if not link_session.is_without_cookies(request):
            return redirect(request.path)
        subscriber.refresh_from_db()
    context = {"subscriber": subscriber, "reasons": Farewell.Reason.choices, **link_session.marks(request, token)}
    context["is_theirs"] = tokens.is_of_now(Purpose.UNSUBSCRIBE, token, subscriber)
    page = "unsubscribed" if subscriber.has_just_left else "unsubscribe"
    return render(request, f"subscribers/{page}.html", context)


@link_session.opened_by(Purpose.UNSUBSCRIBE)
def stay(request: HttpRequest, token: str) -> HttpResponse:
    """Pause instead of leaving, for who has left within the hour."""
    subscriber, form = tokens.read(Purpose.UNSUBSCRIBE, token), StayForm(request.POST)
    if subscriber is None or not form.is_valid():
        return redirect("subscribers:unsubscribe")
    until = subscriber.local_today + STAYS[form.cleaned_data["how_long"]]
    is_back = opt_in.stay(subscriber, until, client_network.client_address(request))
    is_theirs = tokens.is_of_now(Purpose.UNSUBSCRIBE, token, subscriber)
    context = {"subscriber": subscriber, "is_active": is_back, "is_paused": is_back, "is_theirs": is_theirs}
    choices = letters.preferences_path(subscriber) if is_theirs else reverse("subscribers:preferences")
    return render(request, "subscribers/pause.html", context | {"preferences_path": choices})


@link_session.opened_by(Purpose.UNSUBSCRIBE)
def farewell(request: HttpRequest, token: str) -> HttpResponse:
    """Take down why a reader left."""
    subscriber, form = tokens.read(Purpose.UNSUBSCRIBE, token), FarewellForm(request.POST)
    has_left = subscriber is not None and subscriber.status == Subscriber.Status.UNSUBSCRIBED
    if request.method != "POST" or not has_left or not form.is_valid():
        return redirect("subscribers:unsubscribe")
    said = {"reason": form.cleaned_data["reason"], "words": form.cleaned_data["words"], "at": clock.now()}
    if said["reason"] or said["words"]:
        Farewell.objects.update_or_create(subscriber=subscriber, defaults=said)
    return render(request, "subscribers/farewell.html")
