"""Batches ready to be handed over, a provider that takes them, and somebody who looks on meanwhile."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from django.db import connection, connections
from django.test import override_settings

from digests.assembly import assemble
from digests.models import Batch, Delivery
from digests.sending import recovery, send_batch
from newsletter import clock
from subscribers.models import Preferences, Subscriber
from subscribers.synthetic_subscribers import write_readers
from tests.factories import PaperFactory, SubscriberFactory, TopicFactory, published_issue
from tests.outside.provider import Provider, providing

FEW_IN_DOUBT = 50  # so that few readers make several calls
Look = Callable[[int], None]


class Witness:
    """Does something while a call is on its way: `looks` by the number of the call, the first is 0."""

    def __init__(self) -> None:
        self.looks: dict[int, Look] = {}
        self.errors: list[BaseException] = []
        self.calls = 0
        self.transactions = 0  # left open by others while a call was on its way

    def __call__(self, addresses: Sequence[str]) -> None:
        number, self.calls = self.calls, self.calls + 1
        try:
            self.transactions += open_transactions()
            if look := self.looks.get(number):
                look(number)
        except BaseException as exc:
            self.errors.append(exc)
        finally:
            connections.close_all()

    def check(self) -> None:
        assert self.errors == []
        assert self.transactions == 0


def open_transactions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        )
        return int(cursor.fetchone()[0])


@contextmanager
def handing_to(
    name: str, witness: Witness | None = None, *, in_doubt: int = FEW_IN_DOUBT, bodies: bool = False
) -> Iterator[Provider]:
    """Send digests to a provider of this name while the block lasts, at most `in_doubt` readers a call.

    With `bodies`, its ledger holds the texts of the mails.
    """
    with ExitStack() as stack:
        provider = stack.enter_context(providing(name, witness=witness, bodies=bodies))
        stack.enter_context(override_settings(READERS_IN_DOUBT=in_doubt, **provider.settings))
        yield provider
        if witness:
            witness.check()


def planned(readers: int = 3, digests: int = 1) -> Batch:
    """Return one batch for so many readers of each of some digests, assembled for the provider of now."""
    topics = [TopicFactory() for _ in range(digests)]
    published_issue(clock.today(), *(PaperFactory(topics=[topic]) for topic in topics))
    for topic in topics:
        SubscriberFactory.create_batch(readers, topics=[topic], next_digest_at=clock.now())
    assemble.assemble_due_digests()
    return Batch.objects.get()


def planned_for(readers: int) -> list[Batch]:
    """Return the batches of one digest for so many readers; they are made fast."""
    topic = TopicFactory()
    published_issue(clock.today(), PaperFactory(topics=[topic]))
    preferences = Preferences.objects.for_choice([topic])
    write_readers(random.Random(1), [preferences.pk] * readers, 0, clock.now())
    assemble.assemble_due_digests()
    return list(Batch.objects.order_by("pk"))


def addresses(call_no: int | None = None) -> list[str]:
    """Return the readers' addresses, of one call or of all, as the database has them."""
    rows = Delivery.objects.all() if call_no is None else Delivery.objects.filter(call_no=call_no)
    return sorted(rows.values_list("subscriber__canonical", flat=True))


def accepted(provider: Provider) -> list[str]:
    return sorted(entry.address for entry in provider.accepted())


def check_once(provider: Provider, expected: Sequence[str]) -> None:
    """Check that these and no others were mailed, each once."""
    assert Counter(accepted(provider)) == Counter(expected)


def go_on(rounds: int = 20) -> None:
    """Sweep and send what is ready, until nothing is left that could be."""
    for _ in range(rounds):
        recovery.sweep()
        ready = list(Batch.objects.ready())
        if not ready:
            return
        for batch in ready:
            send_batch.send_batch(batch)


def statuses() -> Counter[str | None]:
    return Counter(Delivery.objects.values_list("status", flat=True))


def sent_count() -> int:
    return sum(row.is_sent for row in Delivery.objects.select_related("batch"))


def reader(number: int = 0) -> Subscriber:
    return Subscriber.objects.order_by("pk")[number]


@contextmanager
def later(**span: float) -> Iterator[None]:
    with clock.at(clock.now() + timedelta(**span)):
        yield


def stopping_after(calls: int) -> Callable[[], bool]:
    """Return what asks a worker to stop when it looks after so many windows."""
    looks = iter(range(calls))
    return lambda: next(looks, None) is None
