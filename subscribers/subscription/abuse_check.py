"""Who has to show a proof of work before mail is asked for. Nothing here depends on whose the address is."""

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

FORM_LIFETIME_SECONDS = 24 * 3600  # until the mark of a page left open counts no more
TRAP = "website"  # a field that people do not see
MARK = "shown"


class StrangersForm(forms.Form):
    """A form that anybody may post: it says when it was shown, and can be posted again as it was typed."""

    @property
    def mark(self) -> str:
        """Return the signed moment that this form was shown at first."""
        shown = str(self.data.get(MARK, ""))
        age = age_of(shown)
        return shown if age is not None and 0 <= age <= FORM_LIFETIME_SECONDS else new_mark()

    def typed(self) -> list[tuple[str, str]]:
        """Return the answers as they were typed, to be posted again."""
        posted = cast("QueryDict", self.data)
        return [(name, value) for name in self.fields for value in posted.getlist(name)]


class Reason(StrEnum):
    """Why a proof is asked for."""

    UNKNOWN_FORM = "unknown form"
    BUSY = "busy"


def reason_to_ask(typed: QueryDict, network: str) -> Reason | None:
    """Return why this post has to show a proof of work, None where it need not."""
    if is_busy(network) or requests.is_crowded():
        return Reason.BUSY
    if typed.get(TRAP) or not is_of_our_form(typed.get(MARK, "")):
        return Reason.UNKNOWN_FORM
    return None


def is_busy(network: str) -> bool:
    """Say whether a network has asked as often as it may in this hour."""
    recent = SignupRequest.objects.filter(network=network, created_at__gt=clock.now() - timedelta(hours=1))
    most = settings.SIGNUPS_PER_NETWORK
    return recent[:most].count() >= most


def is_of_our_form(mark: str) -> bool:
    """Say whether a form of ours was shown, and long enough to be filled in."""
    age = age_of(mark)
    return age is not None and settings.SIGNUP_MIN_SECONDS <= age <= FORM_LIFETIME_SECONDS


def new_mark() -> str:
    """Return the signed moment that a form is shown at."""
    return marker().sign(str(clock.milliseconds()))


def age_of(mark: str) -> float | None:
    """Return how many seconds ago a form was shown, None where it is not ours."""
    try:
        return (clock.milliseconds() - int(marker().unsign(mark))) / 1000
    except (BadSignature, ValueError):
        return None


def marker() -> Signer:
    return Signer(salt="paper-round.form")
