from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from digests import rendering, sending
from digests.models import CardsPruned, Delivery
from newsletter.issues.models import Issue
from subscribers import tokens

AS_MAILED = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [NONE]}


@require_safe
@never_cache
def view(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show a reader's own digest as it was mailed, or say that it is not kept any more."""
    delivery_id = tokens.unsign(tokens.Purpose.VIEW, token)
    if delivery_id is None:
        return render(request, "subscribers/link_invalid.html", status=404)
    delivery = Delivery.objects.select_related("digest__issue", "subscriber").filter(pk=delivery_id).first()
    if delivery is None or delivery.digest is None or delivery.subscriber is None:
        return gone(request, None)
    try:
        html = rendering.compose(delivery.digest).html
    except CardsPruned:
        return gone(request, delivery.digest.issue)
    html = rendering.fill(html, sending.links_of(delivery, delivery.subscriber))
    return as_mailed(request, html)  # type: ignore[call-arg]  # the decorator's type knows no arguments of a view


@csp(AS_MAILED)  # type: ignore[arg-type]
def as_mailed(request: HttpRequest, html: str) -> HttpResponse:
    return HttpResponse(html, headers={"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"})


def gone(request: HttpRequest, issue: Issue | None) -> HttpResponse:
    is_public = issue is not None and issue.status == Issue.Status.PUBLISHED
    return render(request, "digests/gone.html", {"issue": issue if is_public else None}, status=410)
