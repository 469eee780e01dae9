from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from digests import rendering, sending
from digests.models import Delivery
from subscribers import tokens

AS_MAILED = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [NONE]}


@require_safe
@never_cache
@csp(AS_MAILED)  # type: ignore[arg-type]
def view(request: HttpRequest, token: str) -> HttpResponse:
    """Show a reader's own digest as it was mailed."""
    delivery_id = tokens.unsign(tokens.Purpose.VIEW, token)
    delivery = Delivery.objects.select_related("digest", "subscriber").filter(pk=delivery_id or 0).first()
    if delivery is None or delivery.digest is None or delivery.subscriber is None:
        raise Http404("This link opens no digest.")
    parts = rendering.compose(delivery.digest)
    response = HttpResponse(rendering.fill(parts.html, sending.links_of(delivery, delivery.subscriber)))
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
