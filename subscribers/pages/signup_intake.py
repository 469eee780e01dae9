"""Where a stranger's form comes in that asks for mail to an address: counted, challenged if need be, stored.

Nothing here depends on whose the address is, so that the answer cannot tell it.
"""

import re
from email.utils import parseaddr
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from newsletter import client_network
from subscribers import tasks
from subscribers.models import SignupRequest
from subscribers.subscription import abuse_check, proof_of_work, requests

SOURCE = re.compile(r"box|page|https?://[\w.:-]{1,80}")


class Asking(Protocol):
    """A form that was filled in well, with an address."""

    cleaned_data: dict[str, Any]

    def typed(self) -> list[tuple[str, str]]: ...


def take(
    request: HttpRequest, form: Asking, page: str, wish: SignupRequest.Wish, choice: dict[str, Any]
) -> HttpResponse:
    """Store what a form asks for and lead on to `page`, or ask for a proof of work first."""
    ip = client_network.client_address(request)
    network = client_network.network_of(ip)
    proof = proof_of_work.nonce_of(request.POST.get("proof", ""))
    if proof is None and (reason := abuse_check.reason_to_ask(request.POST, network)):
        return challenge(request, form, wish, reason)
    origin = {"ip": ip, "network": network, "source": source_of(request), "proof": proof}
    received = requests.receive(form.cleaned_data["email"], choice, wish=wish, **origin)
    if received is None:
        return challenge(request, form, wish, abuse_check.Reason.BUSY)
    tasks.wake_on_commit(tasks.answer_signup, received.pk)
    return redirect(page)


def challenge(
    request: HttpRequest, form: Asking, wish: SignupRequest.Wish, reason: abuse_check.Reason
) -> HttpResponse:
    """Let the browser show a proof of work, which it does by itself, and go on."""
    context = {
        "form": form,
        "challenge": proof_of_work.challenge(),
        "source": source_of(request),
        "is_busy": reason == abuse_check.Reason.BUSY,
        "is_link": wish == SignupRequest.Wish.LINK,
        "topics": ",".join(topic.slug for topic in form.cleaned_data.get("topics", ())),
        "reply_to": parseaddr(settings.REPLY_TO or settings.DEFAULT_FROM_EMAIL)[1],
    }
    return render(request, "subscribers/challenge.html", context, status=429 if context["is_busy"] else 403)


def source_of(request: HttpRequest) -> str:
    """Return the form that was filled in: a name of ours, or the site of another."""
    site = request.headers.get("Origin", "")
    is_ours = site in ("", "null", f"{request.scheme}://{request.get_host()}")
    source = request.POST.get("form", "") if is_ours else site
    return source if SOURCE.fullmatch(source) else ""
