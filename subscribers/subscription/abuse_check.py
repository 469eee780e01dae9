"""Decide whether a request for mail needs a proof of work, without looking at the address."""

from datetime import timedelta
from enum import StrEnum
from typing import cast

from django import forms
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import QueryDict

from newsletter import clock
from subscribers.models import SignupRequest
from subscribers.subscription import requests

FORM_LIFETIME_SECONDS = 24 * 3600  # how long a form may stay open before it needs a proof
HONEYPOT = "website"  # a field hidden from people; bots fill it in
SHOWN_AT = "shown"


class PublicForm(forms.Form):
    """A form anybody may post: it carries the time it was first shown, and can be posted again after a challenge."""

    @property
    def shown_at(self) -> str:
        """Return the signed time at which this form was first shown."""
        shown = str(self.data.get(SHOWN_AT, ""))
        age = form_age_seconds(shown)
        return shown if age is not None and 0 <= age <= FORM_LIFETIME_SECONDS else sign_shown_at()

    def posted_fields(self) -> list[tuple[str, str]]:
        """Return the posted fields as hidden inputs for posting again: (name, value) pairs."""
        posted = cast("QueryDict", self.data)
        return [(name, value) for name in self.fields for value in posted.getlist(name)]


class Reason(StrEnum):
    """Why a proof of work is needed."""

    UNKNOWN_FORM = "unknown form"
    BUSY = "busy"


def proof_reason(posted: QueryDict, network: str) -> Reason | None:
    """Return why this post needs a proof of work, or None."""
    if is_busy(network) or requests.is_rate_reached():
        return Reason.BUSY
    if posted.get(HONEYPOT) or not is_our_form(posted.get(SHOWN_AT, "")):
        return Reason.UNKNOWN_FORM
    return None


def is_busy(network: str) -> bool:
    """Return True if a network has reached SIGNUPS_PER_NETWORK in the last hour."""
    recent = SignupRequest.objects.filter(network=network, created_at__gt=clock.now() - timedelta(hours=1))
    most = settings.SIGNUPS_PER_NETWORK
    return recent[:most].count() >= most


def is_our_form(shown_at: str) -> bool:
    """Return True if our form was shown, and long enough for a person to fill it in."""
    age = form_age_seconds(shown_at)
    return age is not None and settings.SIGNUP_MIN_SECONDS <= age <= FORM_LIFETIME_SECONDS


def sign_shown_at() -> str:
    """Return the current time, signed, for a form that is shown now."""
    return form_signer().sign(str(clock.milliseconds()))


def form_age_seconds(shown_at: str) -> float | None:
    """Return how many seconds ago a form was shown; None if the signature is not ours."""
    try:
        return (clock.milliseconds() - int(form_signer().unsign(shown_at))) / 1000
    except (BadSignature, ValueError):
        return None


def form_signer() -> Signer:
    return Signer(salt="paper-round.form")
