import re
from email.utils import parseaddr
from functools import partial

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from subscribers import doors, gate, networks, proofs, reception, signup, tasks
from subscribers.forms import SubscribeForm
from subscribers.models import Letter
from subscribers.reader_views import send_soon

SOURCE = re.compile(r"box|page|https?://[\w.:-]{1,80}")


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


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/privacy.html", {"event_days": settings.EVENT_KEPT.days})


@doors.discreet
@require_safe
def enter_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Lead from the link of a confirmation to its page, whose address holds no token."""
    if signup.find_confirmation(token) is None:
        return render(request, "subscribers/confirm_over.html", status=404)
    return doors.enter(Letter.Kind.CONFIRM, token, "subscribers:confirm")


@doors.opened_by(Letter.Kind.CONFIRM)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    letter = signup.find_confirmation(token)
    if letter is None:
        return render(request, "subscribers/confirm_over.html", status=404)
    context = {"subscriber": letter.subscriber, "mark": doors.mark_of(token)}
    if signup.is_expired(letter):
        return render(request, "subscribers/confirm_expired.html", context, status=410)
    if request.method != "POST":
        return render(request, "subscribers/confirm.html", context)
    signup.confirm(letter, networks.client_address(request))
    return render(request, "subscribers/confirmed.html", context)


@doors.opened_by(Letter.Kind.CONFIRM)
def confirm_again(request: HttpRequest, token: str) -> HttpResponse:
    """Send a fresh link in place of an expired one."""
    letter = signup.find_confirmation(token)
    if request.method != "POST" or letter is None:
        return redirect("subscribers:confirm")
    send_soon(signup.ask_again(letter, networks.client_address(request)))
    return redirect("subscribers:check_inbox")
