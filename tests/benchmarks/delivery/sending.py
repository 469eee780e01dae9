"""How fast what is on disk is handed over and recorded: two workers, sinks on loopback, the pace kept."""

import time
from collections.abc import Callable
from typing import NamedTuple

from anymail.message import AnymailMessage
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection
from django.test import override_settings

from digests.mail import compose, links, slots
from digests.mail import headers as mail_headers
from digests.models import Batch, Card, Digest
from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.mail import message as mail
from tests.benchmarks.delivery import planned, workers
from tests.benchmarks.delivery.digests import NOW, naive_part
from tests.benchmarks.delivery.sink import Sink, sending_to
from tests.benchmarks.delivery.workers import WORKERS, Spent
from tests.benchmarks.registry import Figure, bench

CONNECTIONS = 16  # of SMTP, of all workers together
PEAK_MB = 200.0
IN_DOUBT, IN_DOUBT_AS_SHIPPED = 1_000, 200  # readers
SAMPLE = 400  # mails of the naive way


class Rate(NamedTuple):
    """Mails a second of all workers, and the seconds of processors that ten thousand of them took."""

    speed: float
    cpu: float


@bench("merge", unit="deliveries/s", target=25_000, peak_target_mb=PEAK_MB)
def merge(scale: float) -> Figure:
    return handed_over("mailgun", round(1_000_000 * scale), 1_000, cpu_target=0.6)


@bench("merge50", unit="deliveries/s", target=10_000, peak_target_mb=PEAK_MB)
def merge50(scale: float) -> Figure:
    return handed_over("mailgun", round(400_000 * scale), 50, times_target=150)


@bench("array", unit="deliveries/s", target=6_000, peak_target_mb=PEAK_MB)
def array(scale: float) -> Figure:
    return handed_over("postmark", round(200_000 * scale), 1)


@bench("smtp", unit="deliveries/s", target=8_000, peak_target_mb=PEAK_MB)
def smtp(scale: float) -> Figure:
    connections = CONNECTIONS // WORKERS
    return handed_over(
        "smtp", round(200_000 * scale), 1, cpu_target=1.2, times_target=45, SMTP_CONNECTIONS=connections
    )


@bench("single", unit="of Anymail alone", target=0.85, peak_target_mb=PEAK_MB)
def single(scale: float) -> Figure:
    """Compare one message a call with what Anymail alone does with the same messages, all composed before."""
    readers = round(20_000 * scale)
    # Under this name Postmark has no lane of its own.
    with sending_to("postmark", EMAIL_PROVIDER="another") as sink:
        planned.plan(readers, 1)
        alone = rate_of(send_by_anymail, min(readers, 10 * SAMPLE))
        ours, spent = send_all(readers, sink)
    return Figure(
        ours.speed / alone.speed,
        f"{readers:,} deliveries, every digest different: {described(ours)}; Anymail alone, messages made before, "
        f"{described(alone)}; {held(spent)}; taken by {sink.name}",
        max(one.peak_mb for one in spent),
    )


def handed_over(
    provider: str, readers: int, each: int, cpu_target: float = 0, times_target: float = 0, **settings: object
) -> Figure:
    """Measure one lane: everything but assembly counts, up to the closed counts.

    Targets hold where a thousand readers may be in doubt; the note gives the figures as shipped, too.
    """
    with sending_to(provider, READERS_IN_DOUBT=IN_DOUBT, **settings) as sink:
        planned.plan(readers, each)
        naive = rate_of(send_naively, min(readers, SAMPLE))
        ours, spent = send_all(readers, sink)
        with override_settings(READERS_IN_DOUBT=IN_DOUBT_AS_SHIPPED):
            forget_sent()
            as_shipped, _ = send_all(readers, sink)
    times = naive.cpu / ours.cpu
    return Figure(
        ours.speed,
        f"{readers:,} deliveries of {-(-readers // each):,} digests: {described(ours)}"
        f"{f' (target {cpu_target})' if cpu_target else ''}, {times:.0f} times less"
        f"{f' (target {times_target:g})' if times_target else ''} than one template and one message a reader "
        f"({described(naive)}); {ours.speed / naive.speed:.0f} times as fast; at most {IN_DOUBT_AS_SHIPPED} readers "
        f"in doubt instead of {IN_DOUBT:,}: {described(as_shipped)}; {held(spent)}; {WORKERS} processes; "
        f"taken by {sink.name}",
        max(one.peak_mb for one in spent),
        missed=("seconds of processors",) * (0 < cpu_target < ours.cpu) + ("ratio",) * (times < times_target),
    )


