"""Deliveries that were accepted and answered with an error, and rounds of questions about them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import override_settings

from digests.models import Delivery, ProviderLookup
from digests.provider_events import application
from digests.provider_lookups import rounds
from digests.sending import send_batch
from newsletter import clock
from tests.handing import handing_to, planned
from tests.outside import faults
from tests.outside.faults import Rule
from tests.outside.provider import Provider

SENDING = "*@*"  # rules for this are for calls that send
ASKING = "GET"
Status = Delivery.Status


@contextmanager
def doubting(name: str, readers: int = 3, *, accepts: bool = True, digests: int = 1) -> Iterator[Provider]:
    """Yield a provider that answered 503 to the calls of a batch, whose deliveries are all in doubt since."""
    with handing_to(name) as provider, override_settings(LOOKUP_DELAY=clock.now() - clock.now()):
        provider.plan(faults.failing(addresses=SENDING, accepts=accepts))
        batch = planned(readers, digests)
        while Delivery.objects.filter(status=None).exists():
            send_batch.send_batch(batch)
            batch.refresh_from_db()
        provider.plan()
        assert set(Delivery.objects.values_list("status", flat=True)) == {Status.UNCERTAIN}
        yield provider


def ask(*rules: Rule, provider: Provider | None = None) -> int:
    """Let one round run a minute after the one before, and apply what it brought; return how many calls it made."""
    if provider:
        provider.plan(*rules)
    ProviderLookup.objects.exclude(asked_at=None).update(asked_at=clock.now() - rounds.MINUTE)
    calls = rounds.ask_providers()
    application.apply_events()
    return calls


def statuses() -> list[str | None]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def said() -> set[str]:
    return set(ProviderLookup.objects.values_list("said", flat=True))
