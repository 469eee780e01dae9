"""Sign-ups as a page sends them, and what becomes of them."""

import base64
import json
from datetime import timedelta
from typing import Any

from altcha import Payload, solve_challenge
from altcha.v2 import Challenge
from django.db.models import F
from django.db.models.lookups import IsNull

from newsletter import clock
from subscribers.models import Letter, SignupRequest, Subscriber, Suppression
from subscribers.subscription import abuse_check, proof_of_work, requests
from tests.factories import SubscriberFactory

SOME_TIME = timedelta(seconds=20)  # that a person takes


def mark(ago: timedelta = SOME_TIME) -> str:
    """Return the mark of a form that was shown some time ago."""
    with clock.at(clock.now() - ago):
        return abuse_check.sign_shown_at()


def answers(topic: str = "vision", **changes: Any) -> dict[str, Any]:
    """Return what a form of ours sends, filled in by a person."""
    when = {"frequency": "weekdays", "weekday": "0", "send_time": "07:00", "timezone": "Europe/Berlin"}
    return {"email": "ada@example.org", "topics": [topic], **when, "max_papers": "10", "shown": mark(), **changes}


def answer_all() -> list[Letter]:
    """Do what a worker does, and return the letters to send."""
    waiting = SignupRequest.objects.filter(answered_at=None).order_by(IsNull(F("proof"), True), "pk")
    return [letter for pk in list(waiting.values_list("pk", flat=True)) if (letter := requests.answer(pk))]


def proof() -> str:
    """Return what a browser sends that has worked."""
    challenge = Challenge.from_dict(json.loads(proof_of_work.new_challenge()))
    solution = solve_challenge(challenge)
    assert solution is not None
    return Payload(challenge, solution).to_base64()


def decoded(proof: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(proof))
    return found


def encoded(proof: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(proof).encode()).decode()


def addresses_of_each_state() -> dict[str, str]:
    """Make a reader of each kind, and return their addresses: of one length, so that pages can be compared."""
    readers = {
        "pending": SubscriberFactory(email="pend@example.org", status=Subscriber.Status.PENDING, next_digest_at=None),
        "active": SubscriberFactory(email="acti@example.org"),
        "unsubscribed": SubscriberFactory(
            email="unsu@example.org", status=Subscriber.Status.UNSUBSCRIBED, next_digest_at=None
        ),
        "bounced": SubscriberFactory(email="boun@example.org"),
        "complained": SubscriberFactory(email="comp@example.org"),
    }
    for name, reason in (("bounced", Suppression.Reason.BOUNCE), ("complained", Suppression.Reason.COMPLAINT)):
        Suppression.objects.create(address_hash=readers[name].address_hash, reason=reason)
    found = {name: reader.email for name, reader in readers.items()}
    return {"unknown": "unkn@example.org", **found}