def send_all(readers: int, sink: Sink) -> tuple[Rate, list[Spent]]:
    before = sink.taken()
    workers.enqueue(Batch.objects.order_by("pk").values_list("pk", flat=True))
    seconds, spent = workers.side_by_side(workers.send_queued)
    close_counts(readers, sink.taken() - before)
    return Rate(readers / seconds, sum(one.seconds for one in spent) / readers * 10_000), spent


SENT = """
SELECT count(*) FILTER (WHERE delivery.status IS NULL AND delivery.call_no < batch.position AND batch.status = 'done')
FROM digests_delivery delivery JOIN digests_batch batch ON batch.id = delivery.batch_id
"""


FORGET = """
UPDATE digests_batch SET status = 'planned', position = 0, open_calls = 0, started_at = NULL, finished_at = NULL
"""


def forget_sent() -> None:
    """Make all batches ready to be sent once more."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        cursor.execute("VACUUM digests_batch")


def close_counts(readers: int, taken: int) -> None:
    """Check that every delivery is recorded as sent, and was taken once."""
    with connection.cursor() as cursor:
        cursor.execute(SENT)
        sent = cursor.fetchone()[0]
    assert (sent, taken) == (readers, readers), f"of {readers} deliveries {sent} are sent, {taken} were taken"


def rate_of(work: Callable[[int], Rate], count: int) -> Rate:
    """Let all workers do the naive thing with the first `count` digests between them."""
    _, rates = workers.side_by_side(work, max(1, count // WORKERS))
    return Rate(sum(rate.speed for rate in rates), sum(rate.cpu for rate in rates) / len(rates))


def send_naively(count: int) -> Rate:
    """Render a template and send a message for each reader, over one connection kept open."""
    with clock.at(NOW):
        issue = Issue.objects.get()
        entries = {card.pk: card.entry for card in Card.objects.select_related("entry")}
        digests = list(Digest.objects.order_by("pk")[:count])
        digests *= -(-count // len(digests))
        with get_connection() as backend, Stopwatch() as watch:
            for digest in digests[:count]:
                html, text = (naive_part(issue, [entries[pk] for pk in digest.card_ids], k) for k in ("html", "txt"))
                message = EmailMultiAlternatives(digest.subject, text, to=["reader@example.org"], connection=backend)
                message.attach_alternative(html, "text/html")
                message.send()
    return watch.rate(count)


def send_by_anymail(count: int) -> Rate:
    with clock.at(NOW):
        digests = Digest.objects.select_related("issue").order_by("pk")[:count]
        messages = [message_of(digest) for digest in digests]
        with get_connection() as backend, Stopwatch() as watch:
            for message in messages:
                message.connection = backend
                message.send()
    return watch.rate(len(messages))


def message_of(digest: Digest) -> AnymailMessage:
    html, text = (slots.fill(part, links.links(1, 1, 0)) for part in parts_of(digest))
    headers = mail_headers.headers_of(digest) | {"List-Unsubscribe": "<https://papers.example.org/unsubscribe/token/>"}
    return mail.build(
        "reader@example.org", digest.subject, text, html, tag="digest", headers=headers, metadata={"delivery": "1"}
    )


def parts_of(digest: Digest) -> tuple[str, str]:
    parts = compose.compose(digest)
    return parts.html, parts.text


class Stopwatch:
    """Takes the time of this process, by the wall and by the processor."""

    def __enter__(self) -> "Stopwatch":
        self.wall, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall = time.perf_counter() - self.wall
        self.processor = time.process_time() - self.processor

    def rate(self, count: int) -> Rate:
        return Rate(count / self.wall, self.processor / count * 10_000)


def described(rate: Rate) -> str:
    return f"{rate.speed:,.0f}/s, {rate.cpu:.2f} s of processors for 10,000"


def held(spent: list[Spent]) -> str:
    most = max(spent, key=lambda one: one.peak_mb)
    return f"a worker held {most.half_mb:.0f} MB in the first half, {most.peak_mb:.0f} MB in all (target 200)"
