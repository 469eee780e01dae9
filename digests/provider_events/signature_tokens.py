"""Accepts each signature of Mailgun for one body: it covers a time and a token, and not what is posted with them.

Mailgun asks for a cache of tokens, and repeats a post for about eight hours:
https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.http import HttpRequest

from digests.models import SignatureToken
from newsletter import clock

RETRY_SPAN = timedelta(hours=8)
MARGIN = timedelta(hours=1)  # between Mailgun's clock and ours
TOO_OLD = "its signature is too old, or from the future"
USED_BEFORE = "its signature was used before, for other content"


class Signature(NamedTuple):
    token_hash: str
    signed_at: datetime
    body_hash: str


def read_signature(provider: str, request: HttpRequest) -> Signature | None:
    """Return the signature of a post that Anymail has verified; None of a provider that signs what it posts."""
    if provider != "mailgun":
        return None
    is_json = request.content_type == "application/json"
    signed = json.loads(request.body)["signature"] if is_json else request.POST
    content = request.body if is_json else request.POST.urlencode().encode()  # a form may be split anew each time
    return Signature(
        # Of both: Mailgun signs them joined, so a digit of one may be passed off as a digit of the other.
        hashlib.sha256(f"{signed['timestamp']}{signed['token']}".encode()).hexdigest(),
        datetime.fromtimestamp(float(signed["timestamp"]), tz=UTC),
        hashlib.sha256(content).hexdigest(),
    )


def find_objection(signature: Signature) -> str:
    """Accept a signature for the body it came with; return why it is refused, an empty string if it is not.

    A repeat of the same post is accepted. Runs in the transaction that stores the events.
    """
    if abs(clock.now() - signature.signed_at) > RETRY_SPAN + MARGIN:
        return TOO_OLD
    SignatureToken.objects.bulk_create([SignatureToken(**signature._asdict())], ignore_conflicts=True)
    accepted = SignatureToken.objects.get(pk=signature.token_hash)
    return "" if accepted.body_hash == signature.body_hash else USED_BEFORE


def forget_expired() -> None:
    """Delete the tokens of signatures that are too old to be accepted again."""
    SignatureToken.objects.filter(signed_at__lt=clock.now() - RETRY_SPAN - MARGIN).delete()
