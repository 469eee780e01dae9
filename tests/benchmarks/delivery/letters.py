"""How long who signs up waits for the confirmation while digests are going out."""

import itertools
import multiprocessing
import statistics
import time
from datetime import timedelta

from django.conf import settings
from django.db import connections

from digests.assembly import assemble
from digests.models import Batch
from digests.sending import send_batch
from newsletter import clock
from newsletter.papers.models import Topic
from subscribers import synthetic_subscribers
from subscribers.models import Letter, SignupRequest
from tests.benchmarks.delivery.digests import make_issue
from tests.benchmarks.registry import Figure, bench, shown
from tests.flows.letters import clicks, letters_worker, sign_up
from tests.outside.provider import providing_apart

READERS = 50_000
SENDERS = 2  # as the digests' worker has
PAUSE_SECONDS = 0.05  # from one click to the next
PATIENCE = timedelta(seconds=60)
BREAKER = {"SIGNUP_CONFIRMATIONS_A_MINUTE": "100000"}  # everybody is let in


@bench("letters", unit="s", target=10, higher_is_better=False)
def letters(scale: float) -> Figure:
    """Sign up again and again while digests go out on the merge lane, and wait for every letter."""
    readers = round(READERS * scale)
    make_issue()
    for _ in shown(
        synthetic_subscribers.make_subscribers(readers, due_at=clock.now()),
        "readers",
        readers // synthetic_subscribers.CHUNK + 1,
    ):
        pass
    assemble.assemble_due_digests()
    with providing_apart("mailgun", counting=True) as provider, letters_worker(provider.environment | BREAKER):
        for name, value in provider.settings.items():
            setattr(settings, name, value)
        settings.SIGNUP_CONFIRMATIONS_A_MINUTE = int(BREAKER["SIGNUP_CONFIRMATIONS_A_MINUTE"])
        sign_up("first@example.org", a_topic())
        wait_for_letters()  # the worker is up
        seconds = click_while_digests_go_out()
        wait_for_letters()
    clicked = clicks()
    rows = Letter.objects.exclude(subscriber__canonical="first@example.org").values_list("pk", "sent_at")
    delays = sorted((sent - clicked[pk]).total_seconds() for pk, sent in rows if sent)
    assert len(delays) == len(rows), f"{len(rows) - len(delays)} letters were not sent"
    return Figure(
        delays[int(len(delays) * 0.99)],
        f"p99 of {len(delays)} sign-ups from the click to the recorded hand-over (p50 {statistics.median(delays):.2f} "
        f"s, most {delays[-1]:.2f} s) while {readers:,} digests went out in {seconds:.0f} s",
    )


def click_while_digests_go_out() -> float:
    """Sign up one after another until the last digest is out; return the seconds it took."""
    topic = a_topic()
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    senders = [fork.Process(target=send_all, args=(number,)) for number in range(SENDERS)]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for number in itertools.count():
        sign_up(f"clicker{number}@example.org", topic)
        if not any(sender.is_alive() for sender in senders):
            break
        time.sleep(PAUSE_SECONDS)
    assert not Batch.objects.unfinished().exists()
    return time.perf_counter() - started


def send_all(number: int) -> None:
    for batch in Batch.objects.order_by("pk"):
        if batch.pk % SENDERS == number:
            assert send_batch.send_batch(batch)


def a_topic() -> str:
    return Topic.objects.current().values_list("slug", flat=True)[0]


def wait_for_letters() -> None:
    until = clock.now() + PATIENCE
    unsent = Letter.objects.filter(status__in=(Letter.Status.PLANNED, Letter.Status.SENDING))
    while SignupRequest.objects.filter(answered_at=None).exists() or unsent.exists():
        assert clock.now() < until, "the letters' worker does not send"
        time.sleep(PAUSE_SECONDS)
