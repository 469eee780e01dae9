"""What is handed over a wire with a distance, as a share of what the limits allow on paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings

from digests.models import Batch
from tests.benchmarks.delivery import planned, wire
from tests.benchmarks.delivery.sending import (
    CONNECTIONS,
    IN_DOUBT,
    IN_DOUBT_AS_SHIPPED,
    PEAK_MB,
    Rate,
    forget_sent,
    send_all,
)
from tests.benchmarks.delivery.sink import Sink, sending_to, settings_of
from tests.benchmarks.delivery.workers import WORKERS
from tests.benchmarks.registry import Figure, bench

CALL_SECONDS, CALLS_A_WORKER, READERS_A_CALL = 0.2, 8, 25
ROUND_TRIP = 0.05


@bench("latency_http", unit="of paper", target=0.9, peak_target_mb=PEAK_MB)
def latency_http(scale: float) -> Figure:
    """Small digests to Mailgun, which takes one digest a call: what helps is calls at once."""
    paper = WORKERS * CALLS_A_WORKER / CALL_SECONDS * READERS_A_CALL
    places = WORKERS * CALLS_A_WORKER + 1  # one is kept for letters
    with far_away("mailgun", CALL_SECONDS, SEND_CALLS_AT_ONCE=places) as sink:
        return share_of(paper, sink, round(40_000 * scale), READERS_A_CALL, "200 ms a call, 8 at once a worker")


@bench("latency_smtp", unit="of paper", target=0.9, peak_target_mb=PEAK_MB)
def latency_smtp(scale: float) -> Figure:
    paper = CONNECTIONS / ROUND_TRIP
    with far_away("smtp", ROUND_TRIP, SMTP_CONNECTIONS=CONNECTIONS // WORKERS) as sink:
        return share_of(paper, sink, round(6_000 * scale), 1, "50 ms a round trip, one a mail, 16 connections")


@contextmanager
def far_away(provider: str, seconds: float, **others: Any) -> Iterator[Sink]:
    with (
        sending_to(provider) as sink,
        wire.at_a_distance(sink.port, seconds) as port,
        override_settings(**settings_of(provider, port) | others),
    ):
        yield sink


def share_of(paper: float, sink: Sink, readers: int, each: int, what: str) -> Figure:
    rates: dict[int, Rate] = {}
    for in_doubt in (IN_DOUBT, IN_DOUBT_AS_SHIPPED):
        with override_settings(READERS_IN_DOUBT=in_doubt):
            if rates:
                forget_sent()
            else:
                planned.plan(readers, each)
            rates[in_doubt], spent = send_all(readers, sink)
    share = rates[IN_DOUBT].speed / paper
    each_rate = "; ".join(
        f"at most {in_doubt:,} readers in doubt: {rate.speed:,.0f}/s, {rate.speed / paper:.0%}, "
        f"{rate.cpu:.2f} s of processors for 10,000"
        for in_doubt, rate in rates.items()
    )
    return Figure(
        share,
        f"{what}: {paper:,.0f}/s on paper; {each_rate}; {readers:,} deliveries in {Batch.objects.count()} batches, "
        f"{each} a digest; {WORKERS} processes; taken by {sink.name}",
        max(one.peak_mb for one in spent),
    )
