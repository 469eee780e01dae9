"""The page on which the owner of an address says that somebody else entered it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsletter import client_network
from subscribers import tokens
from subscribers.pages import link_session
from subscribers.subscription import refusal


@csrf_exempt  # mail clients POST here themselves (RFC 8058, one-click unsubscribe)
@link_session.private
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """Stop further letters to an address on POST, or allow them again; GET shows the button."""
    address = tokens.unsign_address(token)
    if address is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    is_allowed = request.method == "POST" and "again" in request.POST
    if is_allowed:
        refusal.allow_again(address)
    elif request.method == "POST":
        refusal.refuse(address, client_network.client_address(request))
    context = {
        "suppressed_for": refusal.suppression_reason(address),
        "is_allowed": is_allowed,
        "is_posted": request.method == "POST",
    }
    return render(request, "subscribers/not_me.html", context)
