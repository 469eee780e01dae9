"""Deliveries that were accepted and answered with an error, and rounds of questions about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.test import override_settings

from digests.models import Delivery, ProviderLookup
from digests.provider_events import application
from digests.provider_lookups import rounds
from digests.sending import calls
from newsletter import clock
from tests.digests.sending.handing import go_on, handing_to, planned
from tests.outside import faults
from tests.outside.provider import Provider

SENDING = "*@*"  # rules for this are for calls that send
ASKING = "GET"


@contextmanager
def doubting(name: str, readers: int = 3, *, accepts: bool = True) -> Iterator[Provider]:
    """Yield a provider that gave no clear answer to the first call of a batch, or to each of its one-reader calls."""
    times = {"sendgrid": readers, "resend": 1 + calls.RETRIES_WITH_KEY}.get(name, 1)
    with (
        handing_to(name, in_doubt=1000) as provider,
        override_settings(LOOKUP_DELAY=timedelta(0), SEND_CALLS_AT_ONCE=1),
    ):
        provider.plan(faults.failing(addresses=SENDING, accepts=accepts, times=times))
        planned(readers)
        go_on()
        provider.plan()
        yield provider


def ask() -> int:
    """Let one round run a minute after the one before, and apply what it brought; return how many calls it made."""
    ProviderLookup.objects.exclude(asked_at=None).update(asked_at=clock.now() - rounds.MINUTE)
    calls = rounds.ask_providers()
    application.apply_events()
    return calls


def statuses() -> list[str | None]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def said() -> set[str]:
    return set(ProviderLookup.objects.values_list("said", flat=True))
