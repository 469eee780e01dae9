"""Store a stranger's request for mail to an address, after a proof-of-work challenge if there are too many.

Nothing here looks the address up, so the response cannot reveal whether it is subscribed.
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


class RequestForm(Protocol):
    """A valid form with an email address."""

    cleaned_data: dict[str, Any]

    def posted_fields(self) -> list[tuple[str, str]]: ...


def receive(
    request: HttpRequest, form: RequestForm, page: str, kind: SignupRequest.Kind, choice: dict[str, Any]
) -> HttpResponse:
    """Store the request in `form` and redirect to `page`, or show a proof-of-work challenge first."""
    ip = client_network.client_address(request)
    network = client_network.network_of(ip)
    proof = proof_of_work.nonce_of(request.POST.get("proof", ""))
    if proof is None and (reason := abuse_check.proof_reason(request.POST, network)):
        return render_challenge(request, form, kind, reason)
    origin = {"ip": ip, "network": network, "source": form_source(request), "proof": proof}
    stored = requests.store_request(kind, form.cleaned_data["email"], choice, **origin)
    if stored is None:
        return render_challenge(request, form, kind, abuse_check.Reason.BUSY)
    tasks.wake_on_commit(tasks.answer_signup, stored.pk)
    return redirect(page)


def render_challenge(
    request: HttpRequest, form: RequestForm, kind: SignupRequest.Kind, reason: abuse_check.Reason
) -> HttpResponse:
    """Render a page on which the browser computes a proof of work and posts the form again."""
    context = {
        "form": form,
        "challenge": proof_of_work.new_challenge(),
        "source": form_source(request),
        "is_busy": reason == abuse_check.Reason.BUSY,
        "is_link": kind == SignupRequest.Kind.LINK,
        "topics": ",".join(topic.slug for topic in form.cleaned_data.get("topics", ())),
        "reply_to": parseaddr(settings.REPLY_TO or settings.DEFAULT_FROM_EMAIL)[1],
    }
    return render(request, "subscribers/challenge.html", context, status=429 if context["is_busy"] else 403)


def form_source(request: HttpRequest) -> str:
    """Return the name of our form, or the origin of the other site that embeds it."""
    site = request.headers.get("Origin", "")
    is_ours = site in ("", "null", f"{request.scheme}://{request.get_host()}")
    source = request.POST.get("form", "") if is_ours else site
    return source if SOURCE.fullmatch(source) else ""
