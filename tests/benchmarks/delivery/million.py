"""The whole way for a million readers at once: assembled, rendered, recorded and handed over, up to closed counts."""

import os
import time
from typing import NamedTuple

from digests.assembly import assemble
from digests.models import Batch, Digest
from newsletter import clock
from tests.benchmarks.delivery import workers
from tests.benchmarks.delivery.digests import NOW, READERS, make_issue, make_readers
from tests.benchmarks.delivery.sending import IN_DOUBT, SAMPLE, close_counts, rate_of, send_naively
from tests.benchmarks.delivery.sink import sending_to
from tests.benchmarks.delivery.workers import WORKERS, Spent
from tests.benchmarks.registry import Figure, bench
from tests.benchmarks.usage import MemoryWatch

TIMES_TARGET = 60  # less of processors for the hand-over than one template and one message a reader


class Served(NamedTuple):
    """What one worker did: when its assembling was over, in seconds and seconds of processors, and its sending."""

    assembled: float
    assembling: float
    sending: Spent


@bench("million", unit="s", target=150, higher_is_better=False, peak_target_mb=1_000)
def million(scale: float) -> Figure:
    readers = round(READERS * scale)
    with sending_to("mailgun", READERS_IN_DOUBT=IN_DOUBT) as sink:
        workers.apart(make_all, readers)
        with MemoryWatch([os.getpid()]) as memory:
            seconds, served = workers.side_by_side(serve)
        close_counts(readers, sink.taken())
        naive = rate_of(send_naively, min(readers, SAMPLE))
    times = naive.cpu / (sum(one.sending.seconds for one in served) / readers * 10_000)
    return Figure(
        seconds,
        f"{described(readers, seconds, served)}; handed over with {times:.0f} times less of processors than one "
        f"template and one message a reader (target {TIMES_TARGET}); taken by {sink.name}",
        memory.peak_mb,
        missed=("ratio",) * (times < TIMES_TARGET),
    )


def make_all(readers: int) -> None:
    with clock.at(NOW):
        make_issue()
        make_readers(readers)


def serve() -> Served:
    """Assemble beside the other worker, then send what both have assembled."""
    begun, processor = time.perf_counter(), time.process_time()
    with workers.assembling(), clock.at(NOW):
        workers.enqueue(assemble.assemble_due_digests().batch_ids)
    assembled, assembling = time.perf_counter() - begun, time.process_time() - processor
    return Served(assembled, assembling, workers.send_queued())


def described(readers: int, seconds: float, served: list[Served]) -> str:
    assembled = max(one.assembled for one in served)
    sending = sum(one.sending.seconds for one in served)
    return (
        f"{readers:,} readers, {Digest.objects.count():,} digests, {Batch.objects.count():,} batches; assembled in "
        f"{assembled:.1f} s ({sum(one.assembling for one in served):.0f} s of our processors), sent and recorded in "
        f"{seconds - assembled:.1f} s ({sending:.0f} s, {sending / readers * 10_000:.2f} s for 10,000); "
        f"{WORKERS} processes; peak of all processes in Python and the sink together, without PostgreSQL and Redis; "
        f"the largest worker held {max(one.sending.peak_mb for one in served):.0f} MB while it sent"
    )
