import re
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsletter import clock
from subscribers import gate, letters, networks, proofs, reception, signup, tasks, tokens
from subscribers.forms import PreferencesForm, SubscribeForm
from subscribers.models import Subscriber

SOURCE = re.compile(r"box|page|https?://[\w.:-]{1,80}")
PAUSE = timedelta(days=7)


@csrf_exempt  # the box also stands on other sites; a sign-up grants nothing before the address confirms
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Show the form, or take what it says; the answer is the same whosever the address is."""
    if request.method != "POST":
        chosen = request.GET.get("topics", "").split(",")
        return render(request, "subscribers/subscribe.html", {"form": SubscribeForm(initial={"topics": chosen})})
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return render(request, "subscribers/subscribe.html", {"form": form}, status=422)
    ip = networks.client_address(request)
    network = networks.network_of(ip)
    proof = proofs.nonce_of(request.POST.get("proof", ""))
    if proof is None and (reason := gate.reason_to_ask(request.POST, network)):
        return challenge(request, form, reason)
    origin = {"ip": ip, "network": network, "source": source_of(request), "proof": proof}
    received = reception.receive(form.cleaned_data["email"], form.whole_choice(), **origin)
    if received is None:
        return challenge(request, form, gate.Reason.BUSY)
    transaction.on_commit(partial(tasks.wake, tasks.answer_signup, received.pk))
    return redirect("subscribers:check_inbox")


def challenge(request: HttpRequest, form: SubscribeForm, reason: gate.Reason) -> HttpResponse:
    """Let the browser show a proof of work, which it does by itself, and go on."""
    context = {
        "form": form,
        "challenge": proofs.challenge(),
        "source": source_of(request),
        "is_busy": reason == gate.Reason.BUSY,
        "topics": ",".join(topic.slug for topic in form.cleaned_data["topics"]),
        "reply_to": parseaddr(settings.REPLY_TO or settings.DEFAULT_FROM_EMAIL)[1],
    }
    return render(request, "subscribers/challenge.html", context, status=429 if context["is_busy"] else 403)


def source_of(request: HttpRequest) -> str:
    """Return the form that was filled in: a name of ours, or the site of another."""
    site = request.headers.get("Origin", "")
    is_ours = site in ("", "null", f"{request.scheme}://{request.get_host()}")
    source = request.POST.get("form", "") if is_ours else site
    return source if SOURCE.fullmatch(source) else ""


def check_inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/check_inbox.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    letter = signup.find_confirmation(token)
    if letter is None or signup.is_expired(letter):
        return render(request, "subscribers/confirm_expired.html", status=404)
    if request.method != "POST":
        return render(request, "subscribers/confirm.html", {"subscriber": letter.subscriber})
    signup.confirm(letter, networks.client_address(request))
    return render(request, "subscribers/confirmed.html", page_of(letter.subscriber))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = tokens.read(tokens.Purpose.PREFERENCES, token)
    if subscriber is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    typed = request.POST if request.method == "POST" else None
    form = preferences_form(subscriber, typed)
    if form.is_valid():
        form.save(subscriber)
        return redirect(f"{request.path}?saved")
    context = preferences_page(subscriber, form, token) | {"is_saved": "saved" in request.GET}
    return render(request, "subscribers/preferences.html", context, status=422 if form.errors else 200)


def preferences_form(subscriber: Subscriber, typed: QueryDict | None) -> PreferencesForm:
    initial = PreferencesForm.initial_of(subscriber)
    return PreferencesForm(typed, initial=initial, stored=subscriber.preferences)


def preferences_page(subscriber: Subscriber, form: PreferencesForm, token: str) -> dict[str, object]:
    """Return what the page of a reader's choices shows."""
    is_paused = subscriber.paused_until is not None and subscriber.paused_until > clock.today()
    return page_of(subscriber) | {"form": form, "preferences_token": token, "is_paused": is_paused}


@csrf_exempt  # the link in the mail is the right to it, in whatever browser it opens
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, token: str) -> HttpResponse:
    """Pause one reader's digests for a week from the reader's own today."""
    subscriber = tokens.read(tokens.Purpose.PAUSE, token)
    if subscriber is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    is_active = subscriber.status == Subscriber.Status.ACTIVE
    until = subscriber.local_today + PAUSE
    if request.method == "POST" and is_active:
        subscriber.pause(until)
    is_paused = subscriber.paused_until is not None and subscriber.paused_until >= until
    context = {"is_active": is_active, "is_paused": is_paused, "until": until}
    context |= {"subscriber": subscriber, "preferences_path": letters.preferences_path(subscriber)}
    return render(request, "subscribers/pause.html", context)


@csrf_exempt  # mail clients POST here themselves (RFC 8058, one-click unsubscribe)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = tokens.read(tokens.Purpose.UNSUBSCRIBE, token)
    if subscriber is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    if request.method != "POST":
        return render(request, "subscribers/unsubscribe.html", {"subscriber": subscriber})
    signup.unsubscribe(subscriber, networks.client_address(request))
    return render(request, "subscribers/unsubscribed.html", {"subscriber": subscriber})


def page_of(subscriber: Subscriber) -> dict[str, object]:
    token = tokens.sign(tokens.Purpose.UNSUBSCRIBE, subscriber.pk)
    return {"subscriber": subscriber, "unsubscribe_token": token}
